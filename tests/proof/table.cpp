#include "row.hpp"

namespace proof {

const std::vector<Row>& table() {
  static const std::vector<Row> all = [] {
    std::vector<Row> rows;
    for (auto* family :
         {math_rows, arithmetic_rows, activation_rows, reduction_rows, shape_rows, index_rows,
          linear_algebra_rows, linear_system_rows, product_rows, spectral_rows, recurrent_rows,
          attention_rows, convolution_rows, image_rows, loss_rows, normalization_rows,
          regularization_rows, user_rows}) {
      for (Row& row : family()) rows.push_back(std::move(row));
    }
    return rows;
  }();
  return all;
}

std::vector<std::string> functions_of(const Row& row) {
  if (!row.functions.empty()) return row.functions;
  return {row.name.substr(0, row.name.find(':'))};
}

}  // namespace proof
