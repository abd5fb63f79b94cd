#include "xgrad/data/pipeline_layout.hpp"

#include <nlohmann/json.hpp>
#include <set>

#include "xgrad/base/errors.hpp"

namespace xgrad::detail {
namespace {

using nlohmann::json;

constexpr const char* kName = "Pipeline";
constexpr int kVersion = 1;

// Where it is not UTF-8, which JSON wants, its bytes as numbers.
json json_of(const std::string& text) {
  try {
    json(text).dump();
    return text;
  } catch (const json::exception&) {
    json r = json::array();
    for (const char c : text) r.push_back(static_cast<int>(static_cast<unsigned char>(c)));
    return r;
  }
}

std::string text_of(const json& j) {
  if (j.is_string()) return j.get<std::string>();
  std::string r;
  for (const int byte : j.get<std::vector<int>>()) r += static_cast<char>(byte & 0xFF);
  return r;
}

json json_of(const std::vector<std::string>& all) {
  json r = json::array();
  for (const std::string& text : all) r.push_back(json_of(text));
  return r;
}

std::vector<std::string> categories_of(const json& j) {
  std::vector<std::string> r;
  std::set<std::string> seen;
  for (const json& c : j) {
    r.push_back(text_of(c));
    require(seen.insert(r.back()).second, kName, "category ", quote(r.back()), " occurs twice");
  }
  return r;
}

PipelineLayout layout_of(const json& j) {
  require(j.at("version").get<int>() == kVersion, kName, "the layout is of another version");
  PipelineLayout r{j.at("of arrays").get<bool>(),
                   j.at("one hot").get<bool>() ? Encoding::one_hot : Encoding::codes,
                   j.at("unknown is missing").get<bool>() ? Unknown::missing : Unknown::error,
                   {},
                   j.at("steps").get<std::vector<std::vector<std::size_t>>>()};
  for (const json& c : j.at("columns")) {
    r.inputs.emplace_back(text_of(c.at("name")), categories_of(c.at("categories")));
  }
  require(!r.inputs.empty(), kName, "the layout has no columns");
  return r;
}

}  // namespace

std::string to_json(const PipelineLayout& layout) {
  json columns = json::array();
  for (const auto& [name, categories] : layout.inputs) {
    columns.push_back({{"name", json_of(name)}, {"categories", json_of(categories)}});
  }
  const json j = {{"version", kVersion},
                  {"of arrays", layout.of_arrays},
                  {"one hot", layout.encoding == Encoding::one_hot},
                  {"unknown is missing", layout.unknown == Unknown::missing},
                  {"columns", columns},
                  {"steps", layout.steps}};
  return j.dump();
}

PipelineLayout layout_from_json(const std::string& text) {
  int deepest = 0;
  const auto shallow = [&](int depth, json::parse_event_t, json&) {
    deepest = std::max(deepest, depth);
    require(deepest < 16, kName, "the layout is too deep");
    return true;
  };
  try {
    return layout_of(json::parse(text, shallow));
  } catch (const json::exception& e) {
    fail(kName, "the layout is damaged: ", e.what());
  }
}

}  // namespace xgrad::detail
