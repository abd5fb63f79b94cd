#pragma once

// The numbers of tests/references/modules.txt and others, and the inputs that they belong to.

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "xgrad/autograd/tensor.hpp"

namespace xgrad::test {

/// Numbers in [-1.5, 1.5]: `wave` of tests/references/torch_rows.py.
Tensor<double> wave(const Shape& shape, int k);
/// Numbers in [0.1, 0.9].
Tensor<double> unit(const Shape& shape, int k);
/// The labels 3, 10, 17, ... modulo `classes`.
Indices labels(std::size_t n, std::size_t classes);

/// "gx" and so on -> numbers.
using Quantities = std::map<std::string, std::vector<double>>;

/// Calls check(shape, quantities) for every shape of a case; there must be `count` of them.
void for_each_reference(const std::string& name, std::size_t count,
                        const std::function<void(const Shape&, const Quantities&)>& check,
                        const std::string& file = "modules.txt");

/// |ours - theirs| <= 1e-10 max(1, |theirs|) for all numbers of a quantity.
void check_quantity(const Quantities& reference, const std::string& quantity,
                    const Tensor<double>& ours);
void check_quantity(const Quantities& reference, const std::string& quantity,
                    const Array<double>& ours);

}  // namespace xgrad::test
