#!/bin/bash
# xsimd 8.1.0 (Debian libxsimd-dev 8.1.0-7), SSE2, AVX2 and AVX-512 alike.
#
# log() of a batch of doubles is wrong for every subnormal number, by up to 37, and nearly the same for all of them; cbrt() of them
# by a factor of 0.79. log() of floats is right there. One would expect a finite wrong result nowhere: either the logarithm, or
# -inf where subnormals count as 0.
#
# Seen:   log(2e-310) = -746.5105648208454, libm -713.1082316475946; float log(1e-40) = -92.1034088, as libm.
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
  for (const double x : {1e-308, 2e-310, 5e-324})
    std::printf("log(%g) %.4f, libm %.4f\n", x, first(xsimd::log(Pack(x))), std::log(x));
  std::printf("log(3e-308) %.4f, libm %.4f\n", first(xsimd::log(Pack(3e-308))), std::log(3e-308));
  std::printf("cbrt(1e-310) %.4g, libm %.4g\n", first(xsimd::cbrt(Pack(1e-310))), std::cbrt(1e-310));
  const xsimd::batch<float> y = xsimd::log(xsimd::batch<float>(1e-40f));
  std::printf("float log(1e-40) %.4f, libm %.4f\n", y.get(0), std::log(1e-40f));
}
END
g++ -std=c++17 -O1 -w  -I root/usr/include main.cpp -o main
./main | tee output
diff output - <<'END'
log(1e-308) -746.1483, libm -709.1962
log(2e-310) -746.5106, libm -713.1082
log(4.94066e-324) -746.5195, libm -744.4401
log(3e-308) -708.0976, libm -708.0976
cbrt(1e-310) 3.684e-104, libm 4.642e-104
float log(1e-40) -92.1034, libm -92.1034
END
