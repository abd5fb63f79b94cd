#!/bin/bash
# xtensor-blas 0.20.0 (Debian libxtensor-blas-dev 0.20.0-2, on libxtensor-dev 0.24.3-1 and OpenBLAS 0.3.21).
#
# linalg::dot(m, s), where s is a view of every second column of m itself, is m m^T: another product, of another shape, without a
# word. dot() takes the shortcut for "a times its own transpose" (SYRK) when both operands begin at the same address and their
# layouts differ; a view with a step in its last axis has no layout, which counts as different, and strides and shapes are
# not compared. With a copy of the same view the product is right. One would expect a view to give what its copy gives.
#
# A view of other memory, or one that does not begin where m begins, is no silent fault: dot() throws "No valid layout chosen", for
# a column of a row-major matrix as well.
#
# Seen:   view {{14, 38, 62, 86}, {38, 126, 214, 302}, ...}, 4 x 4
#         copy {{56, 68}, {152, 196}, {248, 324}, {344, 452}}, 4 x 2
#         column: No valid layout chosen.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
apt-get download -qq libxtensor-blas-dev=0.20.0-2 libxtensor-dev=0.24.3-1 xtl-dev=0.7.2-2.1 libopenblas0-pthread=0.3.21+ds-4 >/dev/null 2>&1
for package in *.deb; do dpkg -x "$package" root; done
cat > view.cpp <<'END'
#include <iostream>
#include <xtensor-blas/xlinalg.hpp>
#include <xtensor/xarray.hpp>
#include <xtensor/xview.hpp>

void print(const char* title, const xt::xarray<double>& a) {
  std::cout << title << ' ' << a.shape()[0] << 'x' << a.shape()[1] << ':';
  for (const double x : a) std::cout << ' ' << x;
  std::cout << '\n';
}

int main() {
  const xt::xarray<double> m = xt::arange<double>(16).reshape({4, 4});
  const auto columns = xt::view(m, xt::all(), xt::range(0, 4, 2));
  const xt::xarray<double> copy = columns;
  print("view", xt::linalg::dot(m, columns));
  print("copy", xt::linalg::dot(m, copy));
  print("m mT", xt::linalg::dot(m, xt::xarray<double>(xt::transpose(m))));
  try {
    const xt::xarray<double> y = xt::linalg::dot(m, xt::view(m, xt::all(), 1));
    std::cout << "column: a product\n";
  } catch (const std::exception& e) {
    std::cout << "column: " << e.what() << '\n';
  }
}
END
library=$(find "$PWD/root" -name libopenblas.so.0 | head -1)
g++ -std=c++17 -w -I root/usr/include view.cpp -o view "$library" -Wl,-rpath,"$(dirname "$library")"
OPENBLAS_NUM_THREADS=1 ./view | tee output
diff output - <<'END'
view 4x4: 14 38 62 86 38 126 214 302 62 214 366 518 86 302 518 734
copy 4x2: 56 68 152 196 248 324 344 452
m mT 4x4: 14 38 62 86 38 126 214 302 62 214 366 518 86 302 518 734
column: No valid layout chosen.
END
