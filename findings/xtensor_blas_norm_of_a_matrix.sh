#!/bin/bash
# xtensor-blas 0.20.0 (Debian libxtensor-blas-dev 0.20.0-2, on libxtensor-dev 0.24.3-1 and OpenBLAS 0.3.21).
#
# linalg::norm of the same two numbers is 5e200 when they are a vector and infinite when they are a matrix of one row, also by
# normorder::frob: a vector's norm is BLAS' nrm2, which scales, a matrix' is the root of a plain sum of squares. The spectral norm of
# the same row is 5e200 again. At the other end the matrix' norm is 0. For a vector norm(v, 3) overflows too.
#
# Seen: vector 5e+200, row inf, frobenius inf, spectral 5e+200, cubic inf, tiny vector 5e-200, tiny row 0
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
apt-get download -qq libxtensor-blas-dev=0.20.0-2 libxtensor-dev=0.24.3-1 xtl-dev=0.7.2-2.1 libopenblas0-pthread=0.3.21+ds-4 >/dev/null 2>&1
for package in *.deb; do dpkg -x "$package" root; done
cat > norm.cpp <<'END'
#include <iostream>
#include <xtensor-blas/xlinalg.hpp>
#include <xtensor/xarray.hpp>

namespace la = xt::linalg;

int main() {
  using xt::linalg::normorder;
  const xt::xarray<double> vector = {3e200, 4e200}, tiny = {3e-200, 4e-200};
  const xt::xarray<double> row = {{3e200, 4e200}}, tiny_row = {{3e-200, 4e-200}};
  std::cout << "vector " << la::norm(vector) << ", row " << la::norm(row) << ", frobenius " << la::norm(row, normorder::frob)
            << ", spectral " << la::norm(row, 2) << ", cubic " << la::norm(vector, 3) << ", tiny vector " << la::norm(tiny)
            << ", tiny row " << la::norm(tiny_row) << '\n';
}
END
library=$(find "$PWD/root" -name libopenblas.so.0 | head -1)
g++ -std=c++17 -w -I root/usr/include norm.cpp -o norm "$library" -Wl,-rpath,"$(dirname "$library")"
OPENBLAS_NUM_THREADS=1 ./norm | tee output
diff output - <<'END'
vector 5e+200, row inf, frobenius inf, spectral 5e+200, cubic inf, tiny vector 5e-200, tiny row 0
END
