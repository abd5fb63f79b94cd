#pragma once

#include <boost/test/unit_test.hpp>
#include <cstring>
#include <functional>
#include <vector>

#include "tests/ops/reference_rows.hpp"
#include "tests/rounds.hpp"
#include "xgrad/kernels/parallel.hpp"

namespace xgrad::test {

/// Sets the number of threads for its lifetime.
class Threads {
 public:
  explicit Threads(int n) : before_(num_threads()) { set_num_threads(n); }
  ~Threads() { set_num_threads(before_); }
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;

 private:
  int before_;
};

inline void check_identical(const D& a, const D& b) {
  BOOST_TEST_REQUIRE((a.shape() == b.shape()));
  BOOST_TEST(std::memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0);
}

/// The value of f and all its gradients are the same to the last bit for any number of threads.
inline void check_threads(const std::function<D(const Tensors&)>& f, const Tensors& inputs) {
  const auto run = [&](int threads) {
    const Threads scope(threads);
    Tensors x;
    for (const D& input : inputs) x.push_back(parameter(input));
    const D y = f(x);
    y.backward(wave(y.shape(), 1));
    Tensors r = {y};
    for (const D& p : x) r.push_back(p.gradient());
    return r;
  };
  const Tensors one = run(1);
  for (const int threads : kSanitized ? std::vector{3} : std::vector{2, 3}) {
    const Tensors more = run(threads);
    for (std::size_t i = 0; i < one.size(); ++i) check_identical(one[i], more[i]);
  }
}

}  // namespace xgrad::test
