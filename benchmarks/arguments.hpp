#pragma once

#include <charconv>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>

/// Argument `i` as a count of at least 1, or `otherwise` where there are fewer. For anything else the program ends and says
/// how it is called.
inline int count_argument(int argc, char** argv, int i, int otherwise, const char* usage) {
  if (argc <= i) return otherwise;
  int n = 0;
  const char* const end = argv[i] + std::strlen(argv[i]);
  if (const auto [at, error] = std::from_chars(argv[i], end, n);
      error == std::errc() && at == end && n > 0)
    return n;
  std::fprintf(stderr, "usage: %s; \"%s\" is no count of at least 1\n", usage, argv[i]);
  std::exit(2);
}
