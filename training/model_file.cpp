#include "xgrad/training/model_file.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>
#include <stdexcept>
#include <string_view>

#include "xgrad/serialization/safetensors.hpp"
#include "xgrad/serialization/state.hpp"

namespace xgrad {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kStructure = "xgrad structure";
constexpr const char* kText = "text/";
constexpr int kDeepest = 64;

Json json_of(const ModuleDescription& d) {
  Json options = Json::array(), children = Json::array();
  for (const ModuleOption& o : d.options) {
    std::visit([&](const auto& v) { options.push_back(Json::array({o.key, v})); }, o.value);
  }
  for (const auto& c : d.children) children.push_back(json_of(c));
  Json j;
  if (!d.name.empty()) j["name"] = d.name;
  j["type"] = d.type;
  if (!options.empty()) j["options"] = options;
  if (!children.empty()) j["children"] = children;
  return j;
}

ModuleOption option_of(const Json& j) {
  if (!j.is_array() || j.size() != 2) throw std::invalid_argument("an option is no pair");
  if (j[1].is_number()) return {j[0].get<std::string>(), j[1].get<double>()};
  return {j[0].get<std::string>(), j[1].get<std::string>()};
}

ModuleDescription description_of(const Json& j, int depth) {
  if (depth > kDeepest) throw std::invalid_argument("more than 64 levels");
  ModuleDescription d;
  d.name = j.value("name", std::string());
  d.type = j.at("type").get<std::string>();
  std::vector<ModuleOption> options;
  if (j.contains("options")) {
    for (const auto& o : j["options"]) options.push_back(option_of(o));
  }
  d.options = ModuleOptions(std::move(options));
  if (j.contains("children")) {
    for (const auto& c : j["children"]) d.children.push_back(description_of(c, depth + 1));
  }
  return d;
}

// Limits what making a module may allocate: the sizes of layers that hold a matrix are multiplied,
// and all of them together may not be more than the file's numbers; any other size may not be
// larger than these by itself. The makers of users' types look after themselves.
class Budget {
 public:
  explicit Budget(double numbers) : numbers_(numbers), left_(numbers) {}

  void check(const ModuleDescription& d) {
    static constexpr std::array<std::string_view, 5> kMatrices = {"Linear", "Bilinear", "Embedding",
                                                                  "DropConnect", "Maxout"};
    static constexpr std::array<std::string_view, 10> kSizes = {
        "in",    "out",      "in_a",     "in_b",   "pieces",
        "count", "features", "channels", "groups", "normalized"};
    double product = 1;
    for (const ModuleOption& o : d.options) {
      if (std::find(kSizes.begin(), kSizes.end(), o.key) == kSizes.end()) continue;
      const double size = size_of(o);
      if (!(size <= std::max(numbers_, 64.0))) refuse(d, o.key);
      product *= std::max(1.0, size);
    }
    if (std::find(kMatrices.begin(), kMatrices.end(), d.type) != kMatrices.end()) {
      left_ -= product;
      if (left_ < 0) refuse(d, "size");
    }
    for (const auto& c : d.children) check(c);
  }

 private:
  static double size_of(const ModuleOption& o) {
    if (const double* number = std::get_if<double>(&o.value)) return std::abs(*number);
    std::istringstream sizes(std::get<std::string>(o.value));
    double product = 1, size = 0;
    while (sizes >> size) product *= std::max(1.0, std::abs(size));
    return product;
  }
  [[noreturn]] static void refuse(const ModuleDescription& d, const std::string& key) {
    throw std::invalid_argument("the " + key + " of a " + d.type +
                                " is larger than all tensors of the file");
  }
  double numbers_, left_;
};

template <class T>
std::unique_ptr<Module<T>> rebuilt(const ModuleDescription& d, const NamedTensors<T>& state) {
  Generator scratch;
  const GeneratorScope scope(scratch);  // initial numbers, which are overwritten
  std::unique_ptr<Module<T>> module = make_module<T>(d);
  module->load_state_dict(state);
  return module;
}

}  // namespace

std::string to_json(const ModuleDescription& description) { return json_of(description).dump(); }

ModuleDescription description_from_json(const std::string& text) {
  try {
    int depth = 0;
    const auto shallow = [&](int level, Json::parse_event_t, Json&) {
      depth = std::max(depth, level);
      if (depth > 3 * kDeepest) throw std::invalid_argument("more than 64 levels");
      return true;
    };
    return description_of(Json::parse(text, shallow), 1);
  } catch (const std::exception& e) {
    throw std::invalid_argument(std::string("description_from_json: ") + e.what());
  }
}

template <class T>
void save_model(const std::string& path, const Module<T>& module,
                const std::map<std::string, std::string>& text) {
  const ModuleDescription d = describe(module);
  try {
    rebuilt<T>(d, module.state_dict());
  } catch (const std::invalid_argument& e) {
    throw std::invalid_argument("save_model: " + module.type_name() +
                                " cannot be rebuilt from its description: " + e.what());
  }
  Archive archive = to_archive(module.state_dict());
  archive.metadata[kStructure] = to_json(d);
  for (const auto& [key, value] : text) archive.metadata[kText + key] = value;
  write_safetensors(path, archive);
}

template <class T>
std::unique_ptr<Module<T>> unpack_model(const Archive& archive, const std::string& path) {
  const auto structure = archive.metadata.find(kStructure);
  if (structure == archive.metadata.end()) {
    throw FileError("load_model", path, "there is no structure in it, only tensors");
  }
  const NamedTensors<T> state = from_archive<T>(archive);
  double numbers = 0;
  for (const auto& t : state) numbers += static_cast<double>(t.tensor.size());
  try {
    const ModuleDescription d = description_from_json(structure->second);
    Budget(numbers).check(d);
    return rebuilt<T>(d, state);
  } catch (const std::logic_error& e) {
    throw FileError("load_model", path, e.what());
  }
}

template <class T>
std::unique_ptr<Module<T>> load_model(const std::string& path) {
  return unpack_model<T>(read_safetensors(path), path);
}

#define XGRAD_INSTANTIATE(T)                                                            \
  template void save_model(const std::string&, const Module<T>&,                        \
                           const std::map<std::string, std::string>&);                  \
  template std::unique_ptr<Module<T>> unpack_model(const Archive&, const std::string&); \
  template std::unique_ptr<Module<T>> load_model(const std::string&);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad
