#include "xgrad/distributed/communicator.hpp"

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <thread>
#include <utility>

#include "xgrad/base/errors.hpp"
#include "xgrad/distributed/calls.hpp"
#include "xgrad/distributed/data_parallel.hpp"
#include "xgrad/distributed/tree_sum.hpp"

namespace xgrad {

using detail::check_mpi;

namespace {

constexpr std::size_t kMessage = std::size_t{1} << 28;  // elements

template <class T>
void broadcast_numbers(MPI_Comm comm, T* x, std::size_t n, std::size_t root) {
  for (std::size_t at = 0; at < n; at += kMessage) {
    check_mpi(MPI_Bcast(x + at, detail::mpi_count(std::min(kMessage, n - at)),
                        detail::mpi_type<T>(), static_cast<int>(root), comm),
              "MPI_Bcast");
  }
}

template <class T>
std::string described(const NamedTensor<T>& t) {
  return t.name + ' ' + detail::text(t.tensor.shape());
}

// The first of the tensors that is not alike everywhere; the text of all of them is compared first.
template <class T>
void require_same_tensors(const Communicator& c, const NamedTensors<T>& tensors) {
  std::string all;
  for (const auto& t : tensors) all += described(t) + '\n';
  const std::vector<std::string> texts = c.all_gather(all);
  if (std::all_of(texts.begin(), texts.end(), [&](const auto& t) { return t == texts[0]; })) return;
  std::uint64_t longest = 0;
  for (const std::uint64_t n : c.all_gather(std::uint64_t{tensors.size()}))
    longest = std::max(longest, n);
  for (std::size_t i = 0; i < longest; ++i)
    detail::require_alike(c, "broadcast",
                          i < tensors.size() ? described(tensors[i]) : "nothing there");
}

std::vector<Shape> shapes_of_ranks(MPI_Comm comm, const Shape& own) {
  const std::vector<std::uint64_t> sizes(own.begin(), own.end());
  std::vector<int> axes;
  const auto all = detail::all_gather(comm, sizes.data(), sizes.size(), axes);
  std::vector<Shape> shapes;
  auto from = all.begin();
  for (const int n : axes) {
    shapes.emplace_back(from, from + n);
    from += n;
  }
  return shapes;
}

// Tensors of these shapes from numbers that lie one after another.
template <class T>
std::vector<Tensor<T>> cut(const std::vector<T>& numbers, const std::vector<Shape>& shapes) {
  std::vector<Tensor<T>> r;
  const T* from = numbers.data();
  for (const Shape& s : shapes) {
    r.push_back(Tensor<T>::filled(s, T(0)));
    std::copy_n(from, s.elements(), r.back().mutable_data());
    from += s.elements();
  }
  return r;
}

}  // namespace

Communicator::Communicator(MPI_Comm group) {
  int there = 0, over = 0, n = 0;
  MPI_Initialized(&there);
  MPI_Finalized(&over);
  detail::require<std::logic_error>(there != 0 && over == 0, "Communicator",
                                    "MPI is not initialised; MpiSession or run_distributed does");
  check_mpi(MPI_Comm_dup(group, &comm_), "MPI_Comm_dup");
  check_mpi(MPI_Comm_set_errhandler(comm_, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
  check_mpi(MPI_Comm_rank(comm_, &n), "MPI_Comm_rank");
  rank_ = static_cast<std::size_t>(n);
  check_mpi(MPI_Comm_size(comm_, &n), "MPI_Comm_size");
  size_ = static_cast<std::size_t>(n);
}

Communicator::Communicator(Communicator&& other) noexcept
    : comm_(std::exchange(other.comm_, MPI_COMM_NULL)), rank_(other.rank_), size_(other.size_) {}

Communicator::~Communicator() {
  if (comm_ == MPI_COMM_NULL) return;
  int over = 0;
  MPI_Finalized(&over);
  if (over == 0) MPI_Comm_free(&comm_);
}

void Communicator::check_root(std::size_t root) const {
  detail::require<std::out_of_range>(root < size_, "Communicator", "root ", root, " of ", size_,
                                     " ranks");
}

void Communicator::barrier() const { check_mpi(MPI_Barrier(comm_), "MPI_Barrier"); }

template <class T>
void Communicator::broadcast(Tensor<T>& x, std::size_t root) const {
  check_root(root);
  detail::require_alike(*this, "broadcast", detail::text(x.shape()));
  broadcast_numbers(comm_, x.mutable_data(), x.size(), root);
}

template <class T>
void Communicator::broadcast(const NamedTensors<T>& tensors, std::size_t root) const {
  check_root(root);
  require_same_tensors(*this, tensors);
  for (const auto& t : tensors) {
    Tensor<T> x = t.tensor;
    broadcast_numbers(comm_, x.mutable_data(), x.size(), root);
  }
}

void Communicator::broadcast(std::string& text, std::size_t root) const {
  check_root(root);
  std::uint64_t n = text.size();
  broadcast_numbers(comm_, &n, 1, root);
  text.resize(n);
  broadcast_numbers(comm_, text.data(), n, root);
}

template <class T>
void Communicator::all_reduce(Tensor<T>& x, CommunicatorReduction reduction) const {
  detail::require_alike(*this, "all_reduce", detail::text(x.shape()));
  detail::TreeSum<T> sum({comm_, comm_}, size_, x.size());
  std::copy_n(x.data(), x.size(), sum.next());
  sum.add();
  sum.start();
  sum.wait();
  T* const out = x.mutable_data();
  sum.read(0, x.size(), out);
  const T parts = reduction == CommunicatorReduction::mean ? static_cast<T>(size_) : T(1);
  std::transform(out, out + x.size(), out, [parts](T v) { return v / parts; });
}

template <class T>
std::vector<Tensor<T>> Communicator::all_gather(const Tensor<T>& x) const {
  std::vector<int> counts;
  const std::vector<Shape> shapes = shapes_of_ranks(comm_, x.shape());
  return cut(detail::all_gather(comm_, x.data(), x.size(), counts), shapes);
}

template <class T>
std::vector<Tensor<T>> Communicator::gather(const Tensor<T>& x, std::size_t root) const {
  check_root(root);
  const std::vector<Shape> shapes = shapes_of_ranks(comm_, x.shape());
  std::vector<int> counts;
  for (const Shape& s : shapes) counts.push_back(detail::mpi_count(s.elements()));
  const std::vector<int> offsets = detail::offsets_of(counts);
  std::vector<T> all(rank_ == root ? static_cast<std::size_t>(offsets.back() + counts.back()) : 0);
  check_mpi(MPI_Gatherv(x.data(), counts[rank_], detail::mpi_type<T>(), all.data(), counts.data(),
                        offsets.data(), detail::mpi_type<T>(), static_cast<int>(root), comm_),
            "MPI_Gatherv");
  return rank_ == root ? cut(all, shapes) : std::vector<Tensor<T>>();
}

std::vector<double> Communicator::all_gather(double x) const {
  return detail::all_gather(comm_, &x, std::vector<int>(size_, 1));
}

std::vector<std::uint64_t> Communicator::all_gather(std::uint64_t x) const {
  return detail::all_gather(comm_, &x, std::vector<int>(size_, 1));
}

std::vector<std::vector<double>> Communicator::all_gather(const std::vector<double>& x) const {
  std::vector<int> counts;
  const std::vector<double> all = detail::all_gather(comm_, x.data(), x.size(), counts);
  std::vector<std::vector<double>> r;
  auto from = all.begin();
  for (const int n : counts) {
    r.emplace_back(from, from + n);
    from += n;
  }
  return r;
}

std::vector<std::string> Communicator::all_gather(const std::string& text) const {
  std::vector<int> counts;
  const std::vector<char> all = detail::all_gather(comm_, text.data(), text.size(), counts);
  std::vector<std::string> r;
  const char* from = all.data();
  for (const int n : counts) {
    r.emplace_back(from, static_cast<std::size_t>(n));
    from += n;
  }
  return r;
}

bool Communicator::any(bool x) const {
  const auto all = all_gather(std::uint64_t{x});
  return std::any_of(all.begin(), all.end(), [](std::uint64_t v) { return v != 0; });
}

bool Communicator::all(bool x) const { return !any(!x); }

void Communicator::send(const std::string& text, std::size_t to) const {
  check_root(to);
  check_mpi(MPI_Send(text.data(), detail::mpi_count(text.size()), MPI_CHAR, static_cast<int>(to), 0,
                     comm_),
            "MPI_Send");
}

// MPI waits with the processor at work, which others may need.
std::pair<std::size_t, std::string> Communicator::receive() const {
  MPI_Status status;
  for (int there = 0; there == 0;) {
    check_mpi(MPI_Iprobe(MPI_ANY_SOURCE, 0, comm_, &there, &status), "MPI_Iprobe");
    if (there == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  int n = 0;
  check_mpi(MPI_Get_count(&status, MPI_CHAR, &n), "MPI_Get_count");
  std::string text(static_cast<std::size_t>(n), ' ');
  check_mpi(MPI_Recv(text.data(), n, MPI_CHAR, status.MPI_SOURCE, 0, comm_, MPI_STATUS_IGNORE),
            "MPI_Recv");
  return {static_cast<std::size_t>(status.MPI_SOURCE), std::move(text)};
}

std::unique_ptr<BatchGradients<float>> Communicator::data_parallel(
    Module<float>& net, const DataParallelOptions& options) const {
  return std::make_unique<DataParallel<float>>(*this, net, options);
}

std::unique_ptr<BatchGradients<double>> Communicator::data_parallel(
    Module<double>& net, const DataParallelOptions& options) const {
  return std::make_unique<DataParallel<double>>(*this, net, options);
}

#define XGRAD_INSTANTIATE(T)                                                        \
  template void Communicator::broadcast(Tensor<T>&, std::size_t) const;             \
  template void Communicator::broadcast(const NamedTensors<T>&, std::size_t) const; \
  template void Communicator::all_reduce(Tensor<T>&, CommunicatorReduction) const;  \
  template std::vector<Tensor<T>> Communicator::all_gather(const Tensor<T>&) const; \
  template std::vector<Tensor<T>> Communicator::gather(const Tensor<T>&, std::size_t) const;
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad
