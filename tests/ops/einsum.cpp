// einsum and tensordot: random strings against plain loops over all letters, patterns whose operands
// lie in memory in every order, what is refused.

#include "xgrad/ops/einsum.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "tests/ops/failure.hpp"
#include "tests/ops/reference_rows.hpp"
#include "tests/rounds.hpp"
#include "xgrad/gradient_check/check.hpp"
#include "xgrad/kernels/parallel.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/contraction_order.hpp"
#include "xgrad/ops/math.hpp"
#include "xgrad/ops/random.hpp"
#include "xgrad/ops/reductions.hpp"
#include "xgrad/ops/shape.hpp"
#include "xgrad/ops/slicing.hpp"

using namespace xgrad;
using namespace xgrad::test;

namespace {

// A string with the axes spelled out: the letters of each operand and of the result, their sizes,
// and the shapes, in which an axis may have size 1 instead.
struct Specification {
  std::string text;
  std::vector<std::string> operands;
  std::string result;
  std::map<char, std::size_t> sizes;
  std::vector<Shape> shapes;
};

class Random {
 public:
  explicit Random(unsigned seed) : engine_(seed) {}
  std::size_t below(std::size_t n) { return engine_() % n; }
  bool one_in(std::size_t n) { return below(n) == 0; }
  std::string shuffled(std::string s) {
    std::shuffle(s.begin(), s.end(), engine_);
    return s;
  }
  std::string spaced(const std::string& s) {
    std::string r;
    for (const char c : s)
      r +=
          one_in(12) && c != '.' && c != '-' && c != '>' ? std::string(" ") + c : std::string(1, c);
    return r;
  }

