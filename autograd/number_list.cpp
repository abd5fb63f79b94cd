#include "xgrad/autograd/number_list.hpp"

#include "xgrad/autograd/array.hpp"
#include "xgrad/base/errors.hpp"

namespace xgrad::detail {

template <class T>
NumberList<T>::NumberList(std::initializer_list<NumberList> lists) : shape_{lists.size()} {
  const Shape inner = lists.size() == 0 ? Shape{} : lists.begin()->shape_;
  for (const std::size_t size : inner) shape_.push_back(size);
  for (const NumberList& list : lists) {
    require(list.shape_ == inner, "tensor", "the lists are of different shapes: ", inner, ", ",
            list.shape_);
    values_.insert(values_.end(), list.values_.begin(), list.values_.end());
  }
}

template class NumberList<float>;
template class NumberList<double>;

void check_count(const char* operation, std::size_t values, const Shape& shape) {
  require(values == shape.elements(), operation, values, " values for shape ", shape);
}

}  // namespace xgrad::detail
