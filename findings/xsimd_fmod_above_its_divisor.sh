#!/bin/bash
# xsimd 8.1.0 (Debian libxsimd-dev 8.1.0-7), AVX2 with FMA.
#
# fmod(1e20, 3) of batches is 4096: a remainder larger than what was divided by. It is taken as x - trunc(x / y) y in one fused
# step, so that beyond 2^53 the rounding of the quotient comes out, times y; without FMA the same call gives 0. The right value
# is 1: C's fmod is exact for all arguments.
#
# Seen (with FMA): fmod(1e20, 3) 4096, fmod(1e17, 3) 4.
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
  for (const auto& [x, y] : {std::pair(1e20, 3.), {1e17, 3.}, {7., 3.}, {5.5, -2.}})
    std::printf("fmod(%g, %g) %g, libm %g\n", x, y, first(xsimd::fmod(Pack(x), Pack(y))), std::fmod(x, y));
}
END
g++ -std=c++17 -O1 -w -mavx2 -mfma -I root/usr/include main.cpp -o main
./main | tee output
diff output - <<'END'
fmod(1e+20, 3) 4096, libm 1
fmod(1e+17, 3) 4, libm 1
fmod(7, 3) 1, libm 1
fmod(5.5, -2) 1.5, libm 1.5
END
