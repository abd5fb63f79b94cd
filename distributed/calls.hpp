#pragma once

// Calls of MPI that throw. Internal.

#include <mpi.h>

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <vector>

namespace xgrad::detail {

/// Throws std::runtime_error "MPI_Bcast: <what MPI says>" for a code other than MPI_SUCCESS.
void check_mpi(int code, const char* function);

template <class T>
MPI_Datatype mpi_type() {
  if constexpr (std::is_same_v<T, float>) return MPI_FLOAT;
  if constexpr (std::is_same_v<T, double>) return MPI_DOUBLE;
  if constexpr (std::is_same_v<T, std::uint64_t>) return MPI_UINT64_T;
  if constexpr (std::is_same_v<T, char>) return MPI_CHAR;
}

/// A number of elements as MPI takes it. Throws std::length_error beyond 2^31 - 1.
int mpi_count(std::size_t n);

/// The displacements of parts that lie one after another. Throws as mpi_count.
std::vector<int> offsets_of(const std::vector<int>& counts);

/// The same from all ranks, in their order: `counts[r]` elements from rank r.
template <class T>
std::vector<T> all_gather(MPI_Comm comm, const T* x, std::size_t n, std::vector<int>& counts);
/// Where all ranks know how many each has: one message less.
template <class T>
std::vector<T> all_gather(MPI_Comm comm, const T* x, const std::vector<int>& counts);

}  // namespace xgrad::detail
