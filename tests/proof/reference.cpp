#include "reference.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

namespace proof {
namespace {

Shape broadcast(const References& in) {
  Shape shape;
  std::size_t rank = 0;
  for (const Reference& r : in) rank = std::max(rank, r.rank());
  for (std::size_t i = 0; i < rank; ++i) {
    std::size_t size = 1;
    for (const Reference& r : in) {
      if (i + r.rank() < rank) continue;
      const std::size_t own = r.shape[i + r.rank() - rank];
      if (own != 1) size = own;
    }
    shape.push_back(size);
  }
  return shape;
}

bool contains(const std::vector<std::size_t>& list, std::size_t v) {
  return list.empty() || std::find(list.begin(), list.end(), v) != list.end();
}

}  // namespace

std::size_t Reference::position(const Index& index) const {
  std::size_t p = 0;
  for (std::size_t i = 0; i < rank(); ++i) {
    const std::size_t k = index[index.size() - rank() + i];
    p = p * shape[i] + (shape[i] == 1 ? 0 : k);
  }
  return p;
}

void for_each_index(const Shape& shape, const std::function<void(const Index&)>& visit) {
  Index index(shape.rank(), 0);
  for (std::size_t n = shape.elements(); n > 0; --n) {
    visit(index);
    for (std::size_t i = shape.rank(); i-- > 0;) {
      if (++index[i] < shape[i]) break;
      index[i] = 0;
    }
  }
}

Reference generate(const Shape& shape, const std::function<Number(const Index&)>& f) {
  Reference r(shape);
  std::size_t p = 0;
  for_each_index(shape, [&](const Index& index) { r.values[p++] = f(index); });
  return r;
}

Formula elementwise(Number (*f)(Number)) {
  return [f](const References& in) {
    return generate(in[0].shape, [&](const Index& i) { return f(in[0].at(i)); });
  };
}
Formula elementwise(Number (*f)(Number, Number)) {
  return [f](const References& in) {
    return generate(broadcast(in), [&](const Index& i) { return f(in[0].at(i), in[1].at(i)); });
  };
}
Formula elementwise(Number (*f)(Number, Number, Number)) {
  return [f](const References& in) {
    return generate(broadcast(in),
                    [&](const Index& i) { return f(in[0].at(i), in[1].at(i), in[2].at(i)); });
  };
}

Formula reduce(std::function<Number(const std::vector<Number>&)> f, std::vector<std::size_t> axes,
               bool keep_dims) {
  return [=](const References& in) {
    const Reference& x = in[0];
    Shape kept, outer;
    for (std::size_t i = 0; i < x.rank(); ++i) {
      const bool reduced = contains(axes, i);
      outer.push_back(reduced ? 1 : x.shape[i]);
      if (!reduced || keep_dims) kept.push_back(reduced ? 1 : x.shape[i]);
    }
    Reference y = generate(outer, [&](const Index& o) {
      std::vector<Number> line;
      for_each_index(x.shape, [&](const Index& i) {
        bool same = true;
        for (std::size_t k = 0; k < x.rank(); ++k)
          same = same && (contains(axes, k) || i[k] == o[k]);
        if (same) line.push_back(x.at(i));
      });
      return f(line);
    });
    y.shape = kept;
    return y;
  };
}

Formula along(std::function<std::vector<Number>(const std::vector<Number>&)> f, std::size_t axis) {
  return [=](const References& in) {
    const Reference& x = in[0];
    return generate(x.shape, [&](const Index& i) {
      std::vector<Number> line;
      Index j = i;
      for (j[axis] = 0; j[axis] < x.shape[axis]; ++j[axis]) line.push_back(x.at(j));
      return f(line)[i[axis]];
    });
  };
}

Formula rearrange(std::function<Shape(const Shape&)> shape,
                  std::function<Index(const Index&, const Shape&)> source) {
  return [=](const References& in) {
    return generate(shape(in[0].shape),
                    [&](const Index& i) { return in[0].at(source(i, in[0].shape)); });
  };
}

Reference transposed(const Reference& a) {
  Shape shape = a.shape;
  std::swap(shape[a.rank() - 1], shape[a.rank() - 2]);
  return generate(shape, [&](Index i) {
    std::swap(i[i.size() - 1], i[i.size() - 2]);
    return a.at(i);
  });
}

Reference matrix_product(Reference a, Reference b) {
  const bool row = a.rank() == 1, column = b.rank() == 1;
  if (row) a.shape = Shape{1, a.shape[0]};
  if (column) b.shape = Shape{b.shape[0], 1};
  const std::size_t m = a.shape[a.rank() - 2], k = a.shape.back(), n = b.shape.back();
  References batches = {a, b};
  for (Reference& r : batches) r.shape = r.shape.without(r.rank() - 1).without(r.rank() - 2);
  Shape shape = broadcast(batches);
  shape.push_back(m);
  shape.push_back(n);
  Reference y = generate(shape, [&](Index i) {
    Index ia = i, ib = i;
    Number sum = 0;
    for (std::size_t j = 0; j < k; ++j) {
      ia.back() = j;
      ib[ib.size() - 2] = j;
      sum += a.at(ia) * b.at(ib);
    }
    return sum;
  });
  if (column) y.shape = y.shape.without(y.rank() - 1);
  if (row) y.shape = y.shape.without(y.rank() - (column ? 1 : 2));
  return y;
}

Number add_up(const std::vector<Number>& v) {
  Number s = 0;
  for (const Number x : v) s += x;
  return s;
}

Number average(const std::vector<Number>& v) { return add_up(v) / static_cast<Number>(v.size()); }

Number log_sum_exp(const std::vector<Number>& v) {
  Number s = 0;
  for (const Number x : v) s += std::exp(x);
  return std::log(s);
}

std::vector<Number> soft_max(const std::vector<Number>& v) {
  std::vector<Number> y;
  for (const Number x : log_soft_max(v)) y.push_back(std::exp(x));
  return y;
}

std::vector<Number> log_soft_max(const std::vector<Number>& v) {
  const Number sum = log_sum_exp(v);
  const Number all = sum < std::numeric_limits<Number>::infinity() ? sum : NAN;
  std::vector<Number> y;
  for (const Number x : v) y.push_back(x - all);
  return y;
}

std::vector<Number> standardize(const std::vector<Number>& v, Number eps) {
  const Number mean = average(v);
  std::vector<Number> squares, y;
  for (const Number x : v) squares.push_back((x - mean) * (x - mean));
  for (const Number x : v) y.push_back((x - mean) / std::sqrt(average(squares) + eps));
  return y;
}

}  // namespace proof
