#pragma once

// Finding and Diagnosis: what the training doctor says of a training, for people, for programs, and
// for a test. They are plain data: who finds something is in diagnose.hpp and monitor.hpp.
//
//   const Diagnosis d = diagnose(net, train, loss);
//   std::cout << d.text();
//   return d.exit_code();                        // a check that is a CTest

#include <cstddef>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace xgrad {

enum class Severity {
  note,     ///< worth knowing; nothing to do
  warning,  ///< training will be slower or worse than it could be, or the evidence is not proof
  error,    ///< something is broken: training cannot give what is meant
};

/// "note", "warning", "error".
const char* to_string(Severity severity);

/// One thing that is not as it should be.
struct Finding {
  /// Which check found it, the same from release to release: "initial-loss", "zero-grad".
  std::string check;
  Severity severity = Severity::warning;
  std::string title = {};     ///< a sentence: "the gradients of several steps are added up"
  std::string measured = {};  ///< what was seen, with its numbers
  std::string expected = {};  ///< what should have been, and where that comes from
  std::string where = {};   ///< the parameter, layer or operation by name; empty: all of the model
  std::string remedy = {};  ///< what to try

  static constexpr double kNone =
      std::numeric_limits<double>::quiet_NaN();  ///< the figure there is not
  double value = kNone;  ///< the figure measured; NaN: there is no single one
  double low = kNone;    ///< and the range it should be in; NaN: no such end
  double high = kNone;   ///< the other end of it

  static constexpr std::size_t kNever =
      static_cast<std::size_t>(-1);       ///< before or after the training
  std::size_t step = kNever;              ///< of the training, from 0; kNever: not while training
  std::vector<std::size_t> samples = {};  ///< of the batch or data set, where they are known

  bool operator==(const Finding& other) const;  ///< NaN equals NaN
};

/// A check that could not be made.
struct Skipped {
  std::string check;
  std::string reason;  ///< why not
  bool operator==(const Skipped&) const = default;
};

/// What was found, and what was looked at.
struct Diagnosis {
  std::vector<Finding> findings = {};    ///< as they were found
  std::vector<std::string> passed = {};  ///< checks that were made and found nothing
  std::vector<Skipped> skipped = {};     ///< checks that could not be made

  /// Whether that check found something of at least this severity.
  bool has(std::string_view check, Severity least = Severity::note) const;
  /// The first finding of that check. Throws std::out_of_range when there is none.
  const Finding& of(std::string_view check) const&;
  std::size_t count(Severity severity) const;  ///< findings of this severity
  /// No errors and no warnings.
  bool healthy() const { return count(Severity::error) + count(Severity::warning) == 0; }
  /// For a program's return: 1 with an error, else 0; `strict` counts warnings as well.
  int exit_code(bool strict = false) const;
  /// Errors first, then warnings, then notes; equals as they were found.
  std::vector<Finding> worst_first() const;

  /// Adds what another one found: that of a monitor to that of before the training.
  void add(const Diagnosis& other);

  /// For people: one paragraph for each finding, and what was checked.
  std::string text() const;
  /// {"findings": [{"check", "severity", "title", ...}], "passed": [...], "skipped": [...]};
  /// numbers that there are not are null.
  std::string json() const;
  /// What json() made. Throws std::invalid_argument for other text.
  static Diagnosis from_json(std::string_view text);

  bool operator==(const Diagnosis&) const = default;
};

}  // namespace xgrad
