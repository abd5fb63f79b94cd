#pragma once

#include <algorithm>
#include <cstddef>

#include "xgrad/kernels/pool.hpp"

namespace xgrad::kernels {

/// Numbers a kernel needs while it runs, from the pool; not set unless a value is given.
template <class T>
class Scratch {
 public:
  explicit Scratch(std::size_t n)
      : bytes_(n * sizeof(T)), data_(static_cast<T*>(xgrad::detail::pool_allocate(bytes_))) {}
  Scratch(std::size_t n, T value) : Scratch(n) { std::fill_n(data_, n, value); }
  ~Scratch() { xgrad::detail::pool_free(data_, bytes_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  T* data() { return data_; }
  T& operator[](std::size_t i) { return data_[i]; }

 private:
  std::size_t bytes_;
  T* data_;
};

}  // namespace xgrad::kernels
