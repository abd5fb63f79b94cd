// The first byte chooses the options, the rest is the file.

#include "xgrad/data/csv.hpp"

#include "tests/fuzz/fuzz.hpp"
#include "xgrad/serialization/bytes.hpp"

namespace {

using namespace xgrad;

CsvOptions options(unsigned bits) {
  CsvOptions r{.separator = ",; \t"[bits & 3U], .header = static_cast<Header>((bits >> 2U) % 3)};
  r.skip = bits >> 4U & 1U;
  r.missing = (bits & 32U) != 0 ? Missing::error : Missing::nan;
  if ((bits & 64U) != 0) r.categorical = {-1};
  if ((bits & 128U) != 0) r.categories = {{"0", {"a", "b"}}};
  r.most_bytes = 1 << 20;
  if ((bits >> 2U & 3U) == 3) {
    r.separator = kDetectSeparator;
    r.decimal = (bits & 1U) != 0 ? ',' : '.';
  }
  return r;
}

}  // namespace

void fuzz(std::span<const std::byte> bytes) {
  if (bytes.empty()) return;
  try {
    const auto text = detail::as_text(bytes.subspan(1));
    const Table t = parse_csv(text, "fuzz", options(std::to_integer<unsigned>(bytes[0])));
    require(t.array<double>().size() == t.rows() * t.columns());
    for (std::size_t i = 0; i < t.columns(); ++i) {
      const Column& c = t.column(i);
      for (const double v : c.values) {
        require(!c.is_categorical() || !(v < 0 || v >= static_cast<double>(c.categories.size())));
      }
    }
  } catch (const FileError&) {
  }
}
