#include "xgrad/compile/graph.hpp"

#include <ostream>

#include "xgrad/base/text.hpp"

namespace xgrad {

std::string detail::bytes_text(std::size_t bytes) {
  const auto n = static_cast<double>(bytes);
  return n < 1e4   ? rounded(n, 3) + " bytes"
         : n < 1e7 ? rounded(n / 1e3, 3) + " kB"
                   : rounded(n / 1e6, 3) + " MB";
}

namespace {

const char* word(GraphValue::Kind kind) {
  switch (kind) {
    case GraphValue::Kind::argument:
      return "argument";
    case GraphValue::Kind::held:
      return "held";
    case GraphValue::Kind::constant:
      return "constant";
    case GraphValue::Kind::result:
      break;
  }
  return "result";
}

std::string name_of(const Graph& g, std::size_t v) {
  return "%" + detail::text(v) + " " + detail::text(g.values[v].shape);
}

std::string list_of(const Graph& g, const std::vector<std::size_t>& values) {
  std::string r;
  for (const std::size_t v : values) r += (r.empty() ? "" : ", ") + name_of(g, v);
  return r;
}

std::string joined(const std::vector<std::string>& words) {
  std::string r;
  for (const std::string& w : words) r += (r.empty() ? "" : " ") + w;
  return r;
}

std::string size_text(double n, const char* unit) { return detail::rounded(n, 3) + " " + unit; }

using detail::bytes_text;

std::string line_of(const Graph& g, const GraphOperation& o) {
  std::string line = o.outputs.empty() ? "" : list_of(g, o.outputs) + " = ";
  line += o.name + (o.parts.empty() ? "" : " {" + joined(o.parts) + "}") + "(" +
          list_of(g, o.inputs) + ")";
  if (!o.module.empty()) line += "    in " + o.module;
  if (o.operations > 0) line += "    " + size_text(o.operations, "operations");
  if (o.bytes > 0) line += (o.operations > 0 ? ", " : "    ") + bytes_text(o.bytes);
  return line;
}

// Between quotation marks in Graphviz' language.
std::string escaped(const std::string& text) {
  std::string r;
  for (const char c : text) {
    if (c == '"' || c == '\\') r += '\\';
    r += c;
  }
  return r;
}

}  // namespace

std::string to_string(const Graph& graph) {
  std::string r;
  for (std::size_t v = 0; v < graph.values.size(); ++v) {
    const GraphValue& value = graph.values[v];
    if (value.kind == GraphValue::Kind::result) continue;
    r += name_of(graph, v) + " = " + word(value.kind) +
         (value.requires_grad ? ", requires a gradient" : "") + "    " + bytes_text(value.bytes()) +
         "\n";
  }
  for (const GraphOperation& o : graph.operations) r += line_of(graph, o) + "\n";
  return r + "return " + list_of(graph, graph.results) + "\n";
}

std::ostream& operator<<(std::ostream& out, const Graph& graph) { return out << to_string(graph); }

std::string to_dot(const Graph& graph) {
  std::string r = "digraph program {\n  node [shape=box, fontname=\"sans-serif\"];\n";
  std::vector<std::string> made(graph.values.size());
  for (std::size_t v = 0; v < graph.values.size(); ++v) {
    const GraphValue& value = graph.values[v];
    if (value.kind == GraphValue::Kind::result) continue;
    made[v] = "v" + detail::text(v);
    r += "  " + made[v] + " [shape=ellipse, label=\"" + word(value.kind) + " " +
         detail::text(value.shape) + "\"];\n";
  }
  for (std::size_t i = 0; i < graph.operations.size(); ++i) {
    const GraphOperation& o = graph.operations[i];
    const std::string node = "o" + detail::text(i);
    const std::string parts = o.parts.empty() ? "" : "\\n" + escaped(joined(o.parts));
    const std::string place = o.module.empty() ? "" : "\\nin " + escaped(o.module);
    r += "  " + node + " [label=\"" + escaped(o.name) + parts + place + "\"];\n";
    for (const std::size_t v : o.inputs) {
      r += "  " + made[v] + " -> " + node + " [label=\"" + detail::text(graph.values[v].shape) +
           "\"];\n";
    }
    for (const std::size_t v : o.outputs) made[v] = node;
  }
  r += "  results [shape=ellipse];\n";
  for (const std::size_t v : graph.results) {
    r += "  " + made[v] + " -> results [label=\"" + detail::text(graph.values[v].shape) + "\"];\n";
  }
  return r + "}\n";
}

}  // namespace xgrad
