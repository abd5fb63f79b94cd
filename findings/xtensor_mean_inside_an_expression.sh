#!/bin/bash
# xtensor 0.24.3 (Debian libxtensor-dev 0.24.3-1, xtl-dev 0.7.2-2.1).
#
# `a - xt::mean(a)` of n numbers reads n^2 of them, not 2 n: a reduction inside of an expression is not computed once, but again for each
# element of the result. Assigning the expression to a container, which evaluates it, changes nothing; sum, amax and the mean over an axis
# behave likewise. One call, `xt::mean(a)()`, or xt::eval(xt::mean(a)), makes it a number. Centring 100,000 numbers as NumPy
# writes it reads 10,000,000,000.
#
# Here a function that counts its calls stands for the elements of which the mean is taken.
# Seen: 1000000 calls for a mean of 1000 numbers inside, 1000 before; 3000 of 30 rows of 10 numbers along their axis
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
apt-get download -qq libxtensor-dev=0.24.3-1 xtl-dev=0.7.2-2.1 >/dev/null 2>&1
for package in *.deb; do dpkg -x "$package" root; done
cat > mean.cpp <<'END'
#include <iostream>
#include <xtensor/xarray.hpp>
#include <xtensor/xmath.hpp>
#include <xtensor/xvectorize.hpp>
#include <xtensor/xview.hpp>

int main() {
  long calls = 0;
  const auto counted = xt::vectorize([&calls](double x) { return ++calls, x; });
  const xt::xarray<double> a = xt::arange<double>(1000);
  const xt::xarray<double> inside = a - xt::mean(counted(a));
  std::cout << calls << " calls for a mean of 1000 numbers inside, ";
  calls = 0;
  const xt::xarray<double> before = a - xt::mean(counted(a))();
  std::cout << calls << " before; ";
  calls = 0;
  const xt::xarray<double> table = xt::ones<double>({30, 10});
  const xt::xarray<double> rows = table - xt::view(xt::mean(counted(table), {1}), xt::all(), xt::newaxis());
  std::cout << calls << " of 30 rows of 10 numbers along their axis\n";
  return inside == before ? 0 : 1;
}
END
g++ -std=c++17 -O1 -w -I root/usr/include mean.cpp -o mean
./mean | tee output
diff output - <<'END'
1000000 calls for a mean of 1000 numbers inside, 1000 before; 3000 of 30 rows of 10 numbers along their axis
END
