// One of several ranks leaves while the others wait for it; see leaver.cmake.

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <xgrad/distributed/session.hpp>

int main(int argc, char** argv) {
  const std::string way = argc > 1 ? argv[1] : "";
  return xgrad::run_distributed(argc, argv, [&](xgrad::Communicator& world) {
    if (world.rank() == 0) {
      std::puts("all ranks began");
      std::fflush(stdout);
    }
    world.barrier();
    if (world.rank() == 1) {
      if (way == "throw") throw std::runtime_error("leaver: of its own will");
      if (way == "exit") std::exit(0);
      if (way == "kill") std::raise(SIGKILL);
    }
    world.barrier();
    return 0;
  });
}
