#include "xgrad/gradient_check/structured.hpp"

#include "xgrad/autograd/broadcast.hpp"
#include "xgrad/autograd/record.hpp"
#include "xgrad/base/errors.hpp"

namespace xgrad {
namespace detail {
namespace {

using D = Tensor<double>;
constexpr const char* kName = "check_structured_gradients";

std::size_t order(const Shape& s) { return s.back(); }
std::size_t count(const Shape& s) { return Shape(s.begin(), s.end() - 2).elements(); }

Shape free_shape(const Shape& s) {
  Shape r(s.begin(), s.end() - 2);
  r.push_back(order(s) * (order(s) + 1) / 2);
  return r;
}

// visit(free number, element, its mirror image) for all free numbers of a batch of matrices.
template <class Visit>
void each_free(Structure structure, const Shape& s, const Visit& visit) {
  const std::size_t n = order(s);
  std::size_t at = 0;
  for (std::size_t m = 0; m < count(s); ++m) {
    for (std::size_t i = 0; i < n; ++i) {
      const bool upper = structure == Structure::upper;
      for (std::size_t j = upper ? i : 0; j < (upper ? n : i + 1); ++j)
        visit(at++, (m * n + i) * n + j, (m * n + j) * n + i);
    }
  }
}

struct Layout {
  Structure structure;
  Shape shape;  // of the whole input
};

D spread(const D& z, const Layout& layout);
D gather(const D& x, const Layout& layout);

const Layout& layout_of(const void* attributes) { return *static_cast<const Layout*>(attributes); }

// Linear, and each other's adjoint.
const Rule<double> kSpread = {"spread",
                              [](const void* attributes, Backward<double>& b) {
                                b.add(0, gather(b.gradient(), layout_of(attributes)));
                              },
                              nullptr};
const Rule<double> kGather = {"gather",
                              [](const void* attributes, Backward<double>& b) {
                                b.add(0, spread(b.gradient(), layout_of(attributes)));
                              },
                              nullptr};

// Free numbers into their places, 0 elsewhere.
D spread(const D& z, const Layout& layout) {
  D x = D::filled(layout.shape, 0);
  double* const to = x.node()->data;
  each_free(layout.structure, layout.shape, [&](std::size_t k, std::size_t at, std::size_t mirror) {
    to[at] = z.data()[k];
    if (layout.structure == Structure::symmetric) to[mirror] = z.data()[k];
  });
  record<double>(x, kSpread, {&z}, {}, layout);
  return x;
}

// The sum of the elements that a free number is.
D gather(const D& x, const Layout& layout) {
  D z = D::uninitialized(free_shape(layout.shape));
  double* const to = z.node()->data;
  each_free(layout.structure, layout.shape, [&](std::size_t k, std::size_t at, std::size_t mirror) {
    const bool twice = layout.structure == Structure::symmetric && at != mirror;
    to[k] = twice ? x.data()[at] + x.data()[mirror] : x.data()[at];
  });
  record<double>(z, kGather, {&x}, {}, layout);
  return z;
}

Structure structure_of(const std::vector<Structure>& structures, std::size_t i) {
  return i < structures.size() ? structures[i] : Structure::any;
}

void require_structure(Structure structure, const D& x) {
  const Shape& s = x.shape();
  const bool square = s.rank() >= 2 && s[s.rank() - 2] == s.back();
  require(square, kName, "an input with a structure is not square: ", s);
  if (structure != Structure::symmetric) return;
  each_free(structure, s, [&](std::size_t, std::size_t at, std::size_t mirror) {
    require(x.data()[at] == x.data()[mirror], kName, "an input is not symmetric: ", x.data()[at],
            " and ", x.data()[mirror], ", ", s);
  });
}

// What is not free stays as it is.
D fixed_part(Structure structure, const D& x) {
  D rest = x.clone();
  double* const to = rest.mutable_data();
  each_free(structure, x.shape(), [&](std::size_t, std::size_t at, std::size_t mirror) {
    to[at] = 0;
    if (structure == Structure::symmetric) to[mirror] = 0;
  });
  return rest;
}

}  // namespace

TensorFunction<double> of_free_numbers(TensorFunction<double> f, const std::vector<D>& inputs,
                                       const std::vector<Structure>& structures) {
  std::vector<D> fixed;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const Structure s = structure_of(structures, i);
    fixed.push_back(s == Structure::any ? D() : fixed_part(s, inputs[i]));
  }
  return [=](const std::vector<D>& z) {
    std::vector<D> x = z;
    for (std::size_t i = 0; i < z.size(); ++i) {
      const Structure s = structure_of(structures, i);
      if (s != Structure::any) x[i] = add(spread(z[i], {s, fixed[i].shape()}), fixed[i]);
    }
    return f(x);
  };
}

std::vector<D> free_numbers(const std::vector<D>& inputs,
                            const std::vector<Structure>& structures) {
  std::vector<D> z;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const Structure s = structure_of(structures, i);
    if (s == Structure::any) {
      z.push_back(inputs[i]);
      continue;
    }
    require_structure(s, inputs[i]);
    z.push_back(D::uninitialized(free_shape(inputs[i].shape())));
    double* const to = z.back().mutable_data();
    each_free(s, inputs[i].shape(),
              [&](std::size_t k, std::size_t at, std::size_t) { to[k] = inputs[i].data()[at]; });
  }
  return z;
}

}  // namespace detail
}  // namespace xgrad
