#!/bin/bash
# ADOL-C 2.7.2 (Debian libadolc2, libadolc-dev 2.7.2-6).
#
# pow(x, 1.0) at x = 0 has the slope 0, not 1; sqrt(x) and pow(x, 0.5) have 0 there, not infinity. gradient() returns the same code as
# for smooth points of these functions. atan2(0, -1) of two active numbers is -pi, the C library's is +pi. cbrt can be recorded, and
# gradient() then throws: the forward sweep does not know the operation.
#
# Seen: pow(x, 1) 0, slope 0; sqrt 0, slope 0; pow(x, 0.5) 0, slope 0; atan2(0, -1) -3.14; cbrt throws
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
apt-get download -qq libadolc-dev=2.7.2-6 libadolc2=2.7.2-6 >/dev/null 2>&1
for package in *.deb; do dpkg -x "$package" root; done
cat > slopes.cpp <<'END'
#include <adolc/adolc.h>

#include <cstdio>
#include <exception>

template <class F>
void show(short tape, const char* name, double at, F f) {
  trace_on(tape);
  adouble x;
  x <<= at;
  adouble y = f(x);
  double value, slope;
  y >>= value;
  trace_off();
  try {
    const int code = gradient(tape, 1, &at, &slope);
    std::printf("%s at %g: %.2f, slope %g, code %d\n", name, at, value, slope, code);
  } catch (const std::exception&) {
    std::printf("%s at %g: %.2f, gradient() throws\n", name, at, value);
  }
}

int main() {
  show(1, "pow(x, 1)", 0, [](adouble x) { return adouble(pow(x, 1.0)); });
  show(2, "pow(x, 1)", 3, [](adouble x) { return adouble(pow(x, 1.0)); });
  show(3, "sqrt", 0, [](adouble x) { return adouble(sqrt(x)); });
  show(4, "pow(x, 0.5)", 0, [](adouble x) { return adouble(pow(x, 0.5)); });
  show(5, "atan2(x, -1)", 0, [](adouble x) { return adouble(atan2(x, adouble(-1.0))); });
  show(6, "cbrt", 8, [](adouble x) { return adouble(cbrt(x)); });
}
END
lib=$(dirname "$(find root -name 'libadolc.so')")
g++ -w -I root/usr/include slopes.cpp -L "$lib" -Wl,-rpath-link,"$lib" -ladolc -o slopes
LD_LIBRARY_PATH=$lib ./slopes 2>/dev/null | grep ' at ' | tee output
diff output - <<'END'
pow(x, 1) at 0: 0.00, slope 0, code 3
pow(x, 1) at 3: 3.00, slope 1, code 3
sqrt at 0: 0.00, slope 0, code 3
pow(x, 0.5) at 0: 0.00, slope 0, code 3
atan2(x, -1) at 0: -3.14, slope -1, code 0
cbrt at 8: 2.00, gradient() throws
END
