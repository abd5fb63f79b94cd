#include "xgrad/report/curve_file.hpp"

#include <cmath>
#include <stdexcept>

#include "xgrad/data/csv.hpp"
#include "xgrad/serialization/bytes.hpp"
#include "xgrad/serialization/error.hpp"

namespace xgrad {
namespace {

constexpr const char* kReader = "read_history";

History of_json(const std::string& path) {
  const detail::Bytes bytes = detail::read_file(kReader, path);
  try {
    return History::from_json(detail::as_text(bytes));
  } catch (const std::invalid_argument& e) {
    throw FileError(kReader, path, e.what());
  }
}

History of_csv(const std::string& path) {
  const Table table = read_csv(path, {.header = Header::yes});
  const std::vector<std::string> names = table.names();
  if (names.empty() || names[0] != "epoch")
    throw FileError(kReader, path, "no learning curves: the first column is not \"epoch\"");
  for (const std::string& name : names) {
    if (table.column(name).is_categorical())
      throw FileError(kReader, path, "no learning curves: text in column " + detail::quote(name));
  }
  History r;
  for (std::size_t i = 0; i < table.rows(); ++i) {
    Figures row;
    for (std::size_t c = 1; c < names.size(); ++c)
      row.emplace_back(names[c], table.column(names[c]).values[i]);
    r.add(row);
  }
  return r;
}

}  // namespace

History read_history(const std::string& path) {
  return path.ends_with(".json") ? of_json(path) : of_csv(path);
}

}  // namespace xgrad
