#include "row.hpp"
#include "xgrad/ops/indexing.hpp"

namespace proof {
namespace {

const xgrad::Indices kRows = {2, 0, 2, 1};  // one twice: its gradients add up
const xgrad::Indices kTable = {{2, 0}, {1, 1}, {0, 0}};

std::size_t at(const xgrad::Indices& list, std::size_t i) {
  return static_cast<std::size_t>(list(i));
}
std::size_t at(const xgrad::Indices& table, std::size_t i, std::size_t k) {
  return static_cast<std::size_t>(table(i, k));
}

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
          {.arguments = {{{3, 2}}}, .shapes = {{{3, 1}}, {{4, 0}}}, .tolerance = 0}),
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
          {.arguments = {{{3, 2}}, {{4, 2}}}, .shapes = {{{3, 1}, {4, 1}}, {{3, 0}, {4, 0}}}}),
      prove(
          "gather", [](const auto& x) { return gather(x, 1, kTable); },
          [](const References& in) {
            return generate({3, 2}, [&](const Index& i) {
              return in[0].at({i[0], at(kTable, i[0], i[1])});
            });
          },
          {.arguments = {{{3, 4}}}, .shapes = {{{3, 3}}}, .tolerance = 0}),
      prove(
          "scatter_add",
          [](const auto& x, const auto& source) { return scatter_add(x, 1, kTable, source); },
          [](const References& in) {
            Reference y = in[0];
            for_each_index(in[1].shape, [&](const Index& i) {
              y.at({i[0], at(kTable, i[0], i[1])}) += in[1].at(i);
            });
            return y;
          },
          {.arguments = {{{3, 4}}, {{3, 2}}}, .shapes = {{{3, 3}, {3, 2}}}}),
      prove(
          "one_hot", []<class T>(const xgrad::Tensor<T>&) { return xgrad::one_hot<T>(kRows, 3); },
          [](const References&) {
            return generate({4, 3}, [](const Index& i) { return Number(at(kRows, i[0]) == i[1]); });
          },
          {.arguments = {{{1}}}, .differentiable = false, .tolerance = 0}),
  };
}

}  // namespace proof
