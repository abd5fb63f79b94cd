#pragma once

// ImageData: what every image data set is read into.

#include "xgrad/autograd/array.hpp"

namespace xgrad {

/// Grey-scale images and their classes.
struct ImageData {
  Array<float>
      images;  ///< (n, height, width); 0 is background, 1 full ink unless raw values were asked for
  Indices labels;  ///< (n)
};

}  // namespace xgrad
