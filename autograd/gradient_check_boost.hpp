#pragma once

// XGRAD_CHECK_GRADIENTS lives in xgrad/gradient_check/boost.hpp; this name of it stays.

#include "xgrad/gradient_check/boost.hpp"
