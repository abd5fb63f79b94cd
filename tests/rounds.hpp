#pragma once

// How often the tests repeat themselves.

#include <cstddef>

namespace xgrad::test {

#if defined(__SANITIZE_ADDRESS__)
inline constexpr bool kSanitized = true;
#elif defined(__has_feature)
inline constexpr bool kSanitized = __has_feature(address_sanitizer);
#else
inline constexpr bool kSanitized = false;
#endif

/// n, and a fifth of it where a sanitizer looks at memory: numbers are the other builds' part.
constexpr std::size_t rounds(std::size_t n) { return kSanitized ? (n + 4) / 5 : n; }

/// How many coordinates of each input a long gradient check looks at there (GradientCheckOptions::samples); elsewhere all.
inline constexpr std::size_t kCheckedCoordinates = kSanitized ? 3 : 0;

}  // namespace xgrad::test
