// Operations that say how they are done for a batch: what a loop over the samples gives, with derivatives, and no
// loop in the graph.

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <functional>
#include <limits>
#include <optional>
#include <utility>

#include "tests/autograd/helpers.hpp"
#include "xgrad/autograd/derivatives.hpp"
#include "xgrad/compile/compile.hpp"
#include "xgrad/compile/vmap.hpp"
#include "xgrad/modules/activations.hpp"
#include "xgrad/modules/convolution.hpp"
#include "xgrad/modules/linear.hpp"
#include "xgrad/modules/sequential.hpp"
#include "xgrad/ops/attention.hpp"
#include "xgrad/ops/convolution.hpp"
#include "xgrad/ops/einsum.hpp"
#include "xgrad/ops/indexing.hpp"
#include "xgrad/ops/losses.hpp"
#include "xgrad/ops/math.hpp"
#include "xgrad/ops/normalization.hpp"
#include "xgrad/ops/pooling.hpp"
#include "xgrad/ops/random.hpp"
#include "xgrad/ops/recurrent.hpp"
#include "xgrad/ops/reductions.hpp"
#include "xgrad/ops/resizing.hpp"
#include "xgrad/ops/shape.hpp"
#include "xgrad/ops/slicing.hpp"
#include "xgrad/ops/softmax.hpp"
#include "xgrad/ops/sorting.hpp"

using namespace xgrad;
using namespace xgrad::test;

namespace {

using List = std::vector<D>;

D numbers(const Shape& shape, std::uint64_t seed) {
  Generator generator(seed);
  return parameter(normal<double>(shape, 0, 1, generator));
}

// But for sums in another order: as far off as the proofs of batches allow.
void about_the_same(const D& a, const D& b, const char* what, double factor = 1000) {
  BOOST_TEST_REQUIRE(to_string(a.shape()) == to_string(b.shape()), what);
  double largest = 1;
  for (std::size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::abs(a.data()[i]));
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double x = a.data()[i], y = b.data()[i];
    if (std::isnan(x) && std::isnan(y)) continue;
    BOOST_TEST(std::abs(x - y) <= factor * std::numeric_limits<double>::epsilon() * largest,
               what << " at " << i << " of " << a.shape() << ": " << x << ", " << y << ", off by "
                    << x - y << ", largest " << largest);
  }
}

// y, its gradients, and those of their squares.
List with_derivatives(const D& y, const List& x) {
  List r{y};
  const List first = grad<double>({sum(y * y)}, x, {.create_graph = true});
  D total(0.0);
  for (const D& g : first) total = total + sum(g * g);
  r.insert(r.end(), first.begin(), first.end());
  for (const D& g : grad<double>({total}, x, {.allow_unused = true}))
    if (g.defined()) r.push_back(g);
  return r;
}

void compare(const List& a, const List& b) {
  BOOST_TEST_REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i)
    about_the_same(a[i], b[i], i == 0 ? "values" : "derivatives", i == 0 ? 50 : 1000);
}

constexpr std::size_t kSamples = 3;

std::optional<std::ptrdiff_t> axis_of(bool own) {
  if (own) return 0;
  return kShared;
}

using OfOne = std::function<D(const D&)>;
using OfTwo = std::function<D(const D&, const D&)>;

template <class F, class... X>
void has_no_loop(const F& f, const X&... x) {
  const auto compiled = compile(f);
  compiled(x...);
  const std::string graph = to_string(compiled.graph(x...));
  BOOST_TEST(graph.find("loop over the batch") == std::string::npos, graph);
}

void check(const Shape& shape, const OfOne& f) {
  const D x = numbers(shape.with(0, kSamples), 1);
  List each;
  for (std::size_t s = 0; s < kSamples; ++s)
    each.push_back(f(select(x, 0, static_cast<std::ptrdiff_t>(s))));
  compare(with_derivatives(vmap(f)(x), {x}), with_derivatives(stack(each), {x}));
  has_no_loop(vmap(f), x);
}

// Either one is batched, or both are.
void check(const Shape& first, const Shape& second, const OfTwo& f) {
  for (const auto& [own, other] : {std::pair{true, false}, {false, true}, {true, true}}) {
    const D x = numbers(own ? first.with(0, kSamples) : first, 1),
            y = numbers(other ? second.with(0, kSamples) : second, 2);
    List each;
    for (std::size_t s = 0; s < kSamples; ++s) {
      const auto at = static_cast<std::ptrdiff_t>(s);
      each.push_back(f(own ? select(x, 0, at) : x, other ? select(y, 0, at) : y));
    }
    const auto v = vmap(f, {.in_axes = {axis_of(own), axis_of(other)}});
    compare(with_derivatives(v(x, y), {x, y}), with_derivatives(stack(each), {x, y}));
    has_no_loop(v, x, y);
  }
}

