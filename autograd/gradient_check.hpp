#pragma once

// The gradient check lives in xgrad/gradient_check/check.hpp; this name of it stays.

#include "xgrad/gradient_check/check.hpp"
