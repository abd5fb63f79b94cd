#include "row.hpp"
#include "xgrad/ops/indexing.hpp"

namespace proof {
namespace {

const xgrad::Indices kRows = {2, 0, 2, 1};  // one twice: its gradients add up

std::size_t at(const xgrad::Indices& list, std::size_t i) {
  return static_cast<std::size_t>(list(i));
}
// Row i, column k of a table of positions along n: both in the first row are the same.
std::size_t position(std::size_t i, std::size_t k, std::size_t n) {
  return (i * i + k * (i % 2)) % n;
}

template <class T>
xgrad::Indices table_for(const xgrad::Tensor<T>& x) {
  const std::size_t m = x.size(0), n = x.size(1);
  xgrad::Indices table(xgrad::Indices::shape_type{m, 2});
  for (std::size_t i = 0; i < m; ++i) {
    for (std::size_t k = 0; k < 2; ++k) table(i, k) = static_cast<std::int64_t>(position(i, k, n));
  }
  return table;
}

// Classes 0, 1, 2, 0, ...
std::size_t label_of(std::size_t i) { return i % 3; }

}  // namespace

std::vector<Row> index_rows() {
  return {
      prove(
          "index_select", [](const auto& x) { return index_select(x, 0, kRows); },
          [](const References& in) {
            return generate({4, in[0].shape[1]}, [&](const Index& i) {
              return in[0].at({at(kRows, i[0]), i[1]});
            });
          },
          {.arguments = {{{3, 2}}},
           .shapes = {{{3, 1}}, {{4, 0}}},
           .large = {{3, 1 << 17}},
           .tolerance = 0}),
      prove(
          "index_add",
          [](const auto& x, const auto& source) { return index_add(x, 0, kRows, source); },
          [](const References& in) {
            Reference y = in[0];
            for_each_index(in[1].shape, [&](const Index& i) {
              y.at({at(kRows, i[0]), i[1]}) += in[1].at(i);
            });
            return y;
          },
          {.arguments = {{{3, 2}}, {{4, 2}}},
           .shapes = {{{3, 1}, {4, 1}}, {{3, 0}, {4, 0}}},
           .large = {{3, 1 << 17}, {4, 1 << 17}}}),
      prove(
          "index_select: from the end",
          [](const auto& x) {
            return index_select(x, 0, xgrad::Indices{-1, -3, 2, -2});
          },
          [](const References& in) {
            return generate({4, in[0].shape[1]}, [&](const Index& i) {
              return in[0].at({at(kRows, i[0]), i[1]});
            });
          },
          {.arguments = {{{3, 2}}}, .tolerance = 0}),
      prove(
          "gather", [](const auto& x) { return gather(x, 1, table_for(x)); },
          [](const References& in) {
            return generate({in[0].shape[0], 2}, [&](const Index& i) {
              return in[0].at({i[0], position(i[0], i[1], in[0].shape[1])});
            });
          },
          {.arguments = {{{3, 4}}},
           .shapes = {{{5, 3}}, {{2, 1}}, {{0, 4}}},
           .large = {{1 << 17, 3}},
           .tolerance = 0}),
      prove(
          "scatter_add",
          [](const auto& x, const auto& source) { return scatter_add(x, 1, table_for(x), source); },
          [](const References& in) {
            Reference y = in[0];
            for_each_index(in[1].shape, [&](const Index& i) {
              y.at({i[0], position(i[0], i[1], y.shape[1])}) += in[1].at(i);
            });
            return y;
          },
          {.arguments = {{{3, 4}}, {{3, 2}}},
           .shapes = {{{5, 3}, {5, 2}}, {{2, 1}, {2, 2}}, {{0, 4}, {0, 2}}},
           .large = {{1 << 17, 3}, {1 << 17, 2}}}),
      prove(
          "one_hot",
          []<class T>(const xgrad::Tensor<T>& x) {
            xgrad::Indices labels(xgrad::Indices::shape_type{x.size()});
            for (std::size_t i = 0; i < x.size(); ++i)
              labels(i) = static_cast<std::int64_t>(label_of(i));
            return xgrad::one_hot<T>(labels, 3);
          },
          [](const References& in) {
            return generate({in[0].values.size(), 3},
                            [](const Index& i) { return Number(label_of(i[0]) == i[1]); });
          },
          {.arguments = {{{4}}},
           .differentiable = false,
           .shapes = {{{}}, {{1}}, {{0}}},
           .large = {{1 << 17}},
           .tolerance = 0}),
  };
}

}  // namespace proof