 private:
  std::mt19937 engine_;
};

std::string ellipsis(std::size_t axes) { return std::string("zyx").substr(3 - axes); }

// Of letters a to f; x, y and z are the axes of "...".
Specification random_specification(Random& r) {
  Specification s;
  for (const char c : std::string("abcdefxyz")) s.sizes[c] = r.one_in(25) ? 0 : 1 + r.below(3);
  const std::size_t count = r.one_in(8) ? 7 : 1 + r.below(4), letters = 2 + r.below(5);
  const bool dots = r.one_in(3);
  std::string all, written;
  for (std::size_t i = 0; i < count; ++i) {
    std::string before, behind;
    for (std::size_t n = r.below(count > 4 ? 3 : 4); n > 0; --n)
      (dots && r.one_in(2) ? behind : before) += static_cast<char>('a' + r.below(letters));
    const bool here = dots && !r.one_in(4);
    const std::string hidden = here ? ellipsis(r.below(3)) : "";
    s.operands.push_back(before + hidden + behind);
    all += s.operands.back();
    written += (i == 0 ? "" : ",") + before + (here ? "..." : "") + behind;
    Shape shape;
    const bool narrow = r.one_in(5);
    std::map<char, std::size_t> own = s.sizes;
    for (const char c : s.operands.back()) {
      if (narrow && r.one_in(2)) own[c] = 1;
    }
    for (const char c : s.operands.back()) shape.push_back(own[c]);
    s.shapes.push_back(shape);
  }
  std::string hidden, named;
  for (const char c : std::string("zyx"))
    hidden += all.find(c) != all.npos ? std::string(1, c) : "";
  for (char c = 'a'; c <= 'f'; ++c) {
    const auto times = std::count(all.begin(), all.end(), c);
    named += times == 1 ? std::string(1, c) : "";
  }
  s.result = hidden + named;
  if (!r.one_in(3)) {
    named.clear();
    for (char c = 'a'; c <= 'f'; ++c)
      named += all.find(c) != all.npos && !r.one_in(2) ? std::string(1, c) : "";
    named = r.shuffled(named);
    const std::size_t at = r.below(named.size() + 1);
    const bool kept = dots && !r.one_in(4);
    s.result = named.substr(0, at) + (kept ? hidden : "") + named.substr(at);
    written += "->" + named.substr(0, at) + (kept ? "..." : "") + named.substr(at);
  }
  s.text = r.spaced(written);
  // What no operand has with more than one element has size 1.
  for (auto& [c, size] : s.sizes) {
    std::size_t widest = 1;
    for (std::size_t i = 0; i < count; ++i) {
      for (std::size_t axis = 0; axis < s.shapes[i].rank(); ++axis) {
        if (s.operands[i][axis] == c && s.shapes[i][axis] != 1) widest = s.shapes[i][axis];
      }
    }
    size = widest;
  }
  return s;
}

std::size_t position(const std::string& letters, const Shape& shape,
                     const std::map<char, std::size_t>& index) {
  std::size_t at = 0;
  for (std::size_t i = 0; i < letters.size(); ++i)
    at = at * shape[i] + (shape[i] == 1 ? 0 : index.at(letters[i]));
  return at;
}

// visit(index) for every value of all letters.
template <class F>
void for_each_assignment(const std::map<char, std::size_t>& sizes, const F& visit) {
  std::map<char, std::size_t> index;
  for (const auto& [c, size] : sizes) {
    if (size == 0) return;
    index[c] = 0;
  }
  for (;;) {
    visit(index);
    auto it = sizes.rbegin();
    for (; it != sizes.rend() && ++index[it->first] == it->second; ++it) index[it->first] = 0;
    if (it == sizes.rend()) return;
  }
}

struct Results {
  Shape shape;
  std::vector<double> value;
  std::vector<std::vector<double>> gradients;  // of the sum of value times seed
};

Results by_loops(const Specification& s, const Tensors& x, const std::vector<double>& seed) {
  Results r;
  std::map<char, std::size_t> used;
  for (const std::string& o : s.operands) {
    for (const char c : o) used[c] = s.sizes.at(c);
  }
  for (const char c : s.result) r.shape.push_back(s.sizes.at(c));
  r.value.resize(r.shape.elements());
  for (const D& t : x) r.gradients.emplace_back(t.size(), 0.0);
  for_each_assignment(used, [&](const auto& index) {
    const std::size_t to = position(s.result, r.shape, index);
    std::vector<double> factors;
    for (std::size_t i = 0; i < x.size(); ++i)
      factors.push_back(x[i].data()[position(s.operands[i], x[i].shape(), index)]);
    double product = 1;
    for (const double f : factors) product *= f;
    r.value[to] += product;
    for (std::size_t i = 0; i < x.size(); ++i) {
      double others = seed[to % seed.size()];
      for (std::size_t j = 0; j < x.size(); ++j) others *= j == i ? 1 : factors[j];
      r.gradients[i][position(s.operands[i], x[i].shape(), index)] += others;
    }
  });
  return r;
}

Tensors random_operands(const std::vector<Shape>& shapes) {
  Generator g(3);
  Tensors x;
  for (const Shape& shape : shapes) x.push_back(parameter(uniform<double>(shape, -1, 1, g)));
  return x;
}

const std::vector<double> kSeed = {1, -0.5, 2, 0.25, 3};

void check_numbers(const std::string& what, const D& got, const std::vector<double>& expected) {
  BOOST_TEST_REQUIRE(got.size() == expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    BOOST_TEST(std::abs(got.data()[i] - expected[i]) <= 1e-12 * (1 + std::abs(expected[i])),
               what << " " << i << ": " << got.data()[i] << ", expected " << expected[i]);
  }
}

void check_against_loops(const Specification& s) {
  const Tensors x = random_operands(s.shapes);
  const Results expected = by_loops(s, x, kSeed);
  const D y = einsum(s.text, x);
  BOOST_TEST_REQUIRE(to_string(y.shape()) == to_string(expected.shape));
  check_numbers("element", y, expected.value);
  std::vector<double> seed;
  for (std::size_t i = 0; i < y.size(); ++i) seed.push_back(kSeed[i % kSeed.size()]);
  const std::vector<D> g = grad({y}, x, {}, {D::from(y.shape(), seed)});
  for (std::size_t i = 0; i < g.size(); ++i)
    check_numbers("gradient " + std::to_string(i), g[i], expected.gradients[i]);
}

// Letters of one character each, every axis of its own size, all in `sizes`.
Specification specification(const std::string& text, const std::map<char, std::size_t>& sizes) {
  Specification s{.text = text, .operands = {""}, .result = {}, .sizes = sizes, .shapes = {}};
  const std::size_t arrow = text.find("->");
  for (const char c : text.substr(0, arrow)) {
    if (c == ',') {
      s.operands.emplace_back();
    } else {
      s.operands.back() += c;
    }
  }
  s.result = text.substr(arrow + 2);
  for (const std::string& o : s.operands) {
    Shape shape;
    for (const char c : o) shape.push_back(sizes.at(c));
    s.shapes.push_back(shape);
  }
  return s;
}

std::vector<std::string> orders_of(std::string letters) {
  std::vector<std::string> all;
  std::sort(letters.begin(), letters.end());
  do all.push_back(letters);
  while (std::next_permutation(letters.begin(), letters.end()));
  return all;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(einsum_)

BOOST_AUTO_TEST_CASE(random_strings) {
  Random r(5);
  for (int i = 0; i < 600; ++i) {
    const Specification s = random_specification(r);
    BOOST_TEST_CONTEXT(i << " \"" << s.text << "\"") check_against_loops(s);
  }
}

// A batch, a row, a column and a sum, in every order of both operands and of the result: which ways
// are taken depends on the sizes.
BOOST_AUTO_TEST_CASE(every_order_in_memory) {
  std::size_t left = rounds(3);
  for (const std::map<char, std::size_t>& sizes :
       {std::map<char, std::size_t>{{'b', 3}, {'m', 4}, {'k', 5}, {'n', 2}},
        std::map<char, std::size_t>{{'b', 2}, {'m', 40}, {'k', 3}, {'n', 30}},
        std::map<char, std::size_t>{{'b', 2}, {'m', 2}, {'k', 70}, {'n', 3}}}) {
    if (left-- == 0) break;
    for (const std::string& x : orders_of("bmk")) {
      for (const std::string& y : orders_of("bkn")) {
        for (const std::string& z : orders_of("bmn")) {
          const std::string text = x + "," + y + "->" + z;
          BOOST_TEST_CONTEXT(text) check_against_loops(specification(text, sizes));
        }
      }
    }
  }
}

// Several axes of each kind, which lie together or do not.
BOOST_AUTO_TEST_CASE(several_axes_of_a_kind) {
  const std::map<char, std::size_t> sizes = {{'a', 2}, {'b', 3}, {'c', 4}, {'d', 5},
                                             {'e', 6}, {'f', 2}, {'g', 3}};
  for (const char* text :
       {"abcd,cdef->abef", "abcd,dcef->abef", "acbd,cedf->eafb", "abcd,ebfd->aecf", "abcd,abcd->",
        "abcd,dcba->", "abcd,acbd->ad", "cab,cdb->bad", "abc,cba->b", "abcd,bd->ac", "abcd,db->ca",
        "bd,abcd->ca", "abcd,ef->afbecd", "abc,cde,efg->gab", "aba->b", "aab,bcc->ac"}) {
    BOOST_TEST_CONTEXT(text) check_against_loops(specification(text, sizes));
  }
}

BOOST_AUTO_TEST_CASE(derivatives_of_both_orders) {
  const std::vector<std::pair<const char*, std::vector<Shape>>> all = {
      {"bqhd,bkhd->bhqk", {{2, 2, 1, 3}, {2, 3, 1, 3}}},
      {"ni,ij,nj->n", {{2, 2}, {2, 3}, {2, 3}}},
      {"bii->b", {{2, 3, 3}}},
      {"ij,ji->", {{2, 3}, {3, 2}}},
      {"...i,...i", {{2, 1, 3}, {2, 3}}},
      {"i,j,k,i->kj", {{2}, {3}, {2}, {2}}},
  };
  for (const auto& [text, shapes] : all) {
    const auto f = [text = text](const Tensors& x) { return Tensors{einsum(text, x)}; };
    Tensors x;
    for (std::size_t i = 0; i < shapes.size(); ++i)
      x.push_back(wave(shapes[i], static_cast<int>(i)));
    const auto report =
        check_gradients(TensorFunction<double>(f), x, {.jacobian = true, .order = 2});
    BOOST_TEST(report.passed(), text << "\n" << report.table());
  }
}

BOOST_AUTO_TEST_CASE(one_operand_more_than_once) {
  const D x = wave({3, 3});
  const auto report = check_gradients([](const auto& t) { return einsum("ij,jk,ki->", t, t, t); },
                                      {x}, {.order = 2});
  BOOST_TEST(report.passed(), report.table());
}

BOOST_AUTO_TEST_CASE(letters_of_both_cases_are_in_the_order_of_ascii) {
  const D x = wave({2, 3, 4});
  check_close(einsum("bBa", x), permute(x, {1, 2, 0}), 0);
}

BOOST_AUTO_TEST_CASE(lists_of_operands) {
  const D x = wave({2, 3}), y = wave({3, 4}, 1);
  check_close(einsum("ij,jk", x, y), einsum("ij,jk", {x, y}), 0);
  check_close(einsum("ij,jk", x, y), einsum("ij,jk", Tensors{x, y}), 0);
  BOOST_TEST(einsum("ij->ij", x).is_same(x));
}

// Twelve vectors would make twelve axes if they were not summed out on the way.
BOOST_AUTO_TEST_CASE(many_operands) {
  std::string text;
  Tensors x;
  double expected = 1;
  for (int i = 0; i < 12; ++i) {
    text += (i == 0 ? "" : ",") + std::string(1, static_cast<char>('a' + i));
    x.push_back(wave({3}, i));
    expected *= sum(x.back()).item();
  }
  BOOST_TEST(std::abs(einsum(text + "->", x).item() - expected) < 1e-12);
}

// (2, 1000) (1000, 2) (2, 1000) (1000, 2): from the left it takes 12 thousand multiplications, from
// the middle millions.
BOOST_AUTO_TEST_CASE(the_order_is_that_of_least_cost) {
  const std::vector<double> sizes = {2, 1000, 2, 1000, 2};
  const std::vector<detail::LetterSet> chain = {3U, 6U, 12U, 24U};
  const auto order = detail::contraction_order(chain, 17U, sizes);
  BOOST_TEST(order.fits);
  for (const auto& [i, j] : order.pairs)
    BOOST_TEST((i != 1 || j != 2), "two wide matrices are multiplied first");
}

// x and y alone are cheap to multiply, but their product would have 12 axes.
BOOST_AUTO_TEST_CASE(no_step_has_more_axes_than_a_tensor) {
  const detail::LetterSet x = 0x3f, y = 0xfc0, z = 0x1000;
  std::vector<double> sizes(12, 1);
  sizes.push_back(1000);
  const auto order = detail::contraction_order({x, y, x | z, y | z}, 0, sizes);
  BOOST_TEST(order.fits);
  BOOST_TEST((order.pairs.at(0) != std::pair<std::size_t, std::size_t>{0, 1}));
}

// A ring of four, each with three axes in common with the one before it and the one after it, and two of its own.
BOOST_AUTO_TEST_CASE(no_order_fits) {
  const D x = D::filled(Shape{1, 1, 1, 1, 1, 1, 1, 1}, 1);
  check_failure<std::invalid_argument>(
      [&] { einsum("jklabcmn,abcdefop,defghiqr,ghijklst->mnopqrst", x, x, x, x); },
      "einsum: an intermediate result would have more than 8 axes: "
      "\"jklabcmn,abcdefop,defghiqr,ghijklst->mnopqrst\", operands (1, 1, 1, 1, 1, 1, 1, 1), "
      "(1, 1, 1, 1, 1, 1, 1, 1), (1, 1, 1, 1, 1, 1, 1, 1), (1, 1, 1, 1, 1, 1, 1, 1)");
}

// Many products of a few numbers each are one product of all numbers, summed: either operand may have all axes.
BOOST_AUTO_TEST_CASE(many_small_products) {
  const D x = wave({300, 2}), y = wave({300, 2, 3}, 1);
  std::vector<double> expected(900, 0);
  for (std::size_t b = 0; b < 300; ++b) {
    for (std::size_t k = 0; k < 2; ++k) {
      for (std::size_t n = 0; n < 3; ++n)
        expected[b * 3 + n] += x.data()[b * 2 + k] * y.data()[(b * 2 + k) * 3 + n];
    }
  }
  check_close(einsum("bk,bkn->bn", x, y), D::from({300, 3}, expected), 1e-14);
  check_close(einsum("bkn,bk->bn", y, x), D::from({300, 3}, expected), 1e-14);
  const auto report = check_gradients(
      [](const D& a, const D& b) { return einsum("bk,bkn->nb", a, b); },
      {slice(x, 0, 0, 40), slice(y, 0, 0, 40)}, {.samples = kCheckedCoordinates, .order = 2});
  BOOST_TEST(report.passed(), report.table());
}

BOOST_AUTO_TEST_CASE(operands_of_equal_cost_are_taken_in_their_order) {
  // abc,ia,jb,kc->ijk, letters in the order of the alphabet.
  const std::vector<double> sizes = {16, 16, 16, 40, 40, 40};
  const auto order = detail::contraction_order({7U, 9U, 18U, 36U}, 56U, sizes);
  const std::vector<std::pair<std::size_t, std::size_t>> expected = {{0, 1}, {0, 2}, {0, 3}};
  BOOST_TEST((order.pairs == expected));
}

BOOST_AUTO_TEST_CASE(threads_do_not_show) {
  const D x = wave({8, 300, 3, 40}), y = wave({8, 200, 3, 40}, 1);
  const int before = num_threads();
  set_num_threads(1);
  const D one = einsum("bqhd,bkhd->bhqk", x, y);
  set_num_threads(2);
  const D two = einsum("bqhd,bkhd->bhqk", x, y);
  set_num_threads(before);
  check_close(one, two, 0);
}

BOOST_AUTO_TEST_CASE(tensordot_along_axes) {
  const D a = wave({2, 3, 4}), b = wave({3, 4, 5}, 1);
  check_close(tensordot(a, b), einsum("ijk,jkl->il", a, b), 1e-14);
  check_close(tensordot(a, b, {-1, 1}, {1, 0}), einsum("ijk,jkl->il", a, b), 1e-14);
  check_close(tensordot(a, b, 0), einsum("ijk,lmn->ijklmn", a, b), 0);
  check_close(tensordot(a, a, {0, 2}, {0, 2}), einsum("ijk,ilk->jl", a, a), 1e-14);
}

BOOST_AUTO_TEST_SUITE_END()
