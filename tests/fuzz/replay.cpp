// Where there is no libFuzzer: calls fuzz() with every file in the directories named on the command
// line, whole and cut to half.

#include <cstdio>
#include <filesystem>

#include "tests/fuzz/fuzz.hpp"
#include "xgrad/serialization/bytes.hpp"

int main(int count, char** arguments) {
  int files = 0;
  for (int i = 1; i < count; ++i) {
    for (const auto& file : std::filesystem::directory_iterator(arguments[i])) {
      const auto bytes = xgrad::detail::read_file("replay", file.path());
      fuzz(bytes);
      fuzz(std::span(bytes).first(bytes.size() / 2));
      ++files;
    }
  }
  std::printf("%d files\n", files);
  return files > 0 ? 0 : 1;
}
