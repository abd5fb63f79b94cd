#include "xgrad/compile/memory_plan.hpp"

#include <algorithm>
#include <ostream>

#include "xgrad/base/text.hpp"

namespace xgrad {
namespace {

constexpr std::size_t kShown = 10;

std::string line_of(const MemoryUse& use) {
  using Kind = MemoryUse::Kind;
  if (use.kind == Kind::block) return "values and gradients " + use.operation;
  const char* const what = use.kind == Kind::kept       ? "kept by "
                           : use.kind == Kind::gradient ? "gradient of "
                           : use.kind == Kind::leaf     ? "gradient of a leaf, "
                                                        : "";
  std::string line = what + use.operation;
  if (use.kind != Kind::kept) line += " " + detail::text(use.shape);
  return line + (use.module.empty() ? "" : " in " + use.module);
}

}  // namespace

std::string to_string(const MemoryPlan& plan) {
  using detail::bytes_text;
  std::string r = "peak " + bytes_text(plan.peak_bytes) + (plan.at.empty() ? "" : " at " + plan.at);
  r += "; results " + bytes_text(plan.result_bytes) + ", gradients of leaves " +
       bytes_text(plan.gradient_bytes) + "\n";
  const std::size_t shown = std::min(kShown, plan.at_peak.size());
  std::size_t others = 0;
  for (std::size_t i = 0; i < plan.at_peak.size(); ++i) {
    const MemoryUse& use = plan.at_peak[i];
    i < shown ? void(r += "  " + bytes_text(use.bytes) + "  " + line_of(use) + "\n")
              : void(others += use.bytes);
  }
  if (others != 0)
    r += "  " + bytes_text(others) + "  " + detail::text(plan.at_peak.size() - shown) + " others\n";
  return r;
}

std::ostream& operator<<(std::ostream& out, const MemoryPlan& plan) {
  return out << to_string(plan);
}

}  // namespace xgrad
