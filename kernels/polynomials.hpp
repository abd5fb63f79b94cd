#pragma once

// Polynomials for functions of packs: interpolants at Chebyshev nodes of the interval named.

#include <type_traits>

namespace xgrad::detail {

/// (e^r - 1 - r) / r^2 for |r| <= log(2)/2, lowest power first. What follows of it for e^r - 1 is
/// good to 2^-30 of its size for float, 2^-60 for double.
template <class T>
struct Expm1Polynomial;
template <>
struct Expm1Polynomial<float> {
  static constexpr float c[] = {0.5F,           0.166666667F,   0.0416664642F,
                                0.00833331084F, 0.00139337307F, 0.000198910805F};
};
template <>
struct Expm1Polynomial<double> {
  static constexpr double c[] = {0.5,
                                 0.16666666666666671,
                                 0.04166666666666667,
                                 0.0083333333333260831,
                                 0.0013888888888883711,
                                 0.00019841269875002279,
                                 2.4801587325677462e-5,
                                 2.7557255170000887e-6,
                                 2.755727347871858e-7,
                                 2.5105312729622102e-8,
                                 2.0914755325893202e-9};
};

/// (tanh(x) / x - 1) / x^2 as a polynomial of x^2 <= 25/64. What follows of it for tanh(x) is good
/// to 2^-25 of its size for float, 2^-54 for double.
template <class T>
struct TanhPolynomial;
template <>
struct TanhPolynomial<float> {
  static constexpr float c[] = {-0.333333289F, 0.133327697F, -0.0538509096F, 0.020997179F,
                                -0.00609671417F};
};
template <>
struct TanhPolynomial<double> {
  static constexpr double c[] = {
      -0.33333333333333323,    0.13333333333326658,   -0.053968253961395571, 0.021869488260559115,
      -0.0088632298309257087,  0.0035920589774734553, -0.001455309297534642, 0.00058743728600943819,
      -0.00023077616269519858, 7.959955735264808e-5,  -1.724487449484433e-5};
};

/// (a + K) e^(a^2/2) Phi(-a), Phi the normal distribution function, as a polynomial of t = (a - K)
/// / (a + K): the tail of Phi without its steep factor is smooth for all a >= 0. Good to 2^-29 of
/// its size for float up to a = 14.5, 2^-56 for double up to 39; beyond `last` the tail is below
/// the smallest number.
template <class T>
struct NormalTailPolynomial;
template <>
struct NormalTailPolynomial<float> {
  static constexpr float K = 3, last = 14.5F;
  static constexpr float c[] = {0.729083691F,     -0.50933199F,    0.230017678F,   -0.0472627453F,
                                -0.0104622938F,   0.00696981313F,  0.00102413571F, -0.00103422206F,
                                -0.000244582666F, 0.000133125909F, 5.53559663e-5F};
};
template <>
struct NormalTailPolynomial<double> {
  static constexpr double K = 5, last = 39;
  static constexpr double c[] = {
      0.76919304975006296,    -0.6653825028900567,    0.49530561596997641,
      -0.31353315667130454,   0.16502036617038472,    -0.069118638706310164,
      0.02079506679988318,    -0.0029933767705085424, -0.00079786939846607011,
      0.00054489906477312989, -5.9375728009915864e-5, -4.9762814270585805e-5,
      1.6681213742042061e-5,  3.9809021578680411e-6,  -2.7692670959974302e-6,
      -3.3661536810124712e-7, 4.331410356862585e-7,   4.2274993740065348e-8,
      -6.594221662477223e-8,  -9.3135609943260591e-9, 7.663071800760041e-9,
      1.753048401408232e-9,   -1.5877468827473365e-10};
};

}  // namespace xgrad::detail
