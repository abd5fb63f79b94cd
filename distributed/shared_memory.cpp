#include "xgrad/distributed/shared_memory.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "xgrad/base/text.hpp"
#include "xgrad/distributed/calls.hpp"

namespace xgrad::detail {
namespace {

bool on_one_machine(MPI_Comm comm) {
  MPI_Comm near = MPI_COMM_NULL;
  int of_all = 0, of_machine = 0;
  check_mpi(MPI_Comm_split_type(comm, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &near),
            "MPI_Comm_split_type");
  check_mpi(MPI_Comm_size(comm, &of_all), "MPI_Comm_size");
  check_mpi(MPI_Comm_size(near, &of_machine), "MPI_Comm_size");
  MPI_Comm_free(&near);
  return of_machine == of_all;
}

bool on_all(MPI_Comm comm, bool mine) {
  int ranks = 0;
  check_mpi(MPI_Comm_size(comm, &ranks), "MPI_Comm_size");
  const std::uint64_t here = mine ? 1 : 0;
  bool all = true;
  for (const std::uint64_t there :
       all_gather(comm, &here, std::vector<int>(static_cast<std::size_t>(ranks), 1)))
    all = all && there == 1;
  return all;
}

std::string new_name() {
  std::random_device random;
  return "/xgrad-" + text(::getpid()) + "-" + text(random()) + "-" + text(random());
}

// What is not reserved here would be missing when it is written, which ends the process.
int create(const std::string& name, std::size_t bytes) {
  const int file = ::shm_open(name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0 || ::posix_fallocate(file, 0, static_cast<off_t>(bytes)) == 0) return file;
  ::close(file);
  ::shm_unlink(name.c_str());
  return -1;
}

}  // namespace

void SharedMemory::map(int file) {
  if (file < 0) return;
  void* const at =
      ::mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, file, 0);
  if (at != MAP_FAILED) at_ = static_cast<std::byte*>(at);
  ::close(file);
}

SharedMemory::SharedMemory(MPI_Comm comm, std::size_t bytes) : bytes_(bytes) {
  int rank = 0;
  check_mpi(MPI_Comm_rank(comm, &rank), "MPI_Comm_rank");
  if (bytes == 0 || !on_one_machine(comm)) return;
  std::string name = new_name();
  if (rank == 0) map(create(name, bytes));
  std::vector<int> counts;
  const auto names = all_gather(comm, name.data(), rank == 0 ? name.size() : 0, counts);
  name.assign(names.begin(), names.end());
  if (rank > 0) map(::shm_open(name.c_str(), O_RDWR | O_CLOEXEC, 0));
  const bool all = on_all(comm, at_ != nullptr);
  if (rank == 0) ::shm_unlink(name.c_str());
  if (!all) *this = SharedMemory();
}

SharedMemory::~SharedMemory() {
  if (at_ != nullptr) ::munmap(at_, bytes_);
}

}  // namespace xgrad::detail
