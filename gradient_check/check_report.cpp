#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <limits>
#include <nlohmann/json.hpp>

#include "xgrad/base/text.hpp"
#include "xgrad/gradient_check/check.hpp"

namespace xgrad {
namespace {

using Json = nlohmann::ordered_json;

// Worst first.
constexpr std::array<Verdict, 5> kBySeverity = {Verdict::fail, Verdict::kink_not_a_subgradient,
                                                Verdict::inconclusive, Verdict::kink,
                                                Verdict::pass};

std::size_t severity(Verdict v) {
  return static_cast<std::size_t>(std::find(kBySeverity.begin(), kBySeverity.end(), v) -
                                  kBySeverity.begin());
}

std::string number(const char* format, double v) {
  std::array<char, 48> text;
  std::snprintf(text.data(), text.size(), format, v);
  return text.data();
}

std::string padded(std::string s, std::size_t width) {
  s.resize(std::max(s.size(), width), ' ');
  return s;
}

// JSON has no infinities.
Json json_number(double v) {
  return std::isfinite(v) ? Json(v) : Json(std::isnan(v) ? "nan" : v > 0 ? "inf" : "-inf");
}

Json shape_to_json(const Shape& shape) {
  Json sizes = Json::array();
  for (const std::size_t size : shape) sizes.push_back(size);
  return sizes;
}

Json elements_to_json(const GradientReport& r, const std::vector<GradientElement>& elements) {
  Json list = Json::array();
  for (const GradientElement& e : elements) {
    list.push_back({{"name", r.name_of(e)},
                    {"input", e.input},
                    {"position", e.position},
                    {"output", e.output},
                    {"analytic", json_number(e.analytic)},
                    {"numeric", json_number(e.numeric)},
                    {"bound", json_number(e.bound)},
                    {"left", json_number(e.left)},
                    {"right", json_number(e.right)},
                    {"relative_error", json_number(e.relative_error())},
                    {"step", json_number(e.step)},
                    {"verdict", to_string(e.verdict)},
                    {"note", e.note}});
  }
  return list;
}

// What the relative error says; nothing at kinks, nor of two zeros that are rounded differently.
const char* remark_on(const GradientElement& e, bool kink) {
  const bool zeros = std::abs(e.analytic) <= e.bound && std::abs(e.numeric) <= e.bound;
  if (kink || (e.verdict == Verdict::pass && zeros)) return "-";
  return reading_of(e.relative_error());
}

bool is_at_kink(const GradientElement& e) {
  return std::abs(e.right - e.left) > 1e-3 * std::max(std::abs(e.right), std::abs(e.left));
}

using Cells = std::vector<std::string>;

Cells cells_of(const GradientReport& r, const GradientElement& e, bool second) {
  std::string remark = e.note;
  const bool kink = e.verdict == Verdict::kink || e.verdict == Verdict::kink_not_a_subgradient;
  if (kink || is_at_kink(e)) {
    remark += (remark.empty() ? "" : "; ") + number("left %.6g", e.left) +
              number(", right %.6g", e.right);
  }
  return {to_string(e.verdict),
          (second ? "second order " : "") + r.name_of(e),
          number("% .12e", e.analytic),
          number("% .12e", e.numeric),
          number("%.1e", e.bound),
          number("%.1e", e.relative_error()),
          number("%.1e", e.step),
          remark_on(e, kink),
          remark};
}

std::string layout(const std::vector<Cells>& rows) {
  std::vector<std::size_t> widths(rows[0].size());
  for (const Cells& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const Cells& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) line += padded(row[i], widths[i] + 2);
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return text;
}

std::string elements_to_text(const GradientReport& r, const std::vector<GradientElement>& elements,
                             std::size_t most, bool second) {
  if (elements.empty() || most == 0) return {};
  std::vector<Cells> rows = {{"verdict", "element", "analytic", "numeric", "bound", "rel. error",
                              "step", "reading", "remark"}};
  for (std::size_t i = 0; i < std::min(most, elements.size()); ++i)
    rows.push_back(cells_of(r, elements[i], second));
  std::string text = layout(rows);
  if (elements.size() > most)
    text += "... and " + detail::text(elements.size() - most) + " more, none worse\n";
  return text;
}

std::vector<GradientElement> sorted(std::vector<GradientElement> list) {
  std::stable_sort(list.begin(), list.end(),
                   [](const GradientElement& a, const GradientElement& b) {
                     if (a.verdict != b.verdict) return severity(a.verdict) < severity(b.verdict);
                     return a.relative_error() > b.relative_error();
                   });
  return list;
}

std::string summary(const GradientReport& r) {
  std::string text = r.passed() ? "gradient check passed: " : "gradient check FAILED: ";
  text += detail::text(r.elements.size() + r.second_order.size()) + " elements";
  for (const Verdict v : kBySeverity) {
    if (const std::size_t n = r.count(v); n > 0)
      text += ", " + detail::text(n) + " " + to_string(v);
  }
  return text + " (seed " + detail::text(r.seed) + ", " + detail::text(r.evaluations) +
         " evaluations)\n";
}

std::string coverage(const CheckedInput& in) {
  return "  " + in.name + " " + to_string(in.shape) + ": " + detail::text(in.checked) + " of " +
         detail::text(in.shape.elements()) + " coordinates, " + detail::text(in.informative) +
         " not 0\n";
}

}  // namespace

const char* to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::pass:
      return "pass";
    case Verdict::fail:
      return "fail";
    case Verdict::kink:
      return "kink";
    case Verdict::kink_not_a_subgradient:
      return "kink_not_a_subgradient";
    case Verdict::inconclusive:
      break;
  }
  return "inconclusive";
}

