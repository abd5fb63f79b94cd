#pragma once

// How a type is named and laid out, as the including source sees it.

#include <cstddef>
#include <string>
#include <typeinfo>

struct Layout {
  std::string name;
  std::size_t size, alignment;
};

template <class T>
Layout layout_of() {
  return {typeid(T).name(), sizeof(T), alignof(T)};
}
