#!/bin/bash
# Sacado of Trilinos 13.2.0 (Debian libtrilinos-sacado-dev 13.2.0-4, reverse mode: Sacado_trad.hpp).
#
# pow(x, 2.0), whose exponent is a constant, has a NaN for its derivative at x = 0, pow(x, 1.0) as well: the derivative divides the
# result by x. (Forward mode, Sacado::Fad, gives 0 and 1.) asinh and acosh compute x^2 and are infinite from 1.4e154 on, where the
# C library's are 355. Besides, the package does not ask for libtrilinos-kokkos-dev, without which its headers do not compile.
#
# Seen: pow(x, 2) at 0: 0, slope nan; pow(x, 1) at 0: 0, slope nan; asinh(1e200): inf
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
apt-get download -qq libtrilinos-sacado-dev=13.2.0-4 libtrilinos-kokkos-dev=13.2.0-4 >/dev/null 2>&1
for package in *.deb; do dpkg -x "$package" root; done
cat > slopes.cpp <<'END'
#include <Sacado_trad.hpp>

#include <cmath>
#include <iostream>
#include <string>

using Number = Sacado::Rad::ADvar<double>;

std::string text(double x) { return std::isnan(x) ? "nan" : std::isinf(x) ? "inf" : std::to_string(int(x)); }

int main() {
  for (const double exponent : {2.0, 1.0}) {
    Number x = 0.0, y = pow(x, exponent);
    Number::Gradcomp();
    std::cout << "pow(x, " << exponent << ") at 0: " << text(y.val()) << ", slope " << text(x.adj()) << "\n";
  }
  Number x = 1e200, y = asinh(x);
  std::cout << "asinh(1e200): " << text(y.val()) << ", C library " << text(std::asinh(1e200)) << "\n";
}
END
include=root/usr/include/trilinos
g++ -w -I $include slopes.cpp -o slopes
./slopes | tee output
diff output - <<'END'
pow(x, 2) at 0: 0, slope nan
pow(x, 1) at 0: 0, slope nan
asinh(1e200): inf, C library 461
END
