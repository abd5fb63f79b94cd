#pragma once

// MPI from its initialisation to its end, and what becomes of a program in which one rank fails.
//
//   int main(int argc, char** argv) {
//     return xgrad::run_distributed(argc, argv, [&](xgrad::Communicator& world) {
//       ...
//       return 0;
//     });
//   }
//
// What a rank throws ends all ranks, with its message and an exit status other than 0; so does a
// rank that calls exit() in the middle, which some MPIs take for success.

#include <functional>

#include "xgrad/distributed/communicator.hpp"

namespace xgrad {

/// Which threads of a process may call MPI at a time; `single` to `multiple`, as in the standard.
enum class ThreadLevel { single, funneled, serialized, multiple };

/// MPI_Init_thread, and MPI_Finalize in the destructor. Where MPI is there already, initialised by
/// somebody else, neither is called.
/// While it lives, a process that ends without it being destroyed (exit() somewhere) ends all ranks
/// with status 1; so does its destruction by an exception.
class MpiSession {
 public:
  /// **Throws** std::runtime_error where MPI gives a lower thread level than asked for, and
  /// std::logic_error where another session lives or MPI was finalised already.
  MpiSession(int& argc, char**& argv, ThreadLevel threads = ThreadLevel::funneled);
  ~MpiSession();
  MpiSession(const MpiSession&) = delete;
  MpiSession& operator=(const MpiSession&) = delete;

 private:
  bool owner_;
  int exceptions_;
};

/// A session, `main` with all ranks as a communicator, and its result as the exit status. What `main`
/// throws is written to stderr with the rank, and ends all ranks with status 1 at once (MPI_Abort):
/// checkpoints are written whole or not at all, so that the last one is there.
int run_distributed(int argc, char** argv, const std::function<int(Communicator&)>& main,
                    ThreadLevel threads = ThreadLevel::funneled);

}  // namespace xgrad
