// What kernels/formulas/contract.hpp refuses: formulas with a member that is missing, misspelt or
// of another kind.

#include "xgrad/kernels/formulas/contract.hpp"

#include <boost/test/unit_test.hpp>

#include "xgrad/kernels/formulas/activations.hpp"
#include "xgrad/kernels/formulas/arithmetic.hpp"
#include "xgrad/kernels/formulas/comparisons.hpp"
#include "xgrad/kernels/formulas/losses.hpp"

namespace {

using namespace xgrad;

struct Named {
  static constexpr const char* name = "test";
  template <class X>
  X operator()(const X& x) const {
    return x;
  }
};
struct WithSlope : Named {
  template <class X>
  X slope(const X& x, const X&) const {
    return x;
  }
};
struct WithSlopes : Named {
  template <class X>
  X by_first(const X& x, const X&, const X&) const {
    return x;
  }
  template <class X>
  X by_second(const X& x, const X&, const X&) const {
    return x;
  }
};

struct Good : WithSlope {
  using Kind = OfOne<Reads::input>;
};
struct WithoutName {
  using Kind = Composed<1>;
};
struct WithoutKind : WithSlope {};
struct MisspeltKind : WithSlope {
  using Kidn = OfOne<Reads::input>;
};
struct WithoutSlope : Named {
  using Kind = OfOne<Reads::input>;
};
struct MisspeltSlope : Named {
  using Kind = OfOne<Reads::input>;
  template <class X>
  X slpoe(const X& x, const X&) const {
    return x;
  }
};
struct SlopeThatIsNeverCalled : WithSlope {
  using Kind = Composed<1>;
};
struct GoodOfTwo : WithSlopes {
  using Kind = OfTwo;
  static Saved saves(unsigned) { return {3U}; }
};
struct WithoutSaves : WithSlopes {
  using Kind = OfTwo;
};
struct OneOfTwoSlopes : Named {
  using Kind = OfTwo;
  static Saved saves(unsigned) { return {3U}; }
  template <class X>
  X by_first(const X& x, const X&, const X&) const {
    return x;
  }
};
struct SlopesOfAMask : WithSlopes {
  using Kind = Mask<2>;
};
struct WithoutComposed : Named {
  using Kind = OwnRule<1>;
  static Saved saves(unsigned) { return {1U}; }
};
struct WithoutShares : GoodOfTwo {
  template <class B>
  static void vjp(B&) {}
};

static_assert(Formula<Good> && Formula<GoodOfTwo>);
static_assert(!Formula<WithoutName> && !Formula<WithoutKind> && !Formula<MisspeltKind>);
static_assert(!Formula<WithoutSlope> && !Formula<MisspeltSlope>);
static_assert(!Formula<SlopeThatIsNeverCalled> && !Formula<SlopesOfAMask>);
static_assert(!Formula<WithoutSaves> && !Formula<OneOfTwoSlopes>);
static_assert(!Formula<WithoutComposed> && !Formula<WithoutShares>);

static_assert(Formula<primitives::Add> && Formula<primitives::Divide>);
static_assert(Formula<primitives::Where> && Formula<primitives::Less>);
static_assert(Formula<primitives::Gelu> && Formula<primitives::Huber>);

}  // namespace

BOOST_AUTO_TEST_CASE(formulas_that_break_the_contract_are_refused) {
  BOOST_TEST(Formula<primitives::Clamp>);
  BOOST_TEST(!Formula<MisspeltSlope>);
}
