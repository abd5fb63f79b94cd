#include "xgrad/training/collective.hpp"

#include <algorithm>
#include <exception>
#include <stdexcept>

#include "xgrad/base/errors.hpp"
#include "xgrad/ops/slicing.hpp"

namespace xgrad {

template <class T>
Tensor<T> Part::of(const Tensor<T>& x) const {
  if (first == 0 && last == x.size(0)) return x;
  return slice(x, 0, static_cast<std::ptrdiff_t>(first), static_cast<std::ptrdiff_t>(last));
}

Indices Part::of(const Indices& labels) const {
  Indices r(Indices::shape_type{size()});
  std::copy(labels.data() + first, labels.data() + last, r.data());
  return r;
}

std::string detail::from_rank_0(const Collective& group, const std::function<std::string()>& make) {
  std::string text;
  std::exception_ptr error;
  try {
    if (group.rank() == 0) text = '+' + make();
  } catch (const std::exception& e) {
    error = std::current_exception();
    text = std::string("-") + e.what();
  }
  group.broadcast(text, 0);
  if (error) std::rethrow_exception(error);
  if (text.front() == '-') fail<std::runtime_error>("rank 0", text.substr(1));
  return text.substr(1);
}

void detail::require_alike(const Collective& group, const char* operation,
                           const std::string& text) {
  const std::vector<std::string> all = group.all_gather(text);
  for (std::size_t r = 1; r < all.size(); ++r) {
    require(all[r] == all[0], operation, "ranks differ: rank 0 has ", all[0], ", rank ", r, " has ",
            all[r]);
  }
}

template Tensor<float> Part::of(const Tensor<float>&) const;
template Tensor<double> Part::of(const Tensor<double>&) const;

}  // namespace xgrad
