#!/bin/bash
# xsimd 8.1.0 (Debian libxsimd-dev 8.1.0-7), SSE2, AVX2 and AVX-512 alike.
#
# Functions of batches stop before the results leave the range of their type: exp() of a float is infinite from 88.38 on (e^88.7 is
# representable), of a double from 709.5 on (up to 709.78 is); on the other side exp(-88) of a float is 0 though exp(-87.5), which
# is subnormal as well, is not, and exp(-708.5) of a double, just below the normal numbers, is 0. hypot(3e200, 4e200) is infinite. erf(x) is NaN
# for |x| of 1e100, where it has long been 1: infinity times zero inside.
#
# Seen:   as below, libm beside it.
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
  for (const float x : {88.3f, 88.5f, -87.5f, -88.f})
    std::printf("float exp(%g) %.5g, libm %.5g\n", x, xsimd::exp(xsimd::batch<float>(x)).get(0), std::exp(x));
  for (const double x : {709.3, 709.5, -708.5})
    std::printf("exp(%g) %.5g, libm %.5g\n", x, first(xsimd::exp(Pack(x))), std::exp(x));
  std::printf("hypot(3e200, 4e200) %g, libm %g\n", first(xsimd::hypot(Pack(3e200), Pack(4e200))), std::hypot(3e200, 4e200));
  const double y = first(xsimd::erf(Pack(1e100)));
  std::printf("erf(1e100) %s, libm %g\n", y != y ? "NaN" : "a number", std::erf(1e100));
}
END
g++ -std=c++17 -O1 -w  -I root/usr/include main.cpp -o main
./main | tee output
diff output - <<'END'
float exp(88.3) 2.2295e+38, libm 2.2295e+38
float exp(88.5) inf, libm 2.7231e+38
float exp(-87.5) 9.9824e-39, libm 9.9824e-39
float exp(-88) 0, libm 6.0546e-39
exp(709.3) 1.1094e+308, libm 1.1094e+308
exp(709.5) inf, libm 1.355e+308
exp(-708.5) 0, libm 2.0061e-308
hypot(3e200, 4e200) inf, libm 5e+200
erf(1e100) NaN, libm 1
END
