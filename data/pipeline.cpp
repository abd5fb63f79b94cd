#include "xgrad/data/pipeline.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <stdexcept>

#include "xgrad/base/errors.hpp"
#include "xgrad/data/pipeline_layout.hpp"
#include "xgrad/serialization/bytes.hpp"

namespace xgrad {
namespace {

using detail::fail;
using detail::quote;
using detail::require;

constexpr const char* kName = "Pipeline";
constexpr std::size_t kListed = 10;

std::string listing(const std::vector<std::string>& names) {
  std::vector<std::string> r;
  for (std::size_t i = 0; i < std::min(names.size(), kListed); ++i) r.push_back(quote(names[i]));
  if (names.size() > kListed) r.emplace_back("...");
  return detail::join(r);
}

const Column& column_of(const Table& table, const std::string& name) {
  const std::vector<std::string> names = table.names();
  require(std::find(names.begin(), names.end(), name) != names.end(), kName,
          "the table has no column ", quote(name), " among ", listing(names));
  return table.column(name);
}

bool is_all_missing(const Column& c) {
  return std::all_of(c.values.begin(), c.values.end(), [](double v) { return std::isnan(v); });
}

// The fitted code of each code of the column; those that were not fitted are -1.
std::vector<std::ptrdiff_t> fitted_codes(const Column& c, const std::vector<std::string>& fitted) {
  std::vector<std::ptrdiff_t> r;
  for (const std::string& category : c.categories) {
    const auto it = std::find(fitted.begin(), fitted.end(), category);
    r.push_back(it == fitted.end() ? -1 : it - fitted.begin());
  }
  return r;
}

// The column's values as fitted codes.
std::vector<double> recoded(const Column& c, const std::vector<std::string>& fitted,
                            Unknown unknown) {
  const std::vector<std::ptrdiff_t> codes = fitted_codes(c, fitted);
  std::vector<double> r = c.values;
  for (std::size_t i = 0; i < r.size(); ++i) {
    if (std::isnan(r[i])) continue;
    const auto own = static_cast<std::size_t>(r[i]);
    require(codes[own] >= 0 || unknown == Unknown::missing, kName, "column ", quote(c.name),
            ", row ", i, ": category ", quote(c.categories[own]),
            " was not fitted, these were: ", listing(fitted), "; Unknown::missing lets it pass");
    r[i] = codes[own] >= 0 ? static_cast<double>(codes[own])
                           : std::numeric_limits<double>::quiet_NaN();
  }
  return r;
}

template <class T>
Array<T> zeros(std::size_t rows, std::size_t columns) {
  Array<T> r = Array<T>::from_shape({rows, columns});
  std::fill_n(r.data(), r.size(), T(0));
  return r;
}

// Some columns of x (n, d), in this order.
template <class T>
Array<T> gather(const Array<T>& x, const std::vector<std::size_t>& columns) {
  const std::size_t n = x.shape(0), d = x.shape(1), k = columns.size();
  Array<T> r = Array<T>::from_shape({n, k});
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < k; ++j) r.data()[i * k + j] = x.data()[i * d + columns[j]];
  }
  return r;
}

template <class T>
void scatter(const Array<T>& y, const std::vector<std::size_t>& columns, Array<T>& x) {
  const std::size_t n = x.shape(0), d = x.shape(1), k = columns.size();
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < k; ++j) x.data()[i * d + columns[j]] = y.data()[i * k + j];
  }
}

// x and y side by side.
template <class T>
Array<T> joined(const Array<T>& x, const Array<T>& y) {
  const std::size_t n = x.shape(0), a = x.shape(1), b = y.shape(1);
  Array<T> r = Array<T>::from_shape({n, a + b});
  for (std::size_t i = 0; i < n; ++i) {
    std::copy_n(x.data() + i * a, a, r.data() + i * (a + b));
    std::copy_n(y.data() + i * b, b, r.data() + i * (a + b) + a);
  }
  return r;
}

std::vector<std::size_t> choose(const std::vector<std::string>& chosen,
                                const std::vector<std::string>& sources,
                                const std::vector<std::string>& names) {
  std::vector<std::size_t> r;
  const auto add = [&](std::size_t i) {
    require(std::find(r.begin(), r.end(), i) == r.end(), kName, "column ", quote(names[i]),
            " is chosen twice for a step");
    r.push_back(i);
  };
  for (std::size_t i = 0; chosen.empty() && i < names.size(); ++i) add(i);
  for (const std::string& c : chosen) {
    const std::size_t before = r.size();
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (names[i] == c || sources[i] == c) add(i);
    }
    require(r.size() > before, kName, "there is no column ", quote(c), " for a step among ",
            listing(names));
  }
  return r;
}

void require_different(const std::vector<std::string>& names) {
  std::set<std::string> seen;
  for (const std::string& n : names)
    require(seen.insert(n).second, kName, "two columns are named ", quote(n));
}

}  // namespace

template <class T>
Pipeline<T>& Pipeline<T>::add(std::unique_ptr<Preprocessor<T>> step,
                              std::vector<std::string> columns) {
  require(step != nullptr, kName, "no step");
  require<std::logic_error>(!is_fitted(), kName, "a step is added after fit");
  steps_.push_back({std::move(step), std::move(columns), {}});
  return *this;
}