const char* to_string(Problem problem) {
  switch (problem) {
    case Problem::no_inputs:
      return "no_inputs";
    case Problem::empty_input:
      return "empty_input";
    case Problem::empty_output:
      return "empty_output";
    case Problem::no_gradient:
      return "no_gradient";
    case Problem::unused_input:
      return "unused_input";
    case Problem::zero_gradient:
      return "zero_gradient";
    case Problem::constant_mask:
      return "constant_mask";
    case Problem::nondeterministic:
      return "nondeterministic";
    case Problem::changes_inputs:
      return "changes_inputs";
    case Problem::not_linear:
      return "not_linear";
    case Problem::not_finite:
      return "not_finite";
    case Problem::penalty_dominates:
      return "penalty_dominates";
    case Problem::not_adjoint:
      return "not_adjoint";
    case Problem::not_symmetric:
      break;
  }
  return "not_symmetric";
}

const char* reading_of(double relative_error) {
  if (!(relative_error <= 1e-2)) return "wrong";
  if (relative_error > 1e-4) return "worrying";
  if (relative_error > 1e-7) return "good only with kinks";
  return "good";
}

double GradientElement::relative_error() const {
  const double size = std::max(std::abs(analytic), std::abs(numeric));
  if (std::isnan(analytic) || std::isnan(numeric)) return std::numeric_limits<double>::quiet_NaN();
  return size == 0 ? 0 : std::abs(analytic - numeric) / size;
}

bool GradientReport::passed() const {
  const auto good = [&](const GradientElement& e) {
    return e.verdict == Verdict::pass || e.verdict == Verdict::kink ||
           (kinks_meant && e.verdict == Verdict::kink_not_a_subgradient);
  };
  return std::all_of(elements.begin(), elements.end(), good) &&
         std::all_of(second_order.begin(), second_order.end(), good) &&
         std::none_of(problems.begin(), problems.end(),
                      [](const GradientProblem& p) { return p.fatal; });
}

std::size_t GradientReport::count(Verdict verdict) const {
  const auto has = [&](const GradientElement& e) { return e.verdict == verdict; };
  return static_cast<std::size_t>(std::count_if(elements.begin(), elements.end(), has) +
                                  std::count_if(second_order.begin(), second_order.end(), has));
}

bool GradientReport::has(Problem problem) const {
  return std::any_of(problems.begin(), problems.end(),
                     [&](const GradientProblem& p) { return p.kind == problem; });
}

std::string GradientReport::name_of(const GradientElement& element) const {
  const CheckedInput& in = inputs[element.input];
  if (in.shape.empty()) return in.name;
  std::string index;
  std::size_t rest = element.position;
  for (std::size_t axis = in.shape.rank(); axis-- > 0; rest /= in.shape[axis]) {
    index = detail::text(rest % in.shape[axis]) + (index.empty() ? "" : ", ") + index;
  }
  return in.name + "[" + index + "]";
}

std::vector<GradientElement> GradientReport::worst_first() const { return sorted(elements); }

std::string GradientReport::table(std::size_t rows) const {
  std::string text = summary(*this);
  for (const CheckedInput& in : inputs) text += coverage(in);
  for (const GradientProblem& p : problems) {
    text += std::string(p.fatal ? "problem " : "note ") + to_string(p.kind) + ": " + p.text + "\n";
  }
  return text + elements_to_text(*this, sorted(elements), rows, false) +
         elements_to_text(*this, sorted(second_order), rows, true);
}

std::string GradientReport::json() const {
  Json j = {{"passed", passed()},
            {"seed", seed},
            {"evaluations", evaluations},
            {"adjoint_gap", json_number(adjoint_gap)},
            {"symmetry_gap", json_number(symmetry_gap)}};
  for (const Verdict v : kBySeverity) j["counts"][to_string(v)] = count(v);
  j["inputs"] = Json::array();
  for (const CheckedInput& in : inputs) {
    j["inputs"].push_back({{"name", in.name},
                           {"shape", shape_to_json(in.shape)},
                           {"checked", in.checked},
                           {"informative", in.informative},
                           {"norm", json_number(in.norm)}});
  }
  j["problems"] = Json::array();
  for (const GradientProblem& p : problems) {
    j["problems"].push_back({{"kind", to_string(p.kind)}, {"text", p.text}, {"fatal", p.fatal}});
  }
  j["elements"] = elements_to_json(*this, elements);
  j["second_order"] = elements_to_json(*this, second_order);
  return j.dump(2);
}

std::string RegularizedReport::table(std::size_t rows) const {
  return "data term: " + data.table(rows) + "penalty: " + penalty.table(rows) +
         "sum: " + sum.table(rows);
}

}  // namespace xgrad
