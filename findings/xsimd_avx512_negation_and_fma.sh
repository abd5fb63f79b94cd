#!/bin/bash
# xsimd 8.1.0 (Debian libxsimd-dev 8.1.0-7), AVX-512 against AVX2 with FMA, both on one machine that has them.
#
# The wider instruction set is the less exact one. With AVX-512 the negation of a batch of zeros is +0, where the same source with
# AVX2 gives -0 (so -x is not x with the other sign, and 1 / -x has the wrong infinity); and xsimd::fma(x, y, z), whose name
# promises one rounding, rounds twice: (1 + 2^-30)^2 - (1 + 2^-29) is 2^-60, and comes out as 0.
#
# Seen:   AVX2 -0 and 8.67362e-19; AVX-512 0 and 0.
set -eu
grep -q avx512bw /proc/cpuinfo || { echo "this machine has no AVX-512: nothing can be seen here"; exit 0; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
apt-get download -qq libxsimd-dev=8.1.0-7 >/dev/null 2>&1
dpkg -x libxsimd-dev_*.deb root
cat > main.cpp <<'END'
#include <cstdio>
#include <cstdlib>
#include <xsimd/xsimd.hpp>

using Pack = xsimd::batch<double>;

int main(int, char** argv) {
  const Pack zero(std::atof(argv[1])), x(std::atof(argv[2])), z(-std::atof(argv[3]));
  std::printf("%s: -0. is %g, fma is %g\n", argv[4], (-zero).get(0), xsimd::fma(x, x, z).get(0));
}
END
g++ -std=c++17 -O1 -w -ffp-contract=off -mavx2 -mfma -I root/usr/include main.cpp -o avx2
g++ -std=c++17 -O1 -w -ffp-contract=off -mavx512f -mavx512cd -mavx512dq -mavx512bw -mavx2 -mfma -I root/usr/include main.cpp -o avx512
{ ./avx2 0 1.000000000931322574615478515625 1.00000000186264514923095703125 AVX2
  ./avx512 0 1.000000000931322574615478515625 1.00000000186264514923095703125 AVX-512; } | tee output
diff output - <<'END'
AVX2: -0. is -0, fma is 8.67362e-19
AVX-512: -0. is 0, fma is 0
END
