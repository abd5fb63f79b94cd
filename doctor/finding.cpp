#include "xgrad/doctor/finding.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "xgrad/base/errors.hpp"

namespace xgrad {
namespace {

using Json = nlohmann::ordered_json;

bool same(double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); }

Json number(double v) { return std::isfinite(v) ? Json(v) : Json(); }

double number(const Json& j) { return j.is_null() ? Finding::kNone : j.get<double>(); }

Json to_json(const Finding& f) {
  return {{"check", f.check},
          {"severity", to_string(f.severity)},
          {"title", f.title},
          {"where", f.where},
          {"measured", f.measured},
          {"expected", f.expected},
          {"remedy", f.remedy},
          {"value", number(f.value)},
          {"low", number(f.low)},
          {"high", number(f.high)},
          {"step", f.step == Finding::kNever ? Json() : Json(f.step)},
          {"samples", f.samples}};
}

Severity severity_of(const std::string& name) {
  for (const Severity s : {Severity::note, Severity::warning, Severity::error}) {
    if (name == to_string(s)) return s;
  }
  detail::fail("Diagnosis", "there is no severity ", detail::quote(name));
}

Finding finding_of(const Json& j) {
  const Json& step = j.at("step");
  return {.check = j.at("check"),
          .severity = severity_of(j.at("severity")),
          .title = j.at("title"),
          .measured = j.at("measured"),
          .expected = j.at("expected"),
          .where = j.at("where"),
          .remedy = j.at("remedy"),
          .value = number(j.at("value")),
          .low = number(j.at("low")),
          .high = number(j.at("high")),
          .step = step.is_null() ? Finding::kNever : step.get<std::size_t>(),
          .samples = j.at("samples").get<std::vector<std::size_t>>()};
}

void add_line(std::string& text, const char* name, const std::string& value) {
  if (!value.empty()) text += "  " + std::string(name) + value + "\n";
}

std::string paragraph(const Finding& f) {
  std::string r = std::string(to_string(f.severity)) + ": " + f.title + " [" + f.check + "]\n";
  add_line(r, "where     ", f.where);
  if (f.step != Finding::kNever) add_line(r, "step      ", detail::text(f.step));
  if (!f.samples.empty()) add_line(r, "samples   ", detail::join(f.samples));
  add_line(r, "measured  ", f.measured);
  add_line(r, "expected  ", f.expected);
  add_line(r, "remedy    ", f.remedy);
  return r + "\n";
}

}  // namespace

const char* to_string(Severity severity) {
  switch (severity) {
    case Severity::note:
      return "note";
    case Severity::warning:
      return "warning";
    case Severity::error:
      return "error";
  }
  return "";
}

bool Finding::operator==(const Finding& other) const {
  return check == other.check && severity == other.severity && title == other.title &&
         measured == other.measured && expected == other.expected && where == other.where &&
         remedy == other.remedy && same(value, other.value) && same(low, other.low) &&
         same(high, other.high) && step == other.step && samples == other.samples;
}

bool Diagnosis::has(std::string_view check, Severity least) const {
  return std::any_of(findings.begin(), findings.end(),
                     [&](const Finding& f) { return f.check == check && f.severity >= least; });
}

const Finding& Diagnosis::of(std::string_view check) const& {
  const auto it = std::find_if(findings.begin(), findings.end(),
                               [&](const Finding& f) { return f.check == check; });
  detail::require<std::out_of_range>(it != findings.end(), "Diagnosis", "there is no finding of ",
                                     detail::quote(check));
  return *it;
}

std::size_t Diagnosis::count(Severity severity) const {
  return static_cast<std::size_t>(std::count_if(
      findings.begin(), findings.end(), [&](const Finding& f) { return f.severity == severity; }));
}

int Diagnosis::exit_code(bool strict) const {
  return count(Severity::error) > 0 || (strict && !healthy()) ? 1 : 0;
}

std::vector<Finding> Diagnosis::worst_first() const {
  std::vector<Finding> r = findings;
  std::stable_sort(r.begin(), r.end(),
                   [](const Finding& a, const Finding& b) { return a.severity > b.severity; });
  return r;
}

void Diagnosis::add(const Diagnosis& other) {
  findings.insert(findings.end(), other.findings.begin(), other.findings.end());
  passed.insert(passed.end(), other.passed.begin(), other.passed.end());
  skipped.insert(skipped.end(), other.skipped.begin(), other.skipped.end());
}

std::string Diagnosis::text() const {
  std::string r;
  for (const Finding& f : worst_first()) r += paragraph(f);
  r += "errors " + detail::text(count(Severity::error)) + ", warnings " +
       detail::text(count(Severity::warning)) + ", notes " + detail::text(count(Severity::note)) +
       "\n";
  if (!passed.empty()) r += "passed: " + detail::join(passed) + "\n";
  for (const Skipped& s : skipped) r += "not checked: " + s.check + ": " + s.reason + "\n";
  return r;
}

std::string Diagnosis::json() const {
  Json found = Json::array(), left_out = Json::array();
  for (const Finding& f : findings) found.push_back(to_json(f));
  for (const Skipped& s : skipped) {
    left_out.push_back({{"check", s.check}, {"reason", s.reason}});
  }
  const Json j = {{"findings", found}, {"passed", passed}, {"skipped", left_out}};
  return j.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Diagnosis Diagnosis::from_json(std::string_view text) {
  Diagnosis d;
  try {
    const Json j = Json::parse(text);
    for (const Json& f : j.at("findings")) d.findings.push_back(finding_of(f));
    d.passed = j.at("passed").get<std::vector<std::string>>();
    for (const Json& s : j.at("skipped")) d.skipped.push_back({s.at("check"), s.at("reason")});
  } catch (const Json::exception& e) {
    detail::fail("Diagnosis", "no diagnosis: ", e.what());
  }
  return d;
}

}  // namespace xgrad
