#pragma once

// The families of workloads of the contender written by hand; null for a name that is in none.

#include "../contenders/workload.hpp"

namespace benchmark_contenders {

template <class T>
std::unique_ptr<Workload> make_training(const std::string& name, const Parameters& p);
template <class T>
std::unique_ptr<Workload> make_elementwise(const std::string& name, const Parameters& p);
template <class T>
std::unique_ptr<Workload> make_along_axes(const std::string& name, const Parameters& p);
template <class T>
std::unique_ptr<Workload> make_matrices(const std::string& name, const Parameters& p);
template <class T>
std::unique_ptr<Workload> make_recurrence(const std::string& name, const Parameters& p);
template <class T>
std::unique_ptr<Workload> make_einsum(const std::string& name, const Parameters& p);
template <class T>
std::unique_ptr<Workload> make_decomposition(const std::string& name, const Parameters& p);
template <class T>
std::unique_ptr<Workload> make_paths(const std::string& name, const Parameters& p);

/// The first of the families that has it.
template <class T>
std::unique_ptr<Workload> make_of_type(const std::string& name, const Parameters& p) {
  for (const auto make :
       {&make_training<T>, &make_elementwise<T>, &make_along_axes<T>, &make_recurrence<T>,
        &make_matrices<T>, &make_einsum<T>, &make_decomposition<T>, &make_paths<T>}) {
    if (auto w = make(name, p)) return w;
  }
  return nullptr;
}

/// Nothing at all: what a process of the contender takes.
struct Empty : Workload {
  void step() override {}
  Results results() override { return {}; }
};

}  // namespace benchmark_contenders
