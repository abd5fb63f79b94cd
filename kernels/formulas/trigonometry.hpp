#pragma once

// Circular and hyperbolic functions of one number (see elementary.hpp).

#include "xgrad/kernels/formulas/contract.hpp"

namespace xgrad::primitives {

// clang-format off
struct Sin        { static constexpr const char* name = "sin"; using Kind = OfOne<Reads::input>;
                    template <class X> X operator()(const X& x) const { return sin(x); }
                    template <class X> X slope(const X& x, const X&) const { return cos(x); } };
struct Cos        { static constexpr const char* name = "cos"; using Kind = OfOne<Reads::input>;
                    template <class X> X operator()(const X& x) const { return cos(x); }
                    template <class X> X slope(const X& x, const X&) const { return -sin(x); } };
struct Tan        { static constexpr const char* name = "tan"; using Kind = OfOne<Reads::output>;
                    template <class X> X operator()(const X& x) const { return tan(x); }
                    template <class X> X slope(const X&, const X& y) const { return 1 + y * y; } };
struct Asin       { static constexpr const char* name = "asin"; using Kind = OfOne<Reads::input>;
                    template <class X> X operator()(const X& x) const { return asin(x); }
                    template <class X> X slope(const X& x, const X&) const { return rsqrt((1 - x) * (1 + x)); } };
struct Acos       { static constexpr const char* name = "acos"; using Kind = OfOne<Reads::input>;
                    template <class X> X operator()(const X& x) const { return acos(x); }
                    template <class X> X slope(const X& x, const X&) const { return -rsqrt((1 - x) * (1 + x)); } };
struct Atan       { static constexpr const char* name = "atan"; using Kind = OfOne<Reads::input>;
                    template <class X> X operator()(const X& x) const { return atan(x); }
                    template <class X> X slope(const X& x, const X&) const {
                      const auto far = abs(x) > 1;  // x^2 would leave the range
                      const X q = where(far, 1 / x, x), s = 1 / (1 + q * q);
                      return where(far, q * q * s, s); } };
struct Sinh       { static constexpr const char* name = "sinh"; using Kind = OfOne<Reads::input>;
                    template <class X> X operator()(const X& x) const { return sinh(x); }
                    template <class X> X slope(const X& x, const X&) const { return cosh(x); } };
struct Cosh       { static constexpr const char* name = "cosh"; using Kind = OfOne<Reads::input>;
                    template <class X> X operator()(const X& x) const { return cosh(x); }
                    template <class X> X slope(const X& x, const X&) const { return sinh(x); } };
struct Tanh       { static constexpr const char* name = "tanh"; using Kind = OfOne<Reads::input>;
                    template <class X> X operator()(const X& x) const { return tanh(x); }
                    template <class X> X slope(const X& x, const X&) const { return 4 * logistic_density(2 * x); } };
// clang-format on

}  // namespace xgrad::primitives
