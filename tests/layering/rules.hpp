#pragma once

// The rules of who may include whom, on a tree of sources that is read from disk or made up by a
// test. Each broken rule is one line `file:line: what is wrong`.

#include <map>
#include <string>
#include <vector>

namespace layering {

/// Path below the root (`ops/math.hpp`) -> text.
using Tree = std::map<std::string, std::string>;

/// The library's sources: xgrad.hpp and every header and source of the folders below `root`.
Tree read_tree(const std::string& root);

/// Folders include only what is below them, as "xgrad/<folder>/<file>", and never the umbrella.
std::vector<std::string> check_folders(const Tree& tree);

/// Sources in kernels/simd and kernels/formulas reach no xtensor header, directly or through ours.
std::vector<std::string> check_kernel_sources(const Tree& tree);

/// Among the headers only autograd/array.hpp includes xtensor.
std::vector<std::string> check_xtensor_headers(const Tree& tree);

/// Numbers become text, and errors are thrown, by base/ alone.
std::vector<std::string> check_one_way(const Tree& tree);

/// A source has the name of its header, or that name and, after a _, the part of it that it
/// defines; in kernels/simd, of a header in kernels.
std::vector<std::string> check_names(const Tree& tree);

/// xgrad.hpp includes ours and does nothing else.
std::vector<std::string> check_umbrella(const Tree& tree);

}  // namespace layering
