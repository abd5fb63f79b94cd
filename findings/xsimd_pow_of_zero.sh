#!/bin/bash
# xsimd 8.1.0 (Debian libxsimd-dev 8.1.0-7), SSE2, AVX2 and AVX-512 alike.
#
# pow(0, y) of batches is 0 for every y: pow(0, 0) is 0 where C, C++ and IEEE 754 have 1, and pow(0, -1) is 0 where they have
# infinity. It is not a rule for all zeros, though: pow(2, 0) is 1. Whoever differentiates x^n by n x^(n-1) meets pow(0, 0) at
# n = 1 and loses the slope.
#
# Seen:   pow(0, 0) 0, pow(0, -1) 0, pow(-0, -1) 0, pow(2, 0) 1.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
apt-get download -qq libxsimd-dev=8.1.0-7 >/dev/null 2>&1
dpkg -x libxsimd-dev_*.deb root
cat > main.cpp <<'END'
#include <cmath>
#include <cstdio>
#include <xsimd/xsimd.hpp>

using Pack = xsimd::batch<double>;

double first(const Pack& x) {
  double lane[Pack::size];
  x.store_unaligned(lane);
  return lane[0];
}

int main() {
  for (const auto& [x, y] : {std::pair(0., 0.), {0., -1.}, {-0., -1.}, {0., 2.}, {2., 0.}})
    std::printf("pow(%g, %g) %g, libm %g\n", x, y, first(xsimd::pow(Pack(x), Pack(y))), std::pow(x, y));
}
END
g++ -std=c++17 -O1 -w  -I root/usr/include main.cpp -o main
./main | tee output
diff output - <<'END'
pow(0, 0) 0, libm 1
pow(0, -1) 0, libm inf
pow(-0, -1) 0, libm -inf
pow(0, 2) 0, libm 0
pow(2, 0) 1, libm 1
END
