#pragma once

// Polynomials for functions of packs, lowest power first: interpolants at Chebyshev nodes of the
// interval named. What they make of the functions is in docs/precision.md.

#include <type_traits>

namespace xgrad::detail {

/// (e^r - 1 - r) / r^2 for |r| <= log(2)/2. What follows of it for e^r is good to 2^-26.9 for float,
/// 2^-56 for double.
template <class T>
struct Expm1Polynomial;
template <>
struct Expm1Polynomial<float> {
  static constexpr float c[] = {0.5F, 0.166665763F, 0.0416665561F, 0.00836317893F, 0.0013926184F};
};
template <>
struct Expm1Polynomial<double> {
  static constexpr double c[] = {
      0.50000000000000011,   0.16666666666666669,    0.041666666666624129,  0.0083333333333300615,
      0.0013888888917213717, 0.00019841269863053618, 2.4801521295954376e-5, 2.7557268459997064e-6,
      2.7620088445409746e-7, 2.510038549551032e-8};
};

/// (sinh(x) / x - 1) / x^2 as a polynomial of x^2 <= 1.
template <class T>
struct SinhPolynomial;
template <>
struct SinhPolynomial<float> {
  static constexpr float c[] = {0.166666672F, 0.00833333936F, 0.000198381022F, 2.80628024e-6F};
};
template <>
struct SinhPolynomial<double> {
  static constexpr double c[] = {
      0.16666666666666666,   0.0083333333333332985,  0.00019841269841324198, 2.7557319191381816e-6,
      2.5052117695907823e-8, 1.6057679623801638e-10, 7.7461785930188273e-13};
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

/// (log((1 + s) / (1 - s)) / s - 2) / s^2 as a polynomial of s^2, for (1 + s) / (1 - s) between
/// sqrt(1/2) and sqrt(2).
template <class T>
struct LogPolynomial;
template <>
struct LogPolynomial<float> {
  static constexpr float c[] = {0.666666865F, 0.399887592F, 0.295809865F};
};
template <>
struct LogPolynomial<double> {
  static constexpr double c[] = {0.66666666666666696, 0.39999999999898889, 0.28571428626253836,
                                 0.22222211089379496, 0.18182892432536871, 0.15331611722055008,
                                 0.14617807153417325};
};

/// (sin(r) / r - 1) / r^2 and (cos(r) - 1 + r^2/2) / r^4 as polynomials of r^2, |r| <= pi/4.
struct SinPolynomial {
  static constexpr double c[] = {-0.16666666666666666,    0.0083333333333309185,
                                 -0.00019841269836713579, 2.7557316079241897e-6,
                                 -2.5051126992760292e-8,  1.5917780144198388e-10};
};
struct CosPolynomial {
  static constexpr double c[] = {0.041666666666666664,  -0.0013888888888887378,
                                 2.4801587298737541e-5, -2.7557317257147136e-7,
                                 2.0876143232899932e-9, -1.1382413999658665e-11};
};

/// erf(x) / x - 1 as a polynomial of x^2 <= 1.
template <class T>
struct ErfPolynomial;
template <>
struct ErfPolynomial<float> {
  static constexpr float c[] = {0.128379166F,   -0.37612626F,    0.112835944F,  -0.0268542115F,
                                0.00518908724F, -0.00080168643F, 7.87587487e-5F};
};
template <>
struct ErfPolynomial<double> {
  static constexpr double c[] = {
      0.12837916709551256,    -0.37612638903183543,   0.11283791670945006,
      -0.02686617064323777,   0.0052239776071164225,  -0.00085483259753896918,
      0.00012055294904839707, -1.4924736907419661e-5, 1.6447424703317362e-6,
      -1.6208483801871705e-7, 1.3720064546777686e-8,  -7.7958988270021425e-10};
};

/// -log(1 - erf(1 + u)) for 0 <= u <= last - 1: least errors of erf, which is 1 beyond `last`.
template <class T>
struct ErfTailPolynomial;
template <>
struct ErfTailPolynomial<float> {
  static constexpr float last = 4;
  static constexpr float c[] = {1.84960556F,     2.6389668F,     0.84311831F,     0.0415006876F,
                                -0.00989089161F, 0.00182616326F, -0.000185573997F};
};
template <>
struct ErfTailPolynomial<double> {
  static constexpr double last = 6;
  static constexpr double c[] = {
      1.8496055099332485,      2.6389675142347255,     0.84310725636216577,
      0.041561097967083689,    -0.010033824554255501,  0.0019778972415954821,
      -0.00023730019903683543, -2.6341288327870094e-5, 2.728641617392794e-5,
      -9.7935717548053906e-6,  2.2562624351785534e-6,  -2.9734387790042559e-7,
      -7.8219683730610207e-9,  1.3831868763363577e-8,  -3.1986638708085193e-9,
      3.6262471439172384e-10,  -1.7403630215188165e-11};
};

/// (Phi(x) - 1/2) / x as a polynomial of x^2 <= 1, Phi the normal distribution function.
template <class T>
struct NormalPolynomial;
template <>
struct NormalPolynomial<float> {
  static constexpr float c[] = {0.398942292F,    -0.0664903596F,  0.00997332856F,
                                -0.00118634396F, 0.000113502298F, -7.66053836e-6F};
};
template <>
struct NormalPolynomial<double> {
  static constexpr double c[] = {
      0.3989422804014327,      -0.066490380066905427,  0.0099735570100350224,
      -0.0011873282154680343,  0.00011543468751655941, -9.444655793103845e-6,
      6.6596798796552309e-7,   -4.1224107514160815e-8, 2.2704137585675999e-9,
      -1.1064328282755891e-10, 4.0743269774266276e-12};
};

/// (a + K) e^(a^2/2) Phi(-a) as a polynomial of t = (a - K) / (a + K): the tail of Phi without its
/// steep factor is smooth. For 1 <= a <= last; beyond, the tail is below the smallest number.
template <class T>
struct NormalTailPolynomial;
template <>
struct NormalTailPolynomial<float> {
  static constexpr float K = 3, last = 14.5F;
  static constexpr float c[] = {0.729083717F,     -0.509332001F,  0.230017707F,   -0.0472633354F,
                                -0.0104622627F,   0.00697673345F, 0.00101981754F, -0.00106558553F,
                                -0.000215701511F, 0.000182486343F};
};
template <>
struct NormalTailPolynomial<double> {
  static constexpr double K = 5, last = 39;
  static constexpr double c[] = {
      0.76919304975006297,    -0.66538250289005685,   0.49530561596997619,
      -0.31353315667128673,   0.16502036617039798,    -0.069118638706926153,
      0.020795066799525669,   -0.0029933767605989656, -0.00079786939326768284,
      0.00054489897565669447, -5.9375772054740776e-5, -4.9762322759416635e-5,
      1.6681438840495936e-5,  3.979163459916181e-6,   -2.7699638859044075e-6,
      -3.3263119002555367e-7, 4.3439907846048005e-7,  3.6521917146902384e-8,
      -6.7105278926634172e-8, -4.5304101002023324e-9, 7.9697431354352333e-9};
};

}  // namespace xgrad::detail
