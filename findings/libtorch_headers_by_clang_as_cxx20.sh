#!/bin/bash
# libtorch 1.13.1 (Debian libtorch-dev 1.13.1+dfsg-4) with Clang 14.0.6 and GCC 12.2's standard library.
#
# <torch/torch.h> is C++14 and compiles as C++17 and as C++20 with GCC, but not as C++20 with Clang: in C++20 std::vector's members are
# constexpr, Clang instantiates them where ATen/core/List.h moves a std::vector<c10::IValue>, and c10::IValue is incomplete there. A
# program in C++20 that links libtorch is compiled with GCC, or keeps what includes torch in sources of C++17.
#
# Seen: g++ 17 yes, g++ 20 yes, clang++ 17 yes, clang++ 20 no: incomplete c10::IValue
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
apt-get download -qq libtorch-dev=1.13.1+dfsg-4 >/dev/null 2>&1
dpkg -x libtorch-dev*.deb root
cat > sum.cpp <<'END'
#include <torch/torch.h>
int main() { return torch::ones({2}).sum().item<float>() == 2 ? 0 : 1; }
END
include=root/usr/include
{
  for compiler in g++ clang++; do
    for standard in 17 20; do
      if $compiler -std=c++$standard -w -fsyntax-only -I $include -I $include/torch/csrc/api/include sum.cpp 2>errors; then
        echo "$compiler $standard yes"
      elif grep -q "incomplete type 'c10::IValue'" errors; then
        echo "$compiler $standard no: incomplete c10::IValue"
      else
        cat errors
      fi
    done
  done
} | tee output
diff output - <<'END'
g++ 17 yes
g++ 20 yes
clang++ 17 yes
clang++ 20 no: incomplete c10::IValue
END
