#pragma once

// Everything.

#include "xgrad/autograd/array.hpp"
#include "xgrad/autograd/grad_mode.hpp"
#include "xgrad/autograd/tensor.hpp"
