#include "xgrad/distributed/session.hpp"

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <stdexcept>

#include "xgrad/base/errors.hpp"
#include "xgrad/distributed/calls.hpp"

namespace xgrad {
namespace {

bool session_lives = false;

constexpr int kFailed = 1;

// exit() with a session alive: MPICH would call it success and leave the others waiting.
void end_all_ranks() {
  if (!session_lives) return;
  std::fputs("xgrad: a rank ended before the others were done\n", stderr);
  MPI_Abort(MPI_COMM_WORLD, kFailed);
}

int mpi_level(ThreadLevel level) {
  constexpr int kLevels[] = {MPI_THREAD_SINGLE, MPI_THREAD_FUNNELED, MPI_THREAD_SERIALIZED,
                             MPI_THREAD_MULTIPLE};
  return kLevels[static_cast<std::size_t>(level)];
}

void check_level(int given, ThreadLevel wanted) {
  constexpr const char* kNames[] = {"single", "funneled", "serialized", "multiple"};
  detail::require<std::runtime_error>(
      given >= mpi_level(wanted), "MpiSession", "MPI does not give the thread level ",
      detail::quote(kNames[static_cast<std::size_t>(wanted)]), ": its level is ", given);
}

}  // namespace

MpiSession::MpiSession(int& argc, char**& argv, ThreadLevel threads)
    : owner_(false), exceptions_(std::uncaught_exceptions()) {
  using detail::check_mpi;
  int there = 0, over = 0, given = 0;
  check_mpi(MPI_Initialized(&there), "MPI_Initialized");
  check_mpi(MPI_Finalized(&over), "MPI_Finalized");
  detail::require<std::logic_error>(over == 0, "MpiSession", "MPI was finalised already");
  detail::require<std::logic_error>(!session_lives, "MpiSession", "there is one already");
  if (there == 0) {
    check_mpi(MPI_Init_thread(&argc, &argv, mpi_level(threads), &given), "MPI_Init_thread");
  } else {
    check_mpi(MPI_Query_thread(&given), "MPI_Query_thread");
  }
  owner_ = there == 0;
  static const int registered = std::atexit(end_all_ranks);
  static_cast<void>(registered);
  session_lives = true;
  try {
    check_level(given, threads);
  } catch (...) {
    session_lives = false;
    if (owner_) MPI_Finalize();
    throw;
  }
}

MpiSession::~MpiSession() {
  if (std::uncaught_exceptions() > exceptions_) MPI_Abort(MPI_COMM_WORLD, kFailed);
  session_lives = false;
  int over = 0;
  MPI_Finalized(&over);
  if (owner_ && over == 0) MPI_Finalize();
}

int run_distributed(int argc, char** argv, const std::function<int(Communicator&)>& main,
                    ThreadLevel threads) {
  const MpiSession session(argc, argv, threads);
  Communicator world;
  try {
    return main(world);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "rank %zu of %zu: %s\n", world.rank(), world.size(), e.what());
  } catch (...) {
    std::fprintf(stderr, "rank %zu of %zu: an exception of an unknown type\n", world.rank(),
                 world.size());
  }
  std::fflush(nullptr);
  MPI_Abort(world.handle(), kFailed);
  return kFailed;
}

}  // namespace xgrad
