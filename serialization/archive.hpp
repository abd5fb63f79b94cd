#pragma once

// Archive: named arrays, as npz and safetensors files hold them.
//
//     Archive a;
//     a.add("weight", w);
//     a.metadata["epoch"] = "12";
//     write_safetensors("model.safetensors", a);
//     const Array<float> back = read_safetensors("model.safetensors").get<float>("weight");

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "xgrad/serialization/error.hpp"
#include "xgrad/serialization/stored_array.hpp"

namespace xgrad {

/// Arrays by name, in a fixed order: that of adding, or of the file they were read from.
class Archive {
 public:
  using Entry = std::pair<std::string, StoredArray>;  ///< a name with its array

  Archive() = default;

  /// An archive read by `reader` from `path`, which its errors name.
  Archive(std::string_view reader, std::string_view path) : reader_(reader), path_(path) {}

  /// Throws std::invalid_argument when there is an array of that name.
  void add(std::string name, StoredArray array);
  template <class T>
  void add(std::string name, const Array<T>& array) {
    add(std::move(name), StoredArray::from(array));
  }

  /// Whether there is an array of that name.
  bool contains(std::string_view name) const { return index_.find(name) != index_.end(); }

  /// As stored. Throws FileError, listing what there is, when there is no array of that name.
  const StoredArray& at(std::string_view name) const&;
  StoredArray at(std::string_view name) const&& { return at(name); }

  /// As an array of float, double or std::int64_t. Throws FileError also when
  /// StoredArray::to refuses.
  template <class T>
  Array<T> get(std::string_view name) const;

  /// All but the arrays whose names begin with `prefix`/.
  Archive without(std::string_view prefix) const;

  std::vector<std::string> names() const;  ///< in their order
  std::size_t size() const { return entries_.size(); }
  bool empty() const { return entries_.empty(); }
  auto begin() const { return entries_.begin(); }  ///< (name, StoredArray) pairs
  auto end() const { return entries_.end(); }

  /// Free text by key. safetensors files keep it, npz files cannot.
  std::map<std::string, std::string> metadata;

 private:
  std::string reader_ = "archive", path_ = "in memory";
  std::vector<Entry> entries_;
  std::map<std::string, std::size_t, std::less<>> index_;
};

}  // namespace xgrad