template <class T>
void Pipeline<T>::fit(const Table& table, const std::string& name) {
  require(table.rows() > 0, kName, "no rows to fit on");
  std::vector<Input> inputs;
  for (const std::string& c : options_.columns.empty() ? table.names() : options_.columns) {
    inputs.push_back({c, column_of(table, c).categories});
  }
  inputs_ = std::move(inputs);
  of_arrays_ = false;
  try {
    fit_steps(encode(table), name);
  } catch (...) {
    inputs_.clear();
    throw;
  }
}

template <class T>
void Pipeline<T>::fit(const Array<T>& x, const std::string& name) {
  require(x.dimension() == 2 && x.size() > 0, kName, "numbers have shape ", Shape(x.shape()),
          ", not (n, columns)");
  require(options_.columns.empty(), kName, "columns are chosen of a table, not of an array");
  inputs_.clear();
  for (std::size_t i = 0; i < x.shape(1); ++i) inputs_.push_back({detail::text(i), {}});
  of_arrays_ = true;
  try {
    fit_steps(encode(x), name);
  } catch (...) {
    inputs_.clear();
    throw;
  }
}

template <class T>
void Pipeline<T>::fit_steps(Frame frame, const std::string& name) {
  require_different(frame.names);
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    steps_[i].columns = choose(steps_[i].chosen, frame.sources, frame.names);
    steps_[i].preprocessor->fit(gather(frame.x, steps_[i].columns), name);
    apply(i, frame);
    require_different(frame.names);
  }
  names_ = std::move(frame.names);
}

template <class T>
void Pipeline<T>::encode_column(const Input& input, const Table& table, Frame& frame) const {
  const Column& c = column_of(table, input.name);
  const bool categorical = !input.categories.empty();
  const std::size_t n = table.rows();
  if (categorical && !c.is_categorical() && !is_all_missing(c)) {
    fail(kName, "column ", quote(c.name),
         " holds numbers, fitted were categories: ", listing(input.categories),
         "; CsvOptions::categorical names such columns");
  }
  if (!categorical && c.is_categorical()) {
    fail(kName, "column ", quote(c.name),
         " holds categories, fitted were numbers: ", listing(c.categories));
  }
  const std::vector<double> values =
      c.is_categorical() ? recoded(c, input.categories, options_.unknown) : c.values;
  const bool one_hot = categorical && options_.encoding == Encoding::one_hot;
  const std::size_t width = one_hot ? input.categories.size() : 1;
  const std::size_t d = frame.x.shape(1), at = frame.names.size();
  for (std::size_t i = 0; i < n; ++i) {
    T* const row = frame.x.data() + i * d + at;
    if (!one_hot) row[0] = static_cast<T>(values[i]);
    if (one_hot && !std::isnan(values[i])) row[static_cast<std::size_t>(values[i])] = 1;
  }
  for (std::size_t k = 0; k < width; ++k) {
    frame.sources.push_back(input.name);
    frame.names.push_back(one_hot ? input.name + "=" + input.categories[k] : input.name);
  }
}

template <class T>
typename Pipeline<T>::Frame Pipeline<T>::encode(const Table& table) const {
  require<std::logic_error>(is_fitted(), kName, "not fitted yet");
  require(!of_arrays_, kName, "fitted on an array, not on a table");
  std::size_t width = 0;
  for (const Input& i : inputs_) {
    const bool one_hot = options_.encoding == Encoding::one_hot && !i.categories.empty();
    width += one_hot ? i.categories.size() : 1;
  }
  Frame frame{{}, {}, zeros<T>(table.rows(), width)};
  for (const Input& i : inputs_) encode_column(i, table, frame);
  return frame;
}

template <class T>
typename Pipeline<T>::Frame Pipeline<T>::encode(const Array<T>& x) const {
  require<std::logic_error>(is_fitted(), kName, "not fitted yet");
  require(of_arrays_, kName, "fitted on a table, not on an array");
  require(x.dimension() == 2 && x.shape(1) == inputs_.size(), kName, "numbers have shape ",
          Shape(x.shape()), ", fitted were ", inputs_.size(), " columns");
  const std::vector<std::string> names = inputs();
  return {names, names, x};
}

template <class T>
void Pipeline<T>::apply(std::size_t step, Frame& frame) const {
  const auto& [preprocessor, chosen, columns] = steps_[step];
  const Array<T> y = preprocessor->transform(gather(frame.x, columns));
  if (preprocessor->type_name() != "Pca") return scatter(y, columns, frame.x);
  Frame r;
  std::vector<std::size_t> order;  // of the columns of x and y side by side
  const std::size_t first = *std::min_element(columns.begin(), columns.end());
  for (std::size_t i = 0; i < frame.names.size(); ++i) {
    for (std::size_t k = 0; i == first && k < y.shape(1); ++k) {
      r.sources.push_back("Pca");
      r.names.push_back("Pca " + detail::text(k));
      order.push_back(frame.names.size() + k);
    }
    if (std::find(columns.begin(), columns.end(), i) != columns.end()) continue;
    r.sources.push_back(frame.sources[i]);
    r.names.push_back(frame.names[i]);
    order.push_back(i);
  }
  r.x = gather(joined(frame.x, y), order);
  frame = std::move(r);
}

