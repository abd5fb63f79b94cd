#include "xgrad/serialization/archive.hpp"

#include <stdexcept>

#include "xgrad/base/errors.hpp"

namespace xgrad {
namespace {

constexpr std::size_t kListed = 8;

std::string listing(const Archive& archive) {
  if (archive.empty()) return "it is empty";
  std::string r = "it holds ";
  std::size_t i = 0;
  for (const auto& [name, array] : archive) {
    if (i == kListed) return r + " and " + detail::text(archive.size() - kListed) + " more";
    r += (i++ > 0 ? ", " : "") + detail::quote(name);
  }
  return r;
}

}  // namespace

void Archive::add(std::string name, StoredArray array) {
  if (!index_.emplace(name, entries_.size()).second) {
    detail::fail("Archive", "there is an array ", detail::quote(name), " already");
  }
  entries_.emplace_back(std::move(name), std::move(array));
}

const StoredArray& Archive::at(std::string_view name) const& {
  const auto found = index_.find(name);
  if (found == index_.end()) {
    detail::Origin{reader_, path_}.fail("no array ", detail::quote(name), ", ", listing(*this));
  }
  return entries_[found->second].second;
}

template <class T>
Array<T> Archive::get(std::string_view name) const {
  const StoredArray& array = at(name);
  try {
    return array.to<T>();
  } catch (const std::invalid_argument& e) {
    detail::Origin{reader_, path_}.fail("array ", detail::quote(name), ": ", e.what());
  }
}

Archive Archive::without(std::string_view prefix) const {
  Archive r(reader_, path_);
  r.metadata = metadata;
  const std::string folder = std::string(prefix) + "/";
  for (const auto& [name, array] : entries_) {
    if (!name.starts_with(folder)) r.add(name, array);
  }
  return r;
}

std::vector<std::string> Archive::names() const {
  std::vector<std::string> r;
  r.reserve(entries_.size());
  for (const Entry& entry : entries_) r.push_back(entry.first);
  return r;
}

template Array<float> Archive::get(std::string_view) const;
template Array<double> Archive::get(std::string_view) const;
template Array<std::int64_t> Archive::get(std::string_view) const;

}  // namespace xgrad
