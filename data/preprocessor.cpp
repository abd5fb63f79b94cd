#include "xgrad/data/preprocessor.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <stdexcept>
#include <utility>
#include <vector>

#include "xgrad/base/errors.hpp"
#include "xgrad/data/decomposition.hpp"
#include "xgrad/data/scaling.hpp"

namespace xgrad {
namespace {

constexpr std::string_view kFittedOn = "/fitted_on/";

Shape batch(std::size_t n, const Shape& sample) { return sample.with(0, n); }

template <class T>
Array<T> uninitialized(const Shape& shape) {
  return Array<T>::from_shape(typename Array<T>::shape_type(shape.begin(), shape.end()));
}

// Samples, rank, sizes, hashes.
Indices pack(const FittedOn& on) {
  std::vector<std::uint64_t> words = {on.samples, on.sample.rank()};
  words.insert(words.end(), on.sample.begin(), on.sample.end());
  words.insert(words.end(), on.hashes.begin(), on.hashes.end());
  Indices r = uninitialized<std::int64_t>({words.size()});
  for (std::size_t i = 0; i < words.size(); ++i) {
    r.data()[i] = std::bit_cast<std::int64_t>(words[i]);
  }
  return r;
}

FittedOn unpack(const Indices& words, std::string name) {
  const auto word = [&](std::size_t i) { return std::bit_cast<std::uint64_t>(words.data()[i]); };
  FittedOn r{std::move(name), 0, {}, {}};
  if (words.dimension() != 1 || words.size() < 2 || word(0) == 0) return {};
  if (word(1) >= Shape::kMaxRank || words.size() - 2 < word(1)) return {};
  r.samples = word(0);
  double numbers = 1;
  for (std::size_t i = 0; i < word(1); ++i) {
    r.sample.push_back(word(2 + i));
    numbers *= std::max(1.0, static_cast<double>(word(2 + i)));
  }
  if (!(numbers <= 0x1p53)) return {};
  for (std::size_t i = 2 + r.sample.rank(); i < words.size(); ++i) r.hashes.push_back(word(i));
  return r;
}

template <class T>
std::unique_ptr<Preprocessor<T>> make(std::string_view kind) {
  if (kind == "Center") return std::make_unique<Center<T>>();
  if (kind == "Standardize") return std::make_unique<Standardize<T>>();
  if (kind == "MinMax") return std::make_unique<MinMax<T>>();
  if (kind == "Impute") return std::make_unique<Impute<T>>();
  if (kind == "Pca") return std::make_unique<Pca<T>>();
  if (kind == "Zca") return std::make_unique<Zca<T>>();
  return nullptr;
}

// What may have been meant.
std::string others(const Archive& archive) {
  std::vector<std::string> names;
  for (const auto& [name, array] : archive) {
    const std::size_t end = name.find(kFittedOn);
    if (end != std::string::npos) names.push_back(detail::quote(name.substr(0, end)));
  }
  return names.empty() ? ", nor any other" : ", but " + detail::join(names);
}

}  // namespace

template <class T>
void Preprocessor<T>::check_finite(const Array<T>& x) const {
  const std::size_t row = x.size() / x.shape(0);
  for (std::size_t i = 0; i < x.size(); ++i) {
    const T v = x.data()[i];
    if (std::isfinite(v) || (std::isnan(v) && allows_nan())) continue;
    fail("sample ", i / row, " has ", v, " at ", i % row,
         (std::isnan(v) ? "; Impute fills in what is missing" : ""));
  }
}

template <class T>
void Preprocessor<T>::fit(const Array<T>& x, const std::string& name) {
  const Shape shape(x.shape());
  if (shape.rank() == 0 || shape.elements() == 0) fail("no samples in ", shape);
  if (name.empty() || name.find('/') != std::string::npos) {
    fail("not a name of data: ", detail::quote(name));
  }
  check_finite(x);
  FittedOn on = FittedOn::of(x, name);
  learn(x);
  fitted_on_ = std::move(on);
}

template <class T>
std::size_t Preprocessor<T>::check_samples(const Shape& shape, const Shape& sample) const {
  if (fitted_on_.samples == 0) detail::fail<std::logic_error>(type_name(), "not fitted yet");
  if (shape.rank() == 0 || shape.without(0) != sample) {
    fail("samples differ: ", shape, ", fitted for ", sample, " each");
  }
  return shape[0];
}

template <class T>
Array<T> Preprocessor<T>::transform(const Array<T>& x) const {
  const std::size_t n = check_samples(Shape(x.shape()), fitted_on_.sample);
  Array<T> y = uninitialized<T>(batch(n, output()));
  forward(x.data(), y.data(), n);
  return y;
}

template <class T>
Array<T> Preprocessor<T>::inverse(const Array<T>& y) const {
  const Shape from = fitted_on_.samples == 0 ? Shape() : output();
  const std::size_t n = check_samples(Shape(y.shape()), from);
  Array<T> x = uninitialized<T>(batch(n, fitted_on_.sample));
  backward(y.data(), x.data(), n);
  return x;
}

template <class T>
void Preprocessor<T>::require_unseen(const Array<T>& x, const std::string& name,
                                     double most) const {
  check_samples(Shape(x.shape()), fitted_on_.sample);
  const double share = fitted_on_.share_of(x);
  if (!(share > most)) return;
  detail::fail<std::logic_error>(type_name(), "fitted on ", detail::quote(fitted_on_.name),
                                 ", which holds ", std::lround(100 * share),
                                 " % of the samples of ", detail::quote(name));
}

template <class T>
void Preprocessor<T>::save(Archive& archive, const std::string& prefix) const {
  if (fitted_on_.samples == 0) detail::fail<std::logic_error>(type_name(), "not fitted yet");
  // visit() is for reading and writing; here nothing is written.
  const_cast<Preprocessor&>(*this).visit([&](const std::string& name, Numbers& numbers) {
    archive.add(prefix + "/" + type_name() + "/" + name, numbers);
  });
  archive.add(prefix + std::string(kFittedOn) + fitted_on_.name, pack(fitted_on_));
}

template <class T>
std::unique_ptr<Preprocessor<T>> load_preprocessor(const Archive& archive,
                                                   const std::string& prefix) {
  const auto fail = [&](const std::string& what) { throw FileError("preprocessor", prefix, what); };
  std::unique_ptr<Preprocessor<T>> r;
  FittedOn on;
  for (const auto& [name, array] : archive) {
    if (!name.starts_with(prefix + "/")) continue;
    if (const std::string tail = name.substr(prefix.size()); tail.starts_with(kFittedOn)) {
      on = unpack(archive.get<std::int64_t>(name), tail.substr(kFittedOn.size()));
    } else if (r == nullptr) {
      r = make<T>(std::string_view(tail).substr(1, tail.find('/', 1) - 1));
    }
  }
  if (r == nullptr) fail("no preprocessor of that name is there" + others(archive));
  if (on.samples == 0) fail("what it was fitted on is missing or damaged");
  r->visit([&](const std::string& name, Array<double>& numbers) {
    numbers = archive.get<double>(prefix + "/" + r->type_name() + "/" + name);
  });
  r->fitted_on_ = std::move(on);
  try {
    r->check();
  } catch (const std::invalid_argument& e) {
    fail(e.what());
  }
  return r;
}

template class Preprocessor<float>;
template class Preprocessor<double>;
template std::unique_ptr<Preprocessor<float>> load_preprocessor(const Archive&, const std::string&);
template std::unique_ptr<Preprocessor<double>> load_preprocessor(const Archive&,
                                                                 const std::string&);

}  // namespace xgrad
