#pragma once

// Error function, normal distribution, and the functions that nets are made of, of one number
// (see elementary.hpp).

#include "xgrad/kernels/formulas/contract.hpp"

namespace xgrad::primitives {

// clang-format off
struct Erf        { static constexpr const char* name = "erf"; using Kind = OfOne<Reads::input>;
                    template <class X> X operator()(const X& x) const { return erf(x); }
                    template <class X> X slope(const X& x, const X&) const { 
                      if constexpr (requires { exp_of_minus_square(x); }) return 1.1283791670955126 * exp_of_minus_square(x);
                      else return 1.1283791670955126 * exp(-(x * x)); } };
struct Ndtr       { static constexpr const char* name = "ndtr"; using Kind = OfOne<Reads::input>;
                    template <class X> X operator()(const X& x) const { return ndtr(x); }
                    template <class X> X slope(const X& x, const X&) const {
                      if constexpr (requires { gaussian(x); }) return 0.3989422804014327 * gaussian(x);
                      else return 0.3989422804014327 * exp(-0.5 * (x * x)); } };
struct Sigmoid    { static constexpr const char* name = "sigmoid"; using Kind = OfOne<Reads::input>;
                    template <class X> X operator()(const X& x) const { return sigmoid(x); }
                    template <class X> X slope(const X& x, const X&) const { return logistic_density(x); } };
// The slope of sigmoid, sigmoid(x) sigmoid(-x).
struct LogisticDensity { static constexpr const char* name = "logistic_density"; using Kind = OfOne<Reads::input>;
                    template <class X> X operator()(const X& x) const { return logistic_density(x); }
                    template <class X> X slope(const X& x, const X&) const { return -(logistic_density(x) * tanh(0.5 * x)); } };
struct Relu       { static constexpr const char* name = "relu"; using Kind = OfOne<Reads::output>;
                    template <class X> X operator()(const X& x) const { return relu(x); }
                    template <class X> X slope(const X&, const X& y) const { return where(y <= 0, X(0), X(1)); } };
// log(1 + exp(x)) without overflow, and with full precision where exp(x) is small.
struct Softplus   { static constexpr const char* name = "softplus"; using Kind = OfOne<Reads::input>;
                    template <class X> X operator()(const X& x) const { return softplus(x); }
                    template <class X> X slope(const X& x, const X&) const { return sigmoid(x); } };
// clang-format on

}  // namespace xgrad::primitives
