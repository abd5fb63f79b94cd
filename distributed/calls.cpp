#include "xgrad/distributed/calls.hpp"

#include <stdexcept>
#include <string>

#include "xgrad/base/errors.hpp"

namespace xgrad::detail {

void check_mpi(int code, const char* function) {
  if (code == MPI_SUCCESS) return;
  char text[MPI_MAX_ERROR_STRING] = {};
  int length = 0;
  MPI_Error_string(code, text, &length);
  fail<std::runtime_error>(function, std::string(text, static_cast<std::size_t>(length)));
}

int mpi_count(std::size_t n) {
  require<std::length_error>(n <= 0x7FFFFFFF, "Communicator", n,
                             " elements are more than a message of MPI may have");
  return static_cast<int>(n);
}

std::vector<int> offsets_of(const std::vector<int>& counts) {
  std::vector<int> offsets;
  std::size_t sum = 0;
  for (const int n : counts) {
    offsets.push_back(mpi_count(sum));
    sum += static_cast<std::size_t>(n);
  }
  mpi_count(sum);
  return offsets;
}

template <class T>
std::vector<T> all_gather(MPI_Comm comm, const T* x, const std::vector<int>& counts) {
  int rank = 0;
  MPI_Comm_rank(comm, &rank);
  const int own = counts[static_cast<std::size_t>(rank)];
  const std::vector<int> offsets = offsets_of(counts);
  std::vector<T> all(static_cast<std::size_t>(offsets.back() + counts.back()));
  check_mpi(MPI_Allgatherv(x, own, mpi_type<T>(), all.data(), counts.data(), offsets.data(),
                           mpi_type<T>(), comm),
            "MPI_Allgatherv");
  return all;
}

template <class T>
std::vector<T> all_gather(MPI_Comm comm, const T* x, std::size_t n, std::vector<int>& counts) {
  int ranks = 0;
  MPI_Comm_size(comm, &ranks);
  counts.assign(static_cast<std::size_t>(ranks), 0);
  const int own = mpi_count(n);
  check_mpi(MPI_Allgather(&own, 1, MPI_INT, counts.data(), 1, MPI_INT, comm), "MPI_Allgather");
  return all_gather(comm, x, counts);
}

#define XGRAD_INSTANTIATE(T)                                                              \
  template std::vector<T> all_gather(MPI_Comm, const T*, std::size_t, std::vector<int>&); \
  template std::vector<T> all_gather(MPI_Comm, const T*, const std::vector<int>&);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
XGRAD_INSTANTIATE(std::uint64_t)
XGRAD_INSTANTIATE(char)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad::detail
