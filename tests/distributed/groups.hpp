#pragma once

// MPI for the test executable, and groups of its first ranks.

#include <boost/test/unit_test.hpp>
#include <cstdio>
#include <cstring>
#include <exception>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>
#include <xgrad/distributed/communicator.hpp>
#include <xgrad/distributed/session.hpp>

namespace xgrad::test {

/// All ranks.
const Communicator& world();

/// What one rank throws, a failed BOOST_REQUIRE too, would leave the others waiting: all end.
inline void end_all_if_it_throws(const std::function<void()>& f) {
  try {
    f();
  } catch (const std::exception& e) {
    std::fprintf(stderr, "rank %zu: %s\n", world().rank(), e.what());
    MPI_Abort(world().handle(), 1);
  } catch (...) {
    MPI_Abort(world().handle(), 1);
  }
}

/// f on groups of the first 1, 2, ... ranks, one after another; other ranks wait.
inline void for_groups(const std::function<void(const Communicator&)>& f) {
  const Communicator& all = world();
  for (std::size_t n = 1; n <= all.size(); ++n) {
    MPI_Comm group = MPI_COMM_NULL;
    MPI_Comm_split(all.handle(), all.rank() < n ? 0 : MPI_UNDEFINED, 0, &group);
    if (group != MPI_COMM_NULL) {
      end_all_if_it_throws([&] { f(Communicator(group)); });
      MPI_Comm_free(&group);
    }
    all.barrier();
  }
}

/// A file for all ranks of c that is not there yet.
inline std::string file(const Communicator& c, const char* name) {
  const auto folder = std::filesystem::temp_directory_path() /
                      ("xgrad_distributed_" + std::to_string(world().size()));
  const std::string path = (folder / name).string();
  if (c.rank() == 0) {
    std::filesystem::create_directories(folder);
    for (const char* more : {"", ".previous"}) std::filesystem::remove(path + more);
  }
  c.barrier();
  return path;
}

template <class T>
bool same_bits(const Tensor<T>& a, const Tensor<T>& b) {
  return a.shape() == b.shape() && std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
}

/// The same numbers on all ranks.
template <class T>
bool same_everywhere(const Communicator& c, const Tensor<T>& x) {
  for (const Tensor<T>& other : c.all_gather(x)) {
    if (!same_bits(x, other)) return false;
  }
  return true;
}

}  // namespace xgrad::test
