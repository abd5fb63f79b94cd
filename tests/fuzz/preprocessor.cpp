// What is accepted can be applied.

#include "xgrad/data/preprocessor.hpp"

#include "tests/fuzz/fuzz.hpp"
#include "xgrad/data/decomposition.hpp"
#include "xgrad/data/pipeline.hpp"
#include "xgrad/serialization/safetensors.hpp"

namespace {

using namespace xgrad;

constexpr std::size_t kMostNumbers = 10000;

template <class T>
void apply(const Preprocessor<T>& p) {
  const Shape sample = p.fitted_on().sample;
  if (sample.elements() > kMostNumbers) return;
  const Shape batch = sample.with(0, 2);
  const Array<T> x(typename Array<T>::shape_type(batch.begin(), batch.end()), T(0.5));
  const Array<T> y = p.transform(x);
  require(p.inverse(y).shape() == x.shape());
  p.fitted_on().share_of(x);
  if (const auto* pca = dynamic_cast<const Pca<T>*>(&p)) {
    try {
      require(pca->components().size() == y.size() / 2 * sample.elements());
    } catch (const std::invalid_argument&) {  // no variance
    }
  }
}

template <class T>
void load_and_apply(const Archive& archive) {
  try {
    const auto p = load_preprocessor<T>(archive, "inputs");
    Archive again;
    p->save(again, "inputs");
    require(load_preprocessor<T>(again, "inputs")->fitted_on().sample == p->fitted_on().sample);
    apply(*p);
  } catch (const FileError&) {
  }
}

// A table of one row that a pipeline knows, from its own words.
template <class T>
Table known_row(const Pipeline<T>& p) {
  const auto categories = p.categories();
  std::vector<Column> columns;
  for (const std::string& name : p.inputs()) {
    const auto own = categories.find(name);
    columns.push_back(
        {name, {0}, own == categories.end() ? std::vector<std::string>() : own->second});
  }
  return Table(std::move(columns));
}

template <class T>
void load_and_apply_pipeline(const Archive& archive) {
  try {
    const Pipeline<T> p = load_pipeline<T>(archive, "inputs");
    Archive again;
    p.save(again, "inputs");
    require(load_pipeline<T>(again, "inputs").names() == p.names());
    require(p.transform(known_row(p)).size() == p.names().size());
  } catch (const FileError&) {
  } catch (const std::invalid_argument&) {  // numbers that overflow, a pipeline for arrays
  }
}

}  // namespace

void fuzz(std::span<const std::byte> bytes) {
  try {
    const Archive archive = parse_safetensors(bytes, "fuzz");
    load_and_apply<float>(archive);
    load_and_apply<double>(archive);
    load_and_apply_pipeline<float>(archive);
    load_and_apply_pipeline<double>(archive);
  } catch (const FileError&) {
  }
}
