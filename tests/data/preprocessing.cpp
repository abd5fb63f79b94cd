// Statistics against tests/references/preprocessing.py; saving; what they were fitted on.

#include <memory>
#include <type_traits>

#include "tests/data/references.hpp"
#include "tests/serialization/files.hpp"
#include "xgrad/data/decomposition.hpp"
#include "xgrad/data/scaling.hpp"
#include "xgrad/kernels/random.hpp"
#include "xgrad/serialization/npy.hpp"
#include "xgrad/serialization/safetensors.hpp"

using namespace xgrad;
using namespace xgrad_test;

namespace {

const Rows& rows() {
  static const Rows r = read_rows("preprocessing.txt");
  return r;
}

template <class T>
constexpr double kTolerance = std::is_same_v<T, float> ? 2e-5 : 1e-12;  // of rows as large as 10

template <class T>
Array<T> train(const Shape& shape = {7, 2, 2}) {
  return shaped<T>(shape, rows().at("x"));
}
template <class T>
Array<T> fresh(const Shape& shape = {2, 2, 2}) {
  return shaped<T>(shape, rows().at("new"));
}

// Fits, compares, and goes there and back again.
template <class T>
void check_scaling(Preprocessor<T>& p, const std::string& row) {
  p.fit(train<T>());
  const Array<T> y = p.transform(fresh<T>());
  check_close(y, rows().at(row), kTolerance<T>);
  check_close(p.inverse(y), rows().at("new"), kTolerance<T>);
}

template <class T>
void check_scalings() {
  const std::pair<Per, std::string> all[] = {
      {Per::feature, "feature"}, {Per::channel, "channel"}, {Per::all, "all"}};
  for (const auto& [per, name] : all) {
    Center<T> center({.per = per});
    check_scaling(center, "center " + name);
    Standardize<T> standardize({.per = per});
    check_scaling(standardize, "standardize " + name);
    MinMax<T> min_max({.low = -1, .high = 2, .per = per});
    check_scaling(min_max, "minmax " + name);
  }
}

template <class T>
void check_decompositions() {
  Pca<T> pca({.components = 2});
  pca.fit(train<T>());
  check_close(pca.explained_variance(), rows().at("explained variance"), kTolerance<T>);
  check_close(pca.explained_variance_ratio(), rows().at("ratio"), kTolerance<T>);
  check_close(pca.components(), rows().at("components"), kTolerance<T>);
  const Array<T> y = pca.transform(fresh<T>());
  BOOST_CHECK(Shape(y.shape()) == Shape({2, 2}));
  check_close(y, rows().at("pca"), kTolerance<T>);
  check_close(pca.inverse(y), rows().at("pca inverse"), kTolerance<T>);

  Pca<T> white({.components = 2, .whiten = true, .epsilon = 0});
  white.fit(train<T>());
  check_close(white.transform(fresh<T>()), rows().at("pca whitened"), kTolerance<T>);
  check_close(white.inverse(white.transform(fresh<T>())), rows().at("pca inverse"), kTolerance<T>);
  check_close(white.components(), rows().at("components"), kTolerance<T>);

  Pca<T> soft({.components = 3, .whiten = true, .epsilon = 0.1});
  soft.fit(train<T>());
  check_close(soft.transform(fresh<T>()), rows().at("pca whitened epsilon"), kTolerance<T>);

  Zca<T> zca({.epsilon = 0.1});
  zca.fit(train<T>());
  const Array<T> z = zca.transform(fresh<T>());
  BOOST_CHECK(Shape(z.shape()) == Shape({2, 2, 2}));
  check_close(z, rows().at("zca"), kTolerance<T>);
  check_close(zca.inverse(z), rows().at("new"), kTolerance<T>);
}

Array<float> noise(std::size_t n, std::uint64_t seed) {
  Array<float> x(Array<float>::shape_type{n, 3});
  kernels::fill_normal(x.data(), x.size(), 0.0F, 1.0F, {seed, 0});
  return x;
}

Array<float> joined(const Array<float>& a, const Array<float>& b) {
  Array<float> r(Array<float>::shape_type{a.shape(0) + b.shape(0), a.shape(1)});
  std::copy(b.begin(), b.end(), std::copy(a.begin(), a.end(), r.begin()));
  return r;
}

template <class E, class F>
std::string refusal(const F& f) {
  return message_of<E>(f);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(preprocessing)

BOOST_AUTO_TEST_CASE(scaling) {
  check_scalings<float>();
  check_scalings<double>();
}

BOOST_AUTO_TEST_CASE(decomposition) {
  check_decompositions<float>();
  check_decompositions<double>();
}

BOOST_AUTO_TEST_CASE(whitened_samples_have_no_covariance) {
  const Array<double> x = train<double>({7, 4});
  Pca<double> pca({.components = 3, .whiten = true, .epsilon = 0});
  pca.fit(x);
  const Array<double> y = pca.transform(x);
  for (std::size_t a = 0; a < 3; ++a) {
    for (std::size_t b = 0; b < 3; ++b) {
      double sum = 0;
      for (std::size_t i = 0; i < 7; ++i) sum += y(i, a) * y(i, b);
      BOOST_TEST(std::abs(sum / 6 - (a == b ? 1 : 0)) < 1e-12);
    }
  }
}

BOOST_AUTO_TEST_CASE(components_by_share_of_variance) {
  const double first = rows().at("ratio")[0], second = rows().at("ratio")[1];
  for (const auto& [share, count] : {std::pair{first * 0.99, 1U}, std::pair{first * 1.001, 2U},
                                     std::pair{(first + second) * 0.999, 2U}}) {
    Pca<double> pca({.variance = share});
    pca.fit(train<double>());
    BOOST_TEST(pca.explained_variance().size() == count);
  }
}

// More numbers than one block of samples, and fewer samples than numbers.
BOOST_AUTO_TEST_CASE(many_samples_and_few) {
  const Array<float> many = noise(3000, 1);
  Pca<float> pca;
  pca.fit(many);
  const Array<float> back = pca.inverse(pca.transform(many));
  for (std::size_t i = 0; i < many.size(); ++i) {
    BOOST_TEST_REQUIRE(std::abs(back.data()[i] - many.data()[i]) < 1e-5);
  }
  Pca<double> two;
  two.fit(shaped<double>({2, 4}, {1, 2, 3, 4, 3, 2, 3, 8}));  // one direction: (1, 0, 0, 2)
  BOOST_TEST(std::abs(two.explained_variance()(0) - 10) < 1e-12);
  BOOST_TEST(two.explained_variance()(1) == 0);
}

BOOST_AUTO_TEST_CASE(what_does_not_vary_is_not_stretched) {
  const Array<double> x(Array<double>::shape_type{10, 1}, 0.1);  // whose mean is not 0.1 exactly
  Standardize<double> p;
  p.fit(x);
  for (const double v : p.transform(x)) BOOST_TEST(std::abs(v) < 1e-15);
}

// Columns of any size: {1, 2, 3, 4} has the deviation sqrt(1.25).
BOOST_AUTO_TEST_CASE(columns_whose_squares_leave_the_range) {
  const std::vector<double> sizes = {1e-300, 1e-200, 1, 1e200, 1e307};
  std::vector<double> x, expected;
  for (int i = 1; i <= 4; ++i) {
    for (const double s : sizes) {
      x.push_back(i * s);
      expected.push_back((i - 2.5) / std::sqrt(1.25));
    }
  }
  Standardize<double> p;
  const Array<double> columns = shaped<double>({4, sizes.size()}, x);
  p.fit(columns);
  const Array<double> y = p.transform(columns);
  check_close(y, expected, 1e-14);
  const Array<double> back = p.inverse(y);
  for (std::size_t i = 0; i < x.size(); ++i)
    BOOST_TEST(std::abs(back.data()[i] / x[i] - 1) < 1e-14);
}

BOOST_AUTO_TEST_CASE(large_means_leave_the_deviation_alone) {
  const std::vector<double> x = {1e15, 1e15 + 1, 1e15 + 2, 1e15 + 3};
  Standardize<double> p;
  p.fit(shaped<double>({4, 1}, x));
  std::vector<double> expected;
  for (const double i : {1., 2., 3., 4.}) expected.push_back((i - 2.5) / std::sqrt(1.25));
  check_close(p.transform(shaped<double>({4, 1}, x)), expected, 1e-14);
  Pca<double> pca;
  pca.fit(shaped<double>({4, 1}, x));
  BOOST_TEST(std::abs(pca.explained_variance()(0) / (5. / 3) - 1) < 1e-14);
}

BOOST_AUTO_TEST_CASE(missing_numbers) {
  Impute<double> impute;
  const Array<double> x = shaped<double>({3, 2}, {1, NAN, 3, 5, NAN, 7});
  impute.fit(x);
  check_close(impute.transform(x), {1, 6, 3, 5, 2, 7}, 0);
  BOOST_TEST(refusal<std::invalid_argument>([&] { Standardize<double>().fit(x); }) ==
             "Standardize: sample 0 has nan at 1; Impute fills in what is missing");
  BOOST_TEST(refusal<std::invalid_argument>([&] {
               impute.fit(shaped<double>({1, 2}, {1, NAN}));
             }) == "Impute: nothing but missing values at 1");
  check_close(impute.transform(x), {1, 6, 3, 5, 2, 7}, 0);
}

BOOST_AUTO_TEST_CASE(saved_and_loaded) {
  std::vector<std::unique_ptr<Preprocessor<float>>> all;
  all.push_back(std::make_unique<Center<float>>(ScalingOptions{Per::channel}));
  all.push_back(std::make_unique<Standardize<float>>(ScalingOptions{Per::all}));
  all.push_back(std::make_unique<MinMax<float>>(MinMaxOptions{.low = -3, .high = -1}));
  all.push_back(std::make_unique<Impute<float>>());
  all.push_back(std::make_unique<Pca<float>>(PcaOptions{.components = 2, .whiten = true}));
  all.push_back(std::make_unique<Zca<float>>());
  for (const char* file : {"saved.npz", "saved.safetensors"}) {
    for (const auto& p : all) {
      p->fit(train<float>(), "first half");
      Archive a;
      a.add("weight", train<float>());
      p->save(a, "inputs");
      const bool npz = std::string(file).ends_with("npz");
      npz ? write_npz(file, a) : write_safetensors(file, a);
      const Archive back = npz ? read_npz(file) : read_safetensors(file);
      BOOST_TEST((back.without("inputs").names() == std::vector<std::string>{"weight"}));
      const auto q = load_preprocessor<float>(back, "inputs");
      BOOST_TEST(q->type_name() == p->type_name());
      BOOST_TEST(q->fitted_on().name == "first half");
      BOOST_TEST(q->fitted_on().hashes == p->fitted_on().hashes, boost::test_tools::per_element());
      BOOST_CHECK(q->fitted_on().sample == Shape({2, 2}));
      BOOST_CHECK(q->transform(fresh<float>()) == p->transform(fresh<float>()));
      q->fit(fresh<float>());
      p->fit(fresh<float>());
      BOOST_CHECK(q->transform(train<float>()) == p->transform(train<float>()));
    }
    std::filesystem::remove(file);
  }
}

BOOST_AUTO_TEST_CASE(damaged_archives) {
  Standardize<float> p;
  p.fit(train<float>());
  Archive a;
  p.save(a, "inputs");
  BOOST_TEST(refusal<FileError>([&] { load_preprocessor<float>(a, "outputs"); }) ==
             "preprocessor: outputs: no preprocessor of that name is there, but \"inputs\"");
  BOOST_TEST(refusal<FileError>([&] {
               load_preprocessor<float>(a.without("inputs/fitted_on"), "inputs");
             }) == "preprocessor: inputs: what it was fitted on is missing or damaged");
  Archive uncountable = a.without("inputs/fitted_on");
  Indices on(Indices::shape_type{4}, std::int64_t{1} << 32);
  on(1) = 2;
  uncountable.add("inputs/fitted_on/train", on);
  BOOST_TEST(refusal<FileError>([&] { load_preprocessor<float>(uncountable, "inputs"); }) ==
             "preprocessor: inputs: what it was fitted on is missing or damaged");
  Pca<float> pca;
  pca.fit(train<float>());
  Archive whole;
  pca.save(whole, "inputs");
  Archive few(whole.without("inputs/Pca"));
  for (const auto& [name, array] : whole) {
    if (name.find("/explained") != std::string::npos) {
      few.add(name, Array<double>(Array<double>::shape_type{1}, 1.0));
    } else if (name.starts_with("inputs/Pca/")) {
      few.add(name, array);
    }
  }
  BOOST_TEST(refusal<FileError>([&] { load_preprocessor<float>(few, "inputs"); }) ==
             "preprocessor: inputs: Pca: statistics do not fit together");
  Archive b = a.without("inputs/Standardize");
  b.add("inputs/Standardize/options", a.get<double>("inputs/Standardize/options"));
  b.add("inputs/Standardize/shift", Array<double>(Array<double>::shape_type{3}, 1.0));
  b.add("inputs/Standardize/scale", a.get<double>("inputs/Standardize/scale"));
  BOOST_TEST(refusal<FileError>([&] { load_preprocessor<float>(b, "inputs"); }) ==
             "preprocessor: inputs: Standardize: statistics are (3), not (2, 2)");
}

BOOST_AUTO_TEST_CASE(fitted_on_what_it_must_not_know) {
  for (const std::size_t n : {200U, 5000U}) {  // exact, and by the choice of hashes
    const Array<float> training = noise(n, 1), validation = noise(n / 4, 2);
    Standardize<float> right, wrong, all;
    right.fit(training, "train");
    wrong.fit(validation, "validation");
    all.fit(joined(training, validation), "all");
    right.require_unseen(validation, "validation");
    BOOST_TEST(right.fitted_on().share_of(validation) == 0);
    BOOST_TEST(right.fitted_on().share_of(training) == 1);
    BOOST_TEST(refusal<std::logic_error>([&] { wrong.require_unseen(validation, "held out"); }) ==
               "Standardize: fitted on \"validation\", which holds 100 % of the samples of "
               "\"held out\"");
    BOOST_CHECK_THROW(all.require_unseen(validation, "validation"), std::logic_error);
    const double share = right.fitted_on().share_of(joined(training, validation));
    BOOST_TEST(std::abs(share - 0.8) < 0.06);
  }
}

BOOST_AUTO_TEST_CASE(the_same_samples_in_float_and_double) {
  const auto a = FittedOn::of(shaped<float>({2, 2}, {1, -0.0, 3, 0.25}), "a"),
             b = FittedOn::of(shaped<double>({2, 2}, {3, 0.25, 1, 0}), "b");
  BOOST_TEST(a.hashes == b.hashes, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(refusals) {
  Standardize<double> p;
  BOOST_TEST(refusal<std::logic_error>([&] { p.transform(train<double>()); }) ==
             "Standardize: not fitted yet");
  BOOST_TEST(refusal<std::invalid_argument>([&] {
               p.fit(shaped<double>({0, 3}, {}));
             }) == "Standardize: no samples in (0, 3)");
  BOOST_TEST(refusal<std::invalid_argument>([&] { p.fit(train<double>(), "a/b"); }) ==
             "Standardize: not a name of data: \"a/b\"");
  p.fit(train<double>());
  BOOST_TEST(refusal<std::invalid_argument>([&] {
               p.transform(train<double>({7, 4}));
             }) == "Standardize: samples differ: (7, 4), fitted for (2, 2) each");
  BOOST_TEST(refusal<std::invalid_argument>([] {
               MinMax<double>({.low = 1, .high = 1});
             }).starts_with("MinMax: low 1"));
  BOOST_TEST(refusal<std::invalid_argument>([] { Pca<double>({.variance = 0}); }) ==
             "Pca: share of variance is not in (0, 1]: 0");
  Pca<double> pca({.components = 5}), white({.whiten = true, .epsilon = 0});
  BOOST_TEST(refusal<std::invalid_argument>([&] { pca.fit(train<double>()); }) ==
             "Pca: 5 components of samples of 4 numbers");
  BOOST_TEST(refusal<std::invalid_argument>([&] {
               white.fit(train<double>());
             }).ends_with("has no variance and cannot be whitened with epsilon 0"));
  BOOST_TEST(refusal<std::invalid_argument>([&] {
               pca.fit(fresh<double>({1, 8}));
             }) == "Pca: 1 sample has no variance");
}

BOOST_AUTO_TEST_SUITE_END()
