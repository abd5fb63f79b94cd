#pragma once

// Circular and hyperbolic functions of one number (see elementary.hpp).

#include "xgrad/kernels/formulas/contract.hpp"

namespace xgrad::primitives {

// clang-format off
struct Sin        { static constexpr const char* name = "sin"; static constexpr Reads reads = Reads::input;
                    template <class X> X operator()(const X& x) const { return sin(x); }
                    template <class X> X slope(const X& x, const X&) const { return cos(x); } };
struct Cos        { static constexpr const char* name = "cos"; static constexpr Reads reads = Reads::input;
                    template <class X> X operator()(const X& x) const { return cos(x); }
                    template <class X> X slope(const X& x, const X&) const { return -sin(x); } };
struct Tan        { static constexpr const char* name = "tan"; static constexpr Reads reads = Reads::output;
                    template <class X> X operator()(const X& x) const { return tan(x); }
                    template <class X> X slope(const X&, const X& y) const { return 1 + y * y; } };
struct Asin       { static constexpr const char* name = "asin"; static constexpr Reads reads = Reads::input;
                    template <class X> X operator()(const X& x) const { return asin(x); }
                    template <class X> X slope(const X& x, const X&) const { return rsqrt((1 - x) * (1 + x)); } };
struct Acos       { static constexpr const char* name = "acos"; static constexpr Reads reads = Reads::input;
                    template <class X> X operator()(const X& x) const { return acos(x); }
                    template <class X> X slope(const X& x, const X&) const { return -rsqrt((1 - x) * (1 + x)); } };
struct Atan       { static constexpr const char* name = "atan"; static constexpr Reads reads = Reads::input;
                    template <class X> X operator()(const X& x) const { return atan(x); }
                    template <class X> X slope(const X& x, const X&) const { return 1 / (1 + x * x); } };
struct Sinh       { static constexpr const char* name = "sinh"; static constexpr Reads reads = Reads::input;
                    template <class X> X operator()(const X& x) const { return sinh(x); }
                    template <class X> X slope(const X& x, const X&) const { return cosh(x); } };
struct Cosh       { static constexpr const char* name = "cosh"; static constexpr Reads reads = Reads::input;
                    template <class X> X operator()(const X& x) const { return cosh(x); }
                    template <class X> X slope(const X& x, const X&) const { return sinh(x); } };
struct Tanh       { static constexpr const char* name = "tanh"; static constexpr Reads reads = Reads::output;
                    template <class X> X operator()(const X& x) const { return tanh(x); }
                    template <class X> X slope(const X&, const X& y) const { return (1 - y) * (1 + y); } };
// clang-format on

}  // namespace xgrad::primitives
