#include "xgrad/modules/observe.hpp"

namespace xgrad::detail {

CallObserver::CallObserver() : next(call_observers) { call_observers = this; }

CallObserver::~CallObserver() {
  CallObserver** at = &call_observers;
  while (*at != nullptr && *at != this) at = &(*at)->next;
  if (*at == this) *at = next;
}

}  // namespace xgrad::detail
