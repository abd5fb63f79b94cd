#include <boost/test/unit_test.hpp>

#include "tests/layering/rules.hpp"

using namespace layering;
using Lines = std::vector<std::string>;

namespace {

const Tree& project() {
  static const Tree tree = read_tree(XGRAD_SOURCE_DIR);
  return tree;
}

void require_none(const Lines& broken) {
  for (const std::string& line : broken) BOOST_ERROR(line);
}

void require_only(const Lines& broken, const std::string& line) {
  BOOST_TEST(broken == Lines{line}, boost::test_tools::per_element());
}

}  // namespace

BOOST_AUTO_TEST_SUITE(project_tree)

BOOST_AUTO_TEST_CASE(is_read) {
  BOOST_TEST(project().contains("autograd/tensor.hpp"));
  BOOST_TEST(project().contains("kernels/simd/reduce.cpp"));
  BOOST_TEST(project().contains("kernels/formulas/elementary.hpp"));
}
BOOST_AUTO_TEST_CASE(folders_point_one_way) { require_none(check_folders(project())); }
BOOST_AUTO_TEST_CASE(kernel_sources_see_no_xtensor) {
  require_none(check_kernel_sources(project()));
}
BOOST_AUTO_TEST_CASE(headers_leave_xtensor_to_array_hpp) {
  require_none(check_xtensor_headers(project()));
}
BOOST_AUTO_TEST_CASE(text_and_errors_are_made_one_way) { require_none(check_one_way(project())); }
BOOST_AUTO_TEST_CASE(sources_have_a_header_of_their_name) { require_none(check_names(project())); }
BOOST_AUTO_TEST_CASE(umbrella_only_includes) { require_none(check_umbrella(project())); }

BOOST_AUTO_TEST_SUITE_END()

// The rules find what they are there to find.
BOOST_AUTO_TEST_SUITE(broken_rules)

BOOST_AUTO_TEST_CASE(upward_include) {
  const Tree tree{{"ops/math.hpp",
                   "#pragma once\n\n#include \"xgrad/kernels/isa.hpp\"\n#include "
                   "\"xgrad/modules/linear.hpp\"\n"}};
  require_only(check_folders(tree),
               "ops/math.hpp:4: ops includes xgrad/modules/linear.hpp, may include autograd, base, "
               "kernels, ops");
}

BOOST_AUTO_TEST_CASE(sideways_include) {
  const Tree tree{{"optimizers/sgd.cpp", "  #  include \"xgrad/ops/math.hpp\" // why not\n"}};
  require_only(check_folders(tree),
               "optimizers/sgd.cpp:1: optimizers includes xgrad/ops/math.hpp, may include "
               "autograd, base, kernels, optimizers");
}

BOOST_AUTO_TEST_CASE(old_names_include_only_the_new_one) {
  const Tree tree{{"autograd/gradient_check.hpp",
                   "#include \"xgrad/gradient_check/check.hpp\"\n#include "
                   "\"xgrad/ops/math.hpp\"\n"}};
  require_only(check_folders(tree),
               "autograd/gradient_check.hpp:2: autograd includes xgrad/ops/math.hpp, may include "
               "autograd, base, kernels");
}

BOOST_AUTO_TEST_CASE(umbrella_inside) {
  const Tree tree{{"training/loop.hpp", "#include \"xgrad/xgrad.hpp\"\n"}};
  BOOST_TEST(check_folders(tree).size() == 1U);
}

BOOST_AUTO_TEST_CASE(outside_the_library) {
  const Tree tree{{"data/csv.cpp", "#include \"tests/helpers.hpp\"\n"}};
  require_only(check_folders(tree),
               "data/csv.cpp:1: \"tests/helpers.hpp\" is not xgrad/<folder>/<file>");
}

BOOST_AUTO_TEST_CASE(angle_brackets) {
  const Tree tree{{"data/csv.cpp", "#include <xgrad/modules/linear.hpp>\n"}};
  require_only(check_folders(tree),
               "data/csv.cpp:1: <xgrad/modules/linear.hpp> is ours and belongs in quotes");
}

BOOST_AUTO_TEST_CASE(xtensor_behind_a_kernel_source) {
  const Tree tree{
      {"kernels/simd/map.cpp", "#include \"xgrad/kernels/a.hpp\"\n"},
      {"kernels/a.hpp", "#include \"xgrad/kernels/b.hpp\"\n"},
      {"kernels/b.hpp", "#include \"xgrad/kernels/a.hpp\"\n#include <xtensor/xarray.hpp>\n"}};
  require_only(check_kernel_sources(tree),
               "kernels/b.hpp:2: <xtensor/xarray.hpp> is reached from kernels/simd/map.cpp");
}

BOOST_AUTO_TEST_CASE(xtensor_in_a_header) {
  const Tree tree{{"autograd/array.hpp", "#include <xtensor/xarray.hpp>\n"},
                  {"ops/math.cpp", "#include <xtensor/xmath.hpp>\n"},
                  {"ops/math.hpp", "#include <xtensor/xmath.hpp>\n"}};
  require_only(
      check_xtensor_headers(tree),
      "ops/math.hpp:1: <xtensor/xmath.hpp> in a header, where only autograd/array.hpp has xtensor");
}

BOOST_AUTO_TEST_CASE(other_ways_to_write_and_throw) {
  const Tree tree{{"base/errors.cpp", "throw std::logic_error(text);\n"},
                  {"ops/math.cpp",
                   "// throw std::logic_error: when\n  throw std::out_of_range(\"x\");\n"
                   "auto s = std::to_string(0.1);\n"}};
  BOOST_TEST(check_one_way(tree) ==
                 (Lines{"ops/math.cpp:2: throw std::out_of_range, which is base/'s to say",
                        "ops/math.cpp:3: std::to_string, which is base/'s to say"}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(source_without_a_header) {
  const Tree tree{{"data/csv_rows.cpp", ""},     {"data/csv.hpp", ""},
                  {"kernels/simd/scan.cpp", ""}, {"kernels/scan.hpp", ""},
                  {"data/rows_of_csv.cpp", ""},  {"data/read.hpp", ""}};
  require_only(check_names(tree), "data/rows_of_csv.cpp: no header of its name");
}

BOOST_AUTO_TEST_CASE(umbrella_with_code) {
  const Tree tree{
      {"xgrad.hpp", "#pragma once\n\n// Everything.\n#include \"xgrad/ops/math.hpp\"\nint f();\n"}};
  require_only(check_umbrella(tree), "xgrad.hpp:5: 'int f();' is no include of ours");
}

BOOST_AUTO_TEST_SUITE_END()
