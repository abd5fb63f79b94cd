#include "xgrad/data/digit_shapes.hpp"

#include <array>
#include <cstddef>

namespace xgrad::detail {
namespace {

// 0: an oval; one whose ends pass each other inside; a narrow one; one whose ends cross at the top.
constexpr Point k0a[] = {{.50F, .02F}, {.26F, .20F}, {.20F, .52F}, {.30F, .86F},
                         {.52F, .98F}, {.74F, .84F}, {.80F, .48F}, {.72F, .16F}};
constexpr Point k0b[] = {{.62F, .06F}, {.40F, .06F}, {.22F, .28F}, {.20F, .62F}, {.36F, .94F},
                         {.62F, .94F}, {.80F, .64F}, {.78F, .28F}, {.60F, .08F}, {.46F, .14F}};
constexpr Point k0c[] = {{.52F, .00F}, {.38F, .24F}, {.34F, .56F}, {.40F, .90F},
                         {.52F, .98F}, {.64F, .76F}, {.67F, .44F}, {.62F, .12F}};
constexpr Point k0d[] = {{.58F, .06F}, {.32F, .16F}, {.20F, .50F}, {.32F, .90F}, {.58F, .96F},
                         {.80F, .62F}, {.74F, .22F}, {.54F, .04F}, {.36F, .10F}};

// 1: a line; with a flag; with flag and foot; bent.
constexpr Point k1a[] = {{.52F, .00F}, {.50F, .50F}, {.48F, 1.0F}};
constexpr Point k1b[] = {{.32F, .24F}, {.44F, .14F}, {.54F, .00F}, {.53F, .50F}, {.52F, 1.0F}};
constexpr Point k1c[] = {{.34F, .22F}, {.52F, .02F}, {.51F, .50F},
                         {.50F, .97F}, {.28F, .98F}, {.74F, .97F}};
constexpr Point k1d[] = {{.56F, .00F}, {.50F, .34F}, {.47F, .70F}, {.50F, 1.0F}};

// 2: with a flat foot; with a loop at the foot; in one wave; narrow and angular.
constexpr Point k2a[] = {{.22F, .24F}, {.34F, .05F}, {.58F, .02F}, {.74F, .18F}, {.68F, .42F},
                         {.44F, .72F}, {.20F, .96F}, {.50F, .95F}, {.82F, .94F}};
constexpr Point k2b[] = {{.24F, .22F}, {.40F, .03F}, {.64F, .06F}, {.72F, .28F},
                         {.56F, .58F}, {.36F, .84F}, {.20F, .92F}, {.22F, .78F},
                         {.40F, .80F}, {.60F, .96F}, {.84F, .90F}};
constexpr Point k2c[] = {{.18F, .16F}, {.42F, .02F}, {.66F, .10F}, {.64F, .36F}, {.42F, .62F},
                         {.24F, .86F}, {.36F, .95F}, {.58F, .90F}, {.84F, .84F}};
constexpr Point k2d[] = {{.28F, .14F}, {.48F, .00F}, {.68F, .12F}, {.62F, .40F},
                         {.30F, .98F}, {.52F, .98F}, {.74F, .99F}};

// 3: two bowls; with a flat top; with a small upper bowl; with a deep fold.
constexpr Point k3a[] = {{.26F, .12F}, {.48F, .00F}, {.70F, .12F}, {.66F, .36F}, {.42F, .46F},
                         {.68F, .56F}, {.78F, .76F}, {.56F, .98F}, {.22F, .88F}};
constexpr Point k3b[] = {{.24F, .04F}, {.50F, .04F}, {.74F, .03F}, {.60F, .22F}, {.44F, .40F},
                         {.68F, .48F}, {.78F, .70F}, {.60F, .96F}, {.24F, .92F}};
constexpr Point k3c[] = {{.32F, .12F}, {.50F, .02F}, {.64F, .12F}, {.60F, .30F}, {.42F, .38F},
                         {.70F, .46F}, {.80F, .70F}, {.58F, .98F}, {.20F, .82F}};
constexpr Point k3d[] = {{.22F, .10F}, {.46F, .00F}, {.72F, .10F}, {.70F, .34F}, {.36F, .50F},
                         {.46F, .47F}, {.72F, .60F}, {.70F, .88F}, {.44F, .99F}, {.20F, .90F}};

// 4: open; closed, with a long upright; open and round; closed in one stroke.
constexpr Point k4a[] = {{.30F, .04F}, {.26F, .30F}, {.22F, .56F}, {.50F, .56F},
                         {.84F, .52F}, {.68F, .02F}, {.66F, .50F}, {.64F, 1.0F}};
constexpr Point k4b[] = {{.62F, .00F}, {.40F, .32F}, {.16F, .64F}, {.50F, .64F},
                         {.86F, .62F}, {.62F, .50F}, {.61F, 1.0F}};
constexpr Point k4c[] = {{.28F, .06F}, {.22F, .30F}, {.30F, .50F}, {.52F, .48F},
                         {.70F, .30F}, {.74F, .06F}, {.70F, .54F}, {.66F, 1.0F}};
constexpr Point k4d[] = {{.58F, .04F}, {.36F, .34F}, {.20F, .58F}, {.46F, .58F},
                         {.76F, .54F}, {.66F, .04F}, {.62F, .52F}, {.56F, .98F}};

// 5: bar, neck and bowl; in one stroke, like an S; with the bar set apart; angular.
constexpr Point k5a[] = {{.78F, .03F}, {.54F, .04F}, {.30F, .05F}, {.28F, .24F}, {.26F, .44F},
                         {.52F, .38F}, {.76F, .56F}, {.74F, .84F}, {.50F, .98F}, {.20F, .88F}};
constexpr Point k5b[] = {{.76F, .04F}, {.50F, .04F}, {.34F, .14F}, {.30F, .36F}, {.56F, .46F},
                         {.74F, .64F}, {.66F, .90F}, {.42F, .99F}, {.20F, .90F}};
constexpr Point k5c[] = {{.34F, .08F}, {.31F, .26F}, {.29F, .46F}, {.54F, .40F},
                         {.74F, .58F}, {.70F, .86F}, {.46F, .98F}, {.22F, .92F},
                         {.36F, .07F}, {.60F, .05F}, {.84F, .00F}};
constexpr Point k5d[] = {{.72F, .00F}, {.52F, .01F}, {.36F, .02F}, {.32F, .22F}, {.28F, .42F},
                         {.58F, .48F}, {.68F, .70F}, {.54F, .92F}, {.24F, 1.0F}};

// 6: round; with a straight neck; with a small bowl; drawn out.
constexpr Point k6a[] = {{.68F, .04F}, {.44F, .14F}, {.26F, .42F}, {.24F, .74F}, {.42F, .98F},
                         {.68F, .90F}, {.76F, .68F}, {.58F, .52F}, {.36F, .60F}, {.25F, .76F}};
constexpr Point k6b[] = {{.58F, .00F}, {.42F, .26F}, {.30F, .54F}, {.26F, .78F}, {.44F, .98F},
                         {.66F, .88F}, {.68F, .66F}, {.50F, .56F}, {.30F, .72F}};
constexpr Point k6c[] = {{.42F, .00F}, {.32F, .30F}, {.28F, .64F}, {.36F, .92F}, {.56F, .98F},
                         {.70F, .84F}, {.64F, .66F}, {.46F, .66F}, {.33F, .82F}};
constexpr Point k6d[] = {{.76F, .08F}, {.54F, .03F}, {.34F, .20F}, {.24F, .52F}, {.28F, .86F},
                         {.52F, .98F}, {.74F, .82F}, {.70F, .58F}, {.48F, .50F}, {.28F, .62F}};

// 7: plain; with a bar; with a hook; round.
constexpr Point k7a[] = {{.20F, .06F}, {.50F, .05F}, {.80F, .04F}, {.62F, .48F}, {.44F, 1.0F}};
constexpr Point k7b[] = {{.20F, .06F}, {.50F, .06F}, {.80F, .04F}, {.60F, .48F},
                         {.42F, 1.0F}, {.36F, .50F}, {.56F, .50F}, {.78F, .48F}};
constexpr Point k7c[] = {{.22F, .24F}, {.23F, .14F}, {.26F, .04F}, {.52F, .06F},
                         {.80F, .04F}, {.66F, .44F}, {.54F, 1.0F}};
constexpr Point k7d[] = {{.18F, .12F}, {.40F, .03F}, {.66F, .02F}, {.76F, .14F},
                         {.60F, .42F}, {.48F, .70F}, {.44F, 1.0F}};

// 8: in one stroke; two rings; one that does not close at the top; narrow.
constexpr Point k8a[] = {{.70F, .10F}, {.48F, .01F}, {.30F, .14F}, {.34F, .34F},
                         {.54F, .48F}, {.74F, .66F}, {.72F, .90F}, {.48F, .99F},
                         {.26F, .88F}, {.28F, .66F}, {.50F, .48F}, {.70F, .30F}};
constexpr Point k8b[] = {{.50F, .02F}, {.30F, .12F}, {.30F, .34F}, {.50F, .46F},
                         {.70F, .34F}, {.70F, .12F}, {.24F, .60F}, {.24F, .88F},
                         {.50F, .99F}, {.76F, .88F}, {.76F, .60F}};
constexpr Point k8c[] = {{.76F, .06F}, {.46F, .02F}, {.28F, .18F}, {.40F, .40F},
                         {.66F, .60F}, {.70F, .86F}, {.46F, .99F}, {.26F, .84F},
                         {.38F, .60F}, {.62F, .34F}, {.72F, .16F}};
constexpr Point k8d[] = {{.60F, .04F}, {.44F, .04F}, {.40F, .22F}, {.52F, .44F}, {.62F, .70F},
                         {.56F, .96F}, {.42F, .96F}, {.38F, .74F}, {.50F, .46F}, {.62F, .22F}};

// 9: ring and straight stem; with a curved tail; with a hook; angular, near a 4.
constexpr Point k9a[] = {{.72F, .14F}, {.50F, .02F}, {.28F, .14F}, {.26F, .36F}, {.46F, .48F},
                         {.68F, .34F}, {.74F, .10F}, {.70F, .56F}, {.66F, 1.0F}};
constexpr Point k9b[] = {{.70F, .18F}, {.48F, .02F}, {.28F, .18F}, {.32F, .42F}, {.54F, .46F},
                         {.71F, .26F}, {.72F, .56F}, {.62F, .84F}, {.42F, 1.0F}};
constexpr Point k9c[] = {{.72F, .16F}, {.50F, .01F}, {.28F, .16F}, {.30F, .38F}, {.52F, .46F},
                         {.72F, .28F}, {.76F, .58F}, {.70F, .90F}, {.46F, .99F}, {.24F, .88F}};
constexpr Point k9d[] = {{.68F, .08F}, {.44F, .05F}, {.26F, .24F}, {.32F, .46F},
                         {.54F, .42F}, {.68F, .22F}, {.62F, .60F}, {.54F, 1.0F}};

constexpr DigitShape kShapes[][4] = {
    {{k0a, "abcdefgha"}, {k0b, "abcdefghij"}, {k0c, "abcdefgha"}, {k0d, "abcdefghi"}},
    {{k1a, "abc"}, {k1b, "abc cde"}, {k1c, "ab bcd ef"}, {k1d, "abcd"}},
    {{k2a, "abcdefg ghi"}, {k2b, "abcdefghijk"}, {k2c, "abcdefghi"}, {k2d, "abcde efg"}},
    {{k3a, "abcde efghi"}, {k3b, "abc cde efghi"}, {k3c, "abcde efghi"}, {k3d, "abcdefghij"}},
    {{k4a, "abc cde fgh"}, {k4b, "abc cde afg"}, {k4c, "abcdef fgh"}, {k4d, "abc cde fgh"}},
    {{k5a, "abc cde efghij"}, {k5b, "abcdefghi"}, {k5c, "abc cdefgh ijk"}, {k5d, "abc cde efghi"}},
    {{k6a, "abcdefghij"}, {k6b, "abcdefghi"}, {k6c, "abcdefghi"}, {k6d, "abcdefghij"}},
    {{k7a, "abc cde"}, {k7b, "abc cde fgh"}, {k7c, "abc cde efg"}, {k7d, "abcdefg"}},
    {{k8a, "abcdefghijkla"}, {k8b, "abcdefa dghijkd"}, {k8c, "abcdefghijk"}, {k8d, "abcdefghija"}},
    {{k9a, "abcdefa ghi"}, {k9b, "abcdefghi"}, {k9c, "abcdefa fghij"}, {k9d, "abcdef fgh"}},
};

}  // namespace

std::span<const DigitShape> digit_shapes(std::int64_t digit) { return kShapes[digit]; }

}  // namespace xgrad::detail
