#include "tests/ops/reference_rows.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <stdexcept>

#include "xgrad/autograd/grad_mode.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/reductions.hpp"

namespace xgrad::test {
namespace {

using References = std::map<std::string, std::vector<double>>;

References read_references(const std::string& file) {
  std::ifstream in(std::string(XGRAD_SOURCE_DIR) + "/tests/references/" + file + ".txt");
  References r;
  for (std::string line; std::getline(in, line);) {
    const std::size_t colon = line.find(": ");
    std::istringstream numbers(line.substr(colon + 2));
    std::vector<double>& to = r[line.substr(0, colon)];
    for (double v; numbers >> v;) to.push_back(v);
  }
  return r;
}

void check_numbers(const References& references, const std::string& name, const D& ours,
                   double tolerance) {
  BOOST_TEST_CONTEXT(name) {
    const auto it = references.find(name);
    BOOST_TEST_REQUIRE((it != references.end()));
    BOOST_TEST_REQUIRE(it->second.size() == ours.size());
    check_close(ours, D::from(ours.shape(), it->second), tolerance);
  }
}

D contracted(const Tensors& x, int first_wave) {
  D s(0.0);
  for (std::size_t i = 0; i < x.size(); ++i) {
    s = s + sum(x[i] * wave(x[i].shape(), first_wave + static_cast<int>(i)));
  }
  return s;
}

Tensors leaves(const Row& row) {
  Tensors x;
  for (const D& input : row.inputs) x.push_back(parameter(input));
  return x;
}

// The gradients as a recorded backward pass finds them, and as kernels do.
void check_gradients(const References& references, const Row& row) {
  const Tensors x = leaves(row);
  const D y = row.function(x);
  check_numbers(references, row.name + " y", y, row.tolerance);
  if (!y.requires_grad()) return;
  const D loss = contracted({y}, 100);
  loss.backward({.retain_graph = true});
  const Tensors g = grad(std::vector<D>{loss}, x, {.create_graph = true});
  for (std::size_t i = 0; i < x.size(); ++i) {
    const std::string name = row.name + " gradient " + std::to_string(i);
    check_numbers(references, name, g[i], row.tolerance);
    check_numbers(references, name, x[i].gradient(), row.tolerance);
  }
  const D s = contracted(g, 200);
  const Tensors h =
      s.requires_grad() ? grad(std::vector<D>{s}, x, {.allow_unused = true}) : Tensors(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    check_numbers(references, row.name + " second " + std::to_string(i),
                  h[i].defined() ? h[i] : D::filled(x[i].shape(), 0), row.tolerance);
  }
}

// Gradients add up: of two uses in one graph, and of two backward passes.
void check_accumulation(const Row& row) {
  const Tensors once = leaves(row), more = leaves(row);
  const D y = row.function(once);
  if (!y.requires_grad()) return;
  contracted({y}, 100).backward();
  const D both = contracted({row.function(more)}, 100) + contracted({row.function(more)}, 100);
  both.backward({.retain_graph = true});
  both.backward();
  for (std::size_t i = 0; i < once.size(); ++i) {
    check_close(more[i].gradient(), 4 * once[i].gradient());
  }
}

void check_row(const References& references, const Row& row) {
  const std::int64_t nodes = detail::live_nodes();
  check_gradients(references, row);
  check_accumulation(row);
  {
    const NoGrad guard;
    BOOST_TEST(!row.function(leaves(row)).requires_grad());
  }
  BOOST_TEST(detail::live_nodes() == nodes);
}

void check_names(const References& references, const std::vector<Row>& rows) {
  std::set<std::string> names;
  for (const Row& row : rows) BOOST_TEST(names.insert(row.name).second, row.name << " given twice");
  for (const auto& [name, numbers] : references) {
    if (name.ends_with(" y")) BOOST_TEST(names.contains(name.substr(0, name.size() - 2)), name);
  }
}

}  // namespace

D reference(const std::string& file, const std::string& name, const Shape& shape) {
  static std::map<std::string, References> files;
  if (!files.contains(file)) files[file] = read_references(file);
  // Rows are made before there is a test that could fail.
  if (!files[file].contains(name)) throw std::out_of_range(file + ": " + name);
  return D::from(shape, files[file][name]);
}

D wave(const Shape& shape, int k) {
  D x = D::uninitialized(shape);
  double* const p = x.mutable_data();
  for (std::size_t i = 0; i < x.size(); ++i) {
    p[i] = 1.5 * std::sin(1 + 2.3 * static_cast<double>(i) + 5.1 * k);
  }
  return x;
}

D unit(const Shape& shape, int k) { return 0.5 + 0.4 * wave(shape, k) / 1.5; }

D holes(const Shape& shape, int k) {
  D x = wave(shape, k);
  double* const p = x.mutable_data();
  for (std::size_t i = 1; i < x.size(); i += 4) p[i] = 0;
  return x;
}

Indices labels(const Shape& shape, int classes) {
  Indices l(Indices::shape_type(shape.begin(), shape.end()));
  for (std::size_t i = 0; i < l.size(); ++i) l.data()[i] = static_cast<int>(7 * i + 3) % classes;
  return l;
}

RegisterRows::RegisterRows(std::string file, std::vector<Row> rows) {
  namespace ut = boost::unit_test;
  struct Table {
    std::vector<Row> rows;
    References references;
  };
  const auto table = std::make_shared<Table>(Table{std::move(rows), read_references(file)});
  auto* suite = BOOST_TEST_SUITE("torch_" + file);
  for (const Row& row : table->rows) {
    suite->add(ut::make_test_case([table, &row] { check_row(table->references, row); }, row.name,
                                  __FILE__, __LINE__));
  }
  suite->add(ut::make_test_case([table] { check_names(table->references, table->rows); },
                                "every_reference_has_a_row", __FILE__, __LINE__));
  ut::framework::master_test_suite().add(suite);
}

void check_close(const D& a, const D& b, double tolerance) {
  BOOST_TEST_REQUIRE((a.shape() == b.shape()));
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double x = a.data()[i], y = b.data()[i];
    if (x == y || (std::isnan(x) && std::isnan(y))) continue;
    const double error = std::abs(x - y) / std::max({1.0, std::abs(x), std::abs(y)});
    BOOST_TEST(error <= tolerance, "element " << i << ": " << x << ", " << y);
  }
}

void check_shape(const D& y, const Shape& shape) {
  BOOST_TEST(to_string(y.shape()) == to_string(shape));
}

void is(const D& y, const Array<double>& expected) { BOOST_TEST((y.value() == expected)); }

}  // namespace xgrad::test
