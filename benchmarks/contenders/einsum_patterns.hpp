#pragma once

// The patterns of the workload einsum: a string, and the shapes of its operands.

#include <string>
#include <vector>

namespace benchmark_contenders {

struct EinsumPattern {
  std::string name, subscripts;
  std::vector<std::vector<std::size_t>> operands;
  std::vector<std::size_t> result;
};

inline const std::vector<EinsumPattern>& einsum_patterns() {
  static const std::vector<EinsumPattern> all = {
      {"scores", "bqhd,bkhd->bhqk", {{8, 128, 8, 64}, {8, 128, 8, 64}}, {8, 8, 128, 128}},
      {"attention", "bhqk,bkhd->bqhd", {{8, 8, 128, 128}, {8, 128, 8, 64}}, {8, 128, 8, 64}},
      {"form", "ni,ij,nj->n", {{512, 256}, {256, 256}, {512, 256}}, {512}},
      {"bilinear", "ni,oij,nj->no", {{256, 32}, {48, 32, 32}, {256, 32}}, {256, 48}},
      {"trace", "ij,ji->", {{700, 700}, {700, 700}}, {}},
      {"traces", "bij,bji->b", {{256, 48, 48}, {256, 48, 48}}, {256}},
      {"outer", "bi,bj->bij", {{512, 48}, {512, 64}}, {512, 48, 64}},
      {"chain", "ij,jk,kl,lm->im", {{400, 20}, {20, 300}, {300, 30}, {30, 400}}, {400, 400}},
      {"tucker", "abc,ia,jb,kc->ijk", {{16, 16, 16}, {40, 16}, {40, 16}, {40, 16}}, {40, 40, 40}},
      {"channels", "bchw,oc->bohw", {{16, 32, 24, 24}, {48, 32}}, {16, 48, 24, 24}},
      {"dots", "bi,bi->b", {{4096, 64}, {4096, 64}}, {4096}},
  };
  return all;
}

}  // namespace benchmark_contenders
