// Functions of the C library with tensors: all of them are errors that say what to write.

#include <cmath>
#include <xgrad/xgrad.hpp>

using namespace xgrad;

// clang-format off
void functions(const Tensor<float>& x, const Tensor<double>& d, double* p, int* i) {
  (void)acosh(x);  // there is no acosh of tensors
  (void)asinh(d);  // there is no asinh of tensors
  (void)atanh(x);  // there is no atanh of tensors
  (void)cbrt(d);  // there is no cbrt of tensors
  (void)erfc(x);  // there is no erfc of tensors
  (void)exp2(d);  // there is no exp2 of tensors
  (void)exp10(x);  // there is no exp10 of tensors
  (void)fabs(d);  // there is no fabs of tensors
  (void)log2(x);  // there is no log2 of tensors
  (void)log10(d);  // there is no log10 of tensors
  (void)lrint(x);  // there is no lrint of tensors
  (void)llrint(d);  // there is no llrint of tensors
  (void)lround(x);  // there is no lround of tensors
  (void)llround(d);  // there is no llround of tensors
  (void)nearbyint(x);  // there is no nearbyint of tensors
  (void)rint(d);  // there is no rint of tensors
  (void)tgamma(x);  // there is no tgamma of tensors
  (void)trunc(d);  // there is no trunc of tensors
  (void)ilogb(x);  // there is no ilogb of tensors
  (void)logb(d);  // there is no logb of tensors
  (void)signbit(x);  // there is no signbit of tensors
  (void)copysign(d, 1.0);  // there is no copysign of tensors
  (void)fdim(x, x);  // there is no fdim of tensors
  (void)fmax(0.0, d);  // there is no fmax of tensors
  (void)fmin(x, 1);  // there is no fmin of tensors
  (void)fmod(d, 2.0);  // there is no fmod of tensors
  (void)hypot(x, x);  // there is no hypot of tensors
  (void)ldexp(d, 3);  // there is no ldexp of tensors
  (void)remainder(1.0, x);  // there is no remainder of tensors
  (void)scalbn(d, 2);  // there is no scalbn of tensors
  (void)scalbln(x, 2L);  // there is no scalbln of tensors
  (void)nextafter(d, 1.0);  // there is no nextafter of tensors
  (void)nexttoward(x, 1.0L);  // there is no nexttoward of tensors
  (void)modf(d, p);  // there is no modf of tensors
  (void)frexp(x, i);  // there is no frexp of tensors
  (void)fma(1.0, 2.0, d);  // there is no fma of tensors
}
// clang-format on