Indices sample_of(const Indices& all, std::size_t s) {
  const Shape one = Shape(all.shape()).without(0);
  Indices r(Indices::shape_type(one.begin(), one.end()));
  std::copy_n(all.data() + s * r.size(), r.size(), r.data());
  return r;
}

// Numbers, indices, or both are each sample's own. `all`: indices of all samples.
template <class F>
void check_indices(const Shape& shape, const Indices& all, const F& f) {
  for (const auto& [own, other] : {std::pair{true, false}, {false, true}, {true, true}}) {
    const D x = numbers(own ? shape.with(0, kSamples) : shape, 1);
    const Indices at = other ? all : sample_of(all, 0);
    List each;
    for (std::size_t s = 0; s < kSamples; ++s)
      each.push_back(f(own ? select(x, 0, static_cast<std::ptrdiff_t>(s)) : x,
                       other ? sample_of(all, s) : at));
    const auto v = vmap(f, {.in_axes = {axis_of(own), axis_of(other)}});
    compare(with_derivatives(v(x, at), {x}), with_derivatives(stack(each), {x}));
    has_no_loop(v, x, at);
  }
}

Indices some_indices(const Shape& shape, std::int64_t least, std::int64_t most) {
  Generator generator(5);
  return random_integers(shape.with(0, kSamples), least, most, generator);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(vmap_rules)

BOOST_AUTO_TEST_CASE(lookups) {
  const Indices rows = some_indices({2, 2}, -4, 3);
  for (const std::ptrdiff_t axis : {0, 1, 2}) {
    const auto f = [axis](const D& x, const Indices& at) {
      return index_select(x, axis, at) * 2.0;
    };
    check_indices({4, 5, 6}, rows, f);
  }
  check_indices({5, 4}, some_indices({5, 2}, -4, 3),
                [](const D& x, const Indices& at) { return gather(tanh(x), 1, at); });
  check_indices({5, 4}, some_indices({5, 2}, -4, 3), [](const D& x, const Indices& at) {
    return scatter_add(x, 1, at, exp(slice(x, 1, 0, 2)));
  });
  for (const std::ptrdiff_t axis : {0, 1}) {
    check_indices({5, 4}, some_indices({2}, -4, 3), [axis](const D& x, const Indices& at) {
      return index_add(x, axis, at, exp(slice(x, axis, 0, 2)));
    });
  }
}

// Positions and a table that all samples share, beside labels of their own.
BOOST_AUTO_TEST_CASE(shared_lookups_beside_own_indices) {
  const D table = numbers({4, 2}, 1), x = numbers({kSamples, 2, 2}, 2);
  const Indices labels = indices({kSamples, 2}, {0, 1, 1, 0, 1, 1});
  for (const Indices& fixed : {indices({2}, {1, 2}), indices({2}, {3, 0})}) {
    const auto f = [&](const D& one, const Indices& l) {
      return index_select(table, 0, fixed) * one + cross_entropy(one, l);
    };
    List each;
    for (std::size_t s = 0; s < kSamples; ++s)
      each.push_back(f(select(x, 0, static_cast<std::ptrdiff_t>(s)), sample_of(labels, s)));
    compare(with_derivatives(vmap(f)(x, labels), {x}), with_derivatives(stack(each), {x}));
  }
}

// The mean of a sample's losses is finite where their sum is not; that of none is not a number.
BOOST_AUTO_TEST_CASE(means_of_large_and_of_no_losses) {
  const auto large = Tensor<float>::from({1, 2, 2}, {0, 3e38F, 0, 3e38F});
  const Indices labels = indices({1, 2}, {0, 0});
  for (const Reduction r : {Reduction::mean, Reduction::batchmean}) {
    const auto f = [r](const Tensor<float>& x, const Indices& l) {
      return cross_entropy(x, l, {.reduction = r});
    };
    BOOST_TEST(vmap(f)(large, labels).data()[0] == 3e38F);
  }
  const D weight = D::from({2}, {0, 1}), x = numbers({1, 2, 2}, 1);
  const auto none = [&](const D& one, const Indices& l) {
    return cross_entropy(one, l, {.weight = weight, .label_smoothing = 0.2});
  };
  BOOST_TEST(std::isnan(none(select(x, 0, 0), sample_of(labels, 0)).item()));
  BOOST_TEST(std::isnan(vmap(none)(x, labels).data()[0]));
}

// The samples of the indices need not be on their first axis.
BOOST_AUTO_TEST_CASE(axes_of_indices) {
  const D x = numbers({kSamples, 5}, 1);
  const Indices at = indices({2, kSamples}, {0, 1, 2, 4, 3, 2});
  const auto f = [](const D& one, const Indices& i) { return index_select(one, 0, i); };
  const D y = vmap(f, {.in_axes = {0, 1}})(x, at);
  for (std::size_t s = 0; s < kSamples; ++s) {
    for (std::size_t k = 0; k < 2; ++k)
      BOOST_TEST(y(s, k) == x(s, static_cast<std::size_t>(at(k, s))));
  }
}

BOOST_AUTO_TEST_CASE(wrong_indices) {
  const D x = numbers({kSamples, 5}, 1);
  const auto f = vmap([](const D& one, const Indices& i) { return index_select(one, 0, i); });
  f(x, indices({kSamples, 1}, {0, 1, 2}));
  BOOST_CHECK_THROW(f(x, indices({kSamples, 1}, {0, 5, 2})), std::out_of_range);
}

BOOST_AUTO_TEST_CASE(class_losses) {
  const D weight = D::from({4}, {1, 2, 0.5, 3});
  for (const Reduction r :
       {Reduction::mean, Reduction::sum, Reduction::none, Reduction::batchmean}) {
    const auto loss = [=](const D& x, const Indices& l) {
      return cross_entropy(x, l, {.reduction = r});
    };
    check_indices({2, 4}, some_indices({2}, 0, 3), loss);
    check_indices({4}, some_indices({}, 0, 3), loss);
    check_indices({2, 4, 3}, some_indices({2, 3}, 0, 3), [=](const D& x, const Indices& l) {
      return cross_entropy(x, l, {.weight = weight, .ignore_index = 2, .reduction = r});
    });
    check_indices({5, 4}, some_indices({5}, 0, 3), [=](const D& x, const Indices& l) {
      return nll_loss(log_softmax(x, 1), l, {.weight = weight, .ignore_index = 1, .reduction = r});
    });
    check_indices({5, 4}, some_indices({5}, 0, 3), [=](const D& x, const Indices& l) {
      return cross_entropy(
          x, l, {.weight = weight, .label_smoothing = 0.2, .ignore_index = 1, .reduction = r});
    });
    check_indices({5, 4}, some_indices({5}, 0, 3), [=](const D& x, const Indices& l) {
      return focal_loss(x, l, {.gamma = 1.5, .ignore_index = 2, .reduction = r});
    });
  }
}

// Gradients of a classifier's loss, for each sample.
BOOST_AUTO_TEST_CASE(gradients_of_samples) {
  Generator generator(3);
  auto net = Sequential<double>(Linear<double>(4, 6, {.generator = &generator}), Tanh<double>(),
                                Linear<double>(6, 3, {.generator = &generator}));
  const List p = {net.parameters()[0].tensor, net.parameters()[1].tensor};
  const auto gradients = [&](const D& x, const Indices& label) {
    return grad<double>({cross_entropy(net(x), label)}, p);
  };
  const D x = numbers({kSamples, 4}, 2);
  const Indices labels = indices({kSamples}, {2, 0, 1});
  const List all = vmap(gradients)(x, labels);
  for (std::size_t s = 0; s < kSamples; ++s) {
    const List one = gradients(select(x, 0, static_cast<std::ptrdiff_t>(s)), sample_of(labels, s));
    for (std::size_t i = 0; i < one.size(); ++i)
      about_the_same(one[i], select(all[i], 0, static_cast<std::ptrdiff_t>(s)), "gradients");
  }
  has_no_loop(vmap(gradients), x, labels);
}

BOOST_AUTO_TEST_CASE(normalizations) {
  check({2, 3, 4}, {3, 4}, [](const D& x, const D& w) {
    return layer_norm(x, {3, 4}, w, w * 2.0);
  });
  check({5, 4}, {4}, [](const D& x, const D& w) { return rms_norm(x, {4}, w); });
  check({2, 4, 3}, {4}, [](const D& x, const D& w) { return group_norm(x, 2, w, exp(w)); });
  check({4, 3, 2}, {3}, [](const D& x, const D& w) { return batch_norm(x, w, sin(w)); });
  check({4, 3}, {3},
        [](const D& x, const D& w) { return batch_norm_inference(x, tanh(w), exp(w), w, w); });
  check({5, 4}, [](const D& x) { return layer_norm(x, {4}); });
  check({4}, {4}, [](const D& x, const D& w) { return layer_norm(x, {4}, w, w); });
}

BOOST_AUTO_TEST_CASE(convolutions) {
  check({2, 4, 6}, {6, 2, 3}, [](const D& x, const D& w) {
    return conv1d(x, w, {}, {.stride = 2, .padding = 1, .groups = 2});
  });
  check({2, 5, 4}, {3, 2, 2, 3}, [](const D& x, const D& w) {
    return conv2d(x, w, sum(w, {1, 2, 3}));
  });
  check({2, 2, 5, 4}, {3, 2, 2, 2}, [](const D& x, const D& w) {
    return conv2d(x, w, {}, {.padding = 1, .padding_mode = PaddingMode::circular});
  });
  check({2, 4, 3}, {4, 3, 2}, [](const D& x, const D& w) {
    return conv_transpose1d(x, w, {}, {.stride = 2, .groups = 2});
  });
}

BOOST_AUTO_TEST_CASE(images) {
  check({2, 3, 6, 4}, [](const D& x) { return max_pool2d(x, 2); });
  check({3, 7}, [](const D& x) { return max_pool1d(x, 3, {.stride = 2, .padding = 1}); });
  check({2, 3, 6, 4}, [](const D& x) { return avg_pool2d(x, 2); });
  check({3, 6, 4}, [](const D& x) { return adaptive_avg_pool2d(x, ImageSizes{2, 3}); });
}

BOOST_AUTO_TEST_CASE(contractions) {
  check({3, 4}, {4, 2}, [](const D& x, const D& y) { return einsum("ij,jk->ki", {x, y}); });
  check({3, 4}, {3, 4}, [](const D& x, const D& y) { return einsum("ij,ij->j", {x, y}); });
  check({3, 4}, {5, 4}, [](const D& x, const D& y) {
    return einsum("ab,cb,cb->ac", {x, y, sin(y)});
  });
  check({3, 4}, {4, 5}, [](const D& x, const D& y) { return tensordot(x, y, 1); });
}

BOOST_AUTO_TEST_CASE(attention) {
  const D mask = D::from({3, 3}, {1, 0, 0, 1, 1, 0, 0, 1, 1});
  check({2, 3, 4}, {2, 3, 4}, [=](const D& q, const D& k) {
    return scaled_dot_product_attention(q, k, sin(k), {.mask = mask});
  });
  check({3, 4}, {3, 3}, [](const D& x, const D& bias) {
    return scaled_dot_product_attention(x, x * 2.0, x, {.bias = bias});
  });
  check({2, 3, 4}, {2, 1, 3}, [](const D& x, const D& m) {
    return scaled_dot_product_attention(x, x, x, {.mask = m.detach() > 0.0}) * sum(m);
  });
}

// Weights are what all samples share.
BOOST_AUTO_TEST_CASE(cells) {
  const D wx = numbers({8, 3}, 11), wh = numbers({8, 2}, 12), b = numbers({8}, 13);
  const D gx = slice(wx, 0, 0, 6), gh = slice(wh, 0, 0, 6), gb = slice(b, 0, 0, 6);
  check({4, 3}, {4, 2}, [=](const D& x, const D& h) {
    const LstmState<double> next = lstm_cell<double>(x, {h, tanh(h)}, wx, wh, b, {});
    return next.h * next.c;
  });
  check({4, 3}, {4, 2}, [=](const D& x, const D& h) { return gru_cell(x, h, gx, gh, gb, gb); });
  check({4, 3}, {4, 2}, [=](const D& x, const D& h) {
    return rnn_cell<double>(x, h, slice(wx, 0, 0, 2), slice(wh, 0, 0, 2), {}, {});
  });
}

BOOST_AUTO_TEST_CASE(quantiles) {
  check({5, 4}, [](const D& x) { return median(x, 0) * quantile(x, 0.3, 0); });
  check({5, 4}, [](const D& x) { return quantile(x, 0.9); });
}

BOOST_AUTO_TEST_SUITE_END()
