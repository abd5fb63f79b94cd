#include "xgrad/training/direction.hpp"

#include <algorithm>
#include <iterator>

#include "xgrad/base/errors.hpp"

namespace xgrad {
namespace {

std::string_view without(std::string_view begin, std::string_view text) {
  if (text.starts_with(begin)) text.remove_prefix(begin.size());
  return text;
}

bool is_top_k_accuracy(std::string_view name) {
  return name.starts_with("top-") && name.ends_with(" accuracy");
}

}  // namespace

std::string_view to_string(Better better) {
  return better == Better::larger ? "larger" : "smaller";
}

std::optional<Better> better_of(std::string_view figure) {
  constexpr std::string_view kSmaller[] = {"loss", "mse", "rmse", "mae"};
  const std::string_view name = without("validation ", without("train ", figure));
  if (name == "accuracy" || name == "r2" || is_top_k_accuracy(name)) return Better::larger;
  if (std::find(std::begin(kSmaller), std::end(kSmaller), name) != std::end(kSmaller))
    return Better::smaller;
  return std::nullopt;
}

bool detail::larger_is_better(std::string_view operation, std::string_view figure,
                              std::optional<Better> known, std::optional<bool> wanted) {
  require(known || wanted, operation, "whether larger values of ", quote(figure),
          " are better is not known: Metric::better or maximize says it");
  if (!known) return *wanted;
  const bool larger = *known == Better::larger;
  require(!wanted || *wanted == larger, operation, *known, " values of ", quote(figure),
          " are better, maximize is ", !larger);
  return larger;
}

}  // namespace xgrad
