#include "xgrad/training/model_file.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <stdexcept>

#include "xgrad/base/errors.hpp"
#include "xgrad/modules/image_options.hpp"
#include "xgrad/serialization/safetensors.hpp"
#include "xgrad/serialization/state.hpp"
#include "xgrad/training/ensemble.hpp"

namespace xgrad {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kStructure = "xgrad structure";
constexpr const char* kTies = "xgrad ties";  // [["a.weight", "b.weight"], ...]
constexpr const char* kText = "text/";
constexpr const char* kInputs = "preprocessing";  // the default of Pipeline::save
constexpr int kDeepest = 64;

// JSON has no infinity.
Json json_of_value(double v) {
  if (std::isinf(v)) return Json::array({v > 0 ? "inf" : "-inf"});
  return v;
}
Json json_of_value(const std::string& v) { return v; }

OptionValue value_of(const Json& j) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (j == Json::array({"inf"})) return kInfinity;
  if (j == Json::array({"-inf"})) return -kInfinity;
  if (j.is_number()) return j.get<double>();
  return j.get<std::string>();
}

Json json_of(const ModuleDescription& d) {
  Json options = Json::array(), children = Json::array();
  for (const ModuleOption& o : d.options) {
    std::visit(
        [&](const auto& v) {
          options.push_back(Json::array({o.key, json_of_value(v)}));
        },
        o.value);
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
  return {j[0].get<std::string>(), value_of(j[1])};
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

// Of a matrix with `out` rows, and a bias.
double affine_map(const ModuleOptions& o, double out, double in) {
  return out * in + (o.flag("bias", true) ? out : 0);
}

double vectors(const ModuleOptions& o, double count, double size) {
  return o.flag("affine", true) ? count * size : 0;
}

// A kernel over so many axes for each pair of channels, and a bias.
template <std::size_t Axes>
double kernels(const ModuleOptions& o) {
  const auto sizes = detail::image_sizes(o, "kernel_size").values();
  const std::size_t groups = std::max<std::size_t>(o.size("groups"), 1);
  double all = static_cast<double>(o.size("in_channels")) *
               static_cast<double>(o.size("out_channels")) / static_cast<double>(groups);
  for (std::size_t a = 0; a < Axes; ++a)
    all *= static_cast<double>(sizes[sizes.size() == Axes ? a : 0]);
  return all + (o.flag("bias", true) ? static_cast<double>(o.size("out_channels")) : 0);
}

// The numbers that a module of the library holds itself, by its type, from the options that its
// constructor reads. Types that are not here hold none.
double attention_numbers(const ModuleOptions& o) {
  const auto size = [&](const char* key, double otherwise) {
    const double n = o.has(key) ? static_cast<double>(o.size(key)) : 0;
    return n > 0 ? n : otherwise;
  };
  const double width = size("width", 0),
               rows = 2 * width + size("kdim", width) + size("vdim", width);
  return width * rows + (o.flag("bias", true) ? 4 * width : 0);
}

template <int Attentions, int Norms>
double layer_numbers(const ModuleOptions& o) {
  const auto width = static_cast<double>(o.size("width")),
             hidden = static_cast<double>(o.size("dim_feedforward"));
  const double attention = attention_numbers({{"width", width}});
  return Attentions * attention + 2 * width * hidden + hidden + width + Norms * 2 * width;
}

template <int Attentions, int Norms>
double stack_numbers(const ModuleOptions& o) {
  const double norm = o.flag("norm", false) ? 2 * static_cast<double>(o.size("width")) : 0;
  return static_cast<double>(o.size("num_layers")) * layer_numbers<Attentions, Norms>(o) + norm;
}

template <int Parts>
double cell_numbers(const ModuleOptions& o) {
  const auto in = static_cast<double>(o.size("in")), hidden = static_cast<double>(o.size("hidden"));
  return Parts * hidden * (in + hidden + (o.flag("bias", true) ? 2 : 0));
}

template <int Parts>
double recurrent_numbers(const ModuleOptions& o) {
  const double layers = o.has("num_layers") ? static_cast<double>(o.size("num_layers")) : 1,
               ways = o.flag("bidirectional", false) ? 2 : 1;
  const auto hidden = static_cast<double>(o.size("hidden"));
  const ModuleOptions above = {
      {"in", ways * hidden}, {"hidden", hidden}, {"bias", ModuleOptions::of(o.flag("bias", true))}};
  const double later = layers > 1 ? (layers - 1) * cell_numbers<Parts>(above) : 0;
  return ways * (cell_numbers<Parts>(o) + later);
}

const std::map<std::string, double (*)(const ModuleOptions&)>& own_numbers() {
  using O = ModuleOptions;
  static const auto size = [](const O& o, const char* key) {
    return static_cast<double>(o.size(key));
  };
  static const auto product = [](const O& o) {
    return static_cast<double>(o.shape("normalized").elements());
  };
  static const std::map<std::string, double (*)(const O&)> table = {
      {"Linear", [](const O& o) { return affine_map(o, size(o, "out"), size(o, "in")); }},
      {"DropConnect", [](const O& o) { return affine_map(o, size(o, "out"), size(o, "in")); }},
      {"Bilinear",
       [](const O& o) { return affine_map(o, size(o, "out"), size(o, "in_a") * size(o, "in_b")); }},
      {"Maxout",
       [](const O& o) { return affine_map(o, size(o, "out") * size(o, "pieces"), size(o, "in")); }},
      {"Embedding", [](const O& o) { return size(o, "count") * size(o, "features"); }},
      {"Prelu", [](const O& o) { return size(o, "count"); }},
      {"BatchNorm",
       [](const O& o) {
         const double features = size(o, "features");
         return vectors(o, 2, features) + (o.flag("track", true) ? 2 * features + 1 : 0);
       }},
      {"LayerNorm", [](const O& o) { return vectors(o, 2, product(o)); }},
      {"RmsNorm", [](const O& o) { return vectors(o, 1, product(o)); }},
      {"GroupNorm", [](const O& o) { return vectors(o, 2, size(o, "channels")); }},
      {"InstanceNorm",
       [](const O& o) { return o.flag("affine", false) ? 2 * size(o, "features") : 0; }},
      {"Conv1d", &kernels<1>},
      {"Conv2d", &kernels<2>},
      {"Conv3d", &kernels<3>},
      {"ConvTranspose1d", &kernels<1>},
      {"ConvTranspose2d", &kernels<2>},
      {"ConvTranspose3d", &kernels<3>},
      {"LearnedPositions", [](const O& o) { return size(o, "length") * size(o, "width"); }},
      {"MultiheadAttention", &attention_numbers},
      {"TransformerEncoderLayer", &layer_numbers<1, 2>},
      {"TransformerBlock", &layer_numbers<1, 2>},
      {"TransformerDecoderLayer", &layer_numbers<2, 3>},
      {"TransformerEncoder", &stack_numbers<1, 2>},
      {"TransformerDecoder", &stack_numbers<2, 3>},
      {"Rnn", &recurrent_numbers<1>},
      {"Gru", &recurrent_numbers<3>},
      {"Lstm", &recurrent_numbers<4>},
      {"RnnCell", &cell_numbers<1>},
      {"GruCell", &cell_numbers<3>},
      {"LstmCell", &cell_numbers<4>},
  };
  return table;
}

using Ties = std::vector<std::vector<std::string>>;

Ties ties_of(const Archive& archive) {
  const auto text = archive.metadata.find(kTies);
  if (text == archive.metadata.end()) return {};
  try {
    return Json::parse(text->second).get<Ties>();
  } catch (const Json::exception& e) {
    detail::fail("names of shared parameters", e.what());
  }
}

// How many numbers the tensors would be if they were not shared, or more.
template <class T>
double numbers_of(const NamedTensors<T>& state, const Ties& ties) {
  std::map<std::string, double> sizes;
  double numbers = 0;
  for (const auto& t : state) {
    numbers += sizes[t.name] = static_cast<double>(t.tensor.size());
  }
  std::set<std::string> named;
  for (const auto& names : ties) {
    for (std::size_t i = 1; i < names.size(); ++i) {
      if (named.insert(names[i]).second && sizes.contains(names[0])) numbers += sizes[names[0]];
    }
  }
  return numbers;
}

template <class T>
std::unique_ptr<Module<T>> rebuilt(const ModuleDescription& d, const NamedTensors<T>& state,
                                   const Ties& ties) {
  Generator scratch;
  const GeneratorScope scope(scratch);  // initial numbers, which are overwritten
  detail::register_ensemble<T>();
  std::unique_ptr<Module<T>> module = make_module<T>(d);
  for (const auto& names : ties) module->tie(names);
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
    detail::fail("description_from_json", e.what());
  }
}

double detail::numbers_of(const ModuleDescription& d) {
  static const std::set<std::string> containers = {
      "Sequential", "Parallel", "Concat", "Residual", "WeightNorm", "DropConnect", "Ensemble"};
  // What makes its children by itself, from its own options.
  static const std::set<std::string> whole = {"MultiheadAttention",      "TransformerEncoderLayer",
                                              "TransformerDecoderLayer", "TransformerBlock",
                                              "TransformerEncoder",      "TransformerDecoder"};
  const auto own = own_numbers().find(d.type);
  if (whole.contains(d.type)) return own->second(d.options);
  const bool adds = containers.contains(d.type);
  double below = 0;
  for (const ModuleDescription& c : d.children) {
    const double numbers = numbers_of(c);
    below = adds ? below + numbers : std::max(below, numbers);
  }
  return (own != own_numbers().end() ? own->second(d.options) : 0) + below;
}

template <class T>
Archive pack_model(const Module<T>& module, const std::map<std::string, std::string>& text) {
  const ModuleDescription d = describe(module);
  const Ties ties = module.tied();
  try {
    rebuilt<T>(description_from_json(to_json(d)), module.state_dict(), ties);
  } catch (const std::invalid_argument& e) {
    detail::fail("save_model", module.type_name(),
                 " cannot be rebuilt from its description: ", e.what());
  }
  Archive archive = to_archive(module.state_dict());
  archive.metadata[kStructure] = to_json(d);
  if (!ties.empty()) archive.metadata[kTies] = Json(ties).dump();
  for (const auto& [key, value] : text) archive.metadata[kText + key] = value;
  return archive;
}

template <class T>
Archive pack_model(const Module<T>& module, const Pipeline<T>& inputs,
                   const std::map<std::string, std::string>& text) {
  Archive archive = pack_model(module, text);
  inputs.save(archive, kInputs);
  return archive;
}

template <class T>
void save_model(const std::string& path, const Module<T>& module, const Pipeline<T>& inputs,
                const std::map<std::string, std::string>& text) {
  write_safetensors(path, pack_model(module, inputs, text));
}

template <class T>
void save_model(const std::string& path, const Module<T>& module,
                const std::map<std::string, std::string>& text) {
  write_safetensors(path, pack_model(module, text));
}

namespace {

std::string no_model(const Archive& archive) {
  const std::string what = "there is no structure in it, only " + detail::text(archive.size()) +
                           (archive.size() == 1 ? " tensor" : " tensors");
  const bool checkpoint = archive.metadata.contains("xgrad checkpoint");
  return what + (checkpoint ? "; it is a checkpoint, for load_checkpoint" : "");
}

}  // namespace

template <class T>
std::unique_ptr<Module<T>> unpack_model(const Archive& archive, const std::string& path) {
  const auto structure = archive.metadata.find(kStructure);
  if (structure == archive.metadata.end()) throw FileError("load_model", path, no_model(archive));
  const bool piped = archive.contains(std::string(kInputs) + "/layout");
  const NamedTensors<T> state = from_archive<T>(piped ? archive.without(kInputs) : archive);
  try {
    const Ties ties = ties_of(archive);
    const double numbers = numbers_of(state, ties);
    const ModuleDescription d = description_from_json(structure->second);
    const double wanted = detail::numbers_of(d);
    if (!(wanted <= numbers)) {
      throw FileError("load_model", path,
                      "the structure has " + detail::rounded(wanted) + " numbers, the tensors " +
                          detail::text(numbers));
    }
    std::unique_ptr<Module<T>> module = rebuilt<T>(d, state, ties);
    module->eval();
    return module;
  } catch (const std::logic_error& e) {
    throw FileError("load_model", path, e.what());
  }
}

template <class T>
std::unique_ptr<Module<T>> load_model(const std::string& path) {
  return unpack_model<T>(read_safetensors(path), path);
}

#define XGRAD_INSTANTIATE(T)                                                                \
  template Archive pack_model(const Module<T>&, const std::map<std::string, std::string>&); \
  template Archive pack_model(const Module<T>&, const Pipeline<T>&,                         \
                              const std::map<std::string, std::string>&);                   \
  template void save_model(const std::string&, const Module<T>&, const Pipeline<T>&,        \
                           const std::map<std::string, std::string>&);                      \
  template void save_model(const std::string&, const Module<T>&,                            \
                           const std::map<std::string, std::string>&);                      \
  template std::unique_ptr<Module<T>> unpack_model(const Archive&, const std::string&);     \
  template std::unique_ptr<Module<T>> load_model(const std::string&);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad
