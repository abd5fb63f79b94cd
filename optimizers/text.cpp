#include "xgrad/optimizers/text.hpp"

namespace xgrad::detail {

void require_not_negative(const char* operation, const char* name, double value) {
  require_in(operation, name, value, "[0, inf)");
}

void require_positive(const char* operation, const char* name, double value) {
  require_in(operation, name, value, "(0, inf)");
}

void require_fraction(const char* operation, const char* name, double value) {
  require_in(operation, name, value, "[0, 1)");
}

}  // namespace xgrad::detail
