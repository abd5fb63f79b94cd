#pragma once

// Gradient checks in Boost.Test; the failure message is the report's table. Not part of xgrad.hpp.
//
//   XGRAD_CHECK_GRADIENTS([](const auto& x, const auto& w) { return sum(matmul(x, w)); }, {x, w});
//
// The arguments are those of xgrad::check_gradients.

#include <boost/test/unit_test.hpp>

#include "xgrad/gradient_check/check.hpp"

#define XGRAD_CHECK_GRADIENTS(...)                                                      \
  do {                                                                                  \
    const ::xgrad::GradientReport xgrad_report = ::xgrad::check_gradients(__VA_ARGS__); \
    BOOST_CHECK_MESSAGE(xgrad_report.passed(), xgrad_report.table());                   \
  } while (false)