template <class T>
Array<T> Pipeline<T>::finish(Frame frame) const {
  for (std::size_t i = 0; i < steps_.size(); ++i) apply(i, frame);
  const std::size_t d = frame.names.size();
  for (std::size_t i = 0; i < frame.x.size(); ++i) {
    const T v = frame.x.data()[i];
    require(std::isfinite(v), kName, "column ", quote(frame.names[i % d]), ", row ", i / d, ": ", v,
            std::isnan(v) ? "; Impute fills in what is missing" : "");
  }
  return std::move(frame.x);
}

template <class T>
Array<T> Pipeline<T>::transform(const Table& table) const {
  return finish(encode(table));
}

template <class T>
Array<T> Pipeline<T>::transform(const Array<T>& x) const {
  return finish(encode(x));
}

template <class T>
std::vector<std::string> Pipeline<T>::inputs() const {
  std::vector<std::string> r;
  for (const Input& i : inputs_) r.push_back(i.name);
  return r;
}

template <class T>
Categories Pipeline<T>::categories() const {
  Categories r;
  for (const Input& i : inputs_) {
    if (!i.categories.empty()) r[i.name] = i.categories;
  }
  return r;
}

template <class T>
std::string Pipeline<T>::layout() const {
  detail::PipelineLayout l{of_arrays_, options_.encoding, options_.unknown, {}, {}};
  for (const Input& i : inputs_) l.inputs.emplace_back(i.name, i.categories);
  for (const Step& s : steps_) l.steps.push_back(s.columns);
  return detail::to_json(l);
}

template <class T>
void Pipeline<T>::set_layout(const std::string& text) {
  detail::PipelineLayout l = detail::layout_from_json(text);
  options_.encoding = l.encoding;
  options_.unknown = l.unknown;
  of_arrays_ = l.of_arrays;
  for (auto& [name, categories] : l.inputs)
    inputs_.push_back({std::move(name), std::move(categories)});
  options_.columns = of_arrays_ ? std::vector<std::string>() : inputs();
  for (auto& columns : l.steps) steps_.push_back({nullptr, {}, std::move(columns)});
}

template <class T>
void Pipeline<T>::save(Archive& archive, const std::string& prefix) const {
  require<std::logic_error>(is_fitted(), kName, "not fitted yet");
  const std::string text = layout();
  const detail::BytesView bytes = detail::as_bytes(text);
  archive.add(prefix + "/layout", {DType::uint8, {text.size()}, {bytes.begin(), bytes.end()}});
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    steps_[i].preprocessor->save(archive, prefix + "/step" + detail::text(i));
  }
}

// A row of zeros goes through all steps: what does not fit together shows.
template <class T>
void Pipeline<T>::restore(const Archive& archive, const std::string& prefix) {
  Frame frame = of_arrays_ ? encode(zeros<T>(1, inputs_.size())) : Frame();
  for (const Input& i : inputs_) {
    const bool one_hot = options_.encoding == Encoding::one_hot && !i.categories.empty();
    for (std::size_t k = 0; !of_arrays_ && k < (one_hot ? i.categories.size() : 1); ++k) {
      frame.sources.push_back(i.name);
      frame.names.push_back(one_hot ? i.name + "=" + i.categories[k] : i.name);
    }
  }
  frame.x = zeros<T>(1, frame.names.size());
  require_different(frame.names);
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    Step& s = steps_[i];
    s.preprocessor = load_preprocessor<T>(archive, prefix + "/step" + detail::text(i));
    std::set<std::size_t> seen;
    for (const std::size_t c : s.columns) {
      require(c < frame.names.size() && seen.insert(c).second, kName, "step ", i, " takes column ",
              c, " of ", frame.names.size());
      s.chosen.push_back(frame.names[c]);
    }
    require(!s.columns.empty(), kName, "step ", i, " takes no columns");
    apply(i, frame);
    require_different(frame.names);
  }
  names_ = std::move(frame.names);
}

template <class T>
Pipeline<T> load_pipeline(const Archive& archive, const std::string& prefix) {
  if (!archive.contains(prefix + "/layout"))
    throw FileError("pipeline", prefix, "there is no pipeline of that name");
  const StoredArray& layout = archive.at(prefix + "/layout");
  Pipeline<T> r;
  try {
    require(layout.dtype == DType::uint8, kName, "the layout is not text but ", layout.dtype);
    r.set_layout(std::string(detail::as_text(layout.bytes)));
    r.restore(archive, prefix);
  } catch (const std::logic_error& e) {
    throw FileError("pipeline", prefix, e.what());
  }
  return r;
}

template class Pipeline<float>;
template class Pipeline<double>;
template Pipeline<float> load_pipeline(const Archive&, const std::string&);
template Pipeline<double> load_pipeline(const Archive&, const std::string&);

}  // namespace xgrad
