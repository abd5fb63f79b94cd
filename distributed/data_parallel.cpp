#include "xgrad/distributed/data_parallel.hpp"

#include <algorithm>
#include <bit>
#include <chrono>
#include <numeric>
#include <stdexcept>
#include <string>
#include <utility>

#include "xgrad/base/errors.hpp"
#include "xgrad/distributed/calls.hpp"
#include "xgrad/distributed/gradient_buckets.hpp"
#include "xgrad/distributed/tree_sum.hpp"
#include "xgrad/kernels/random.hpp"
#include "xgrad/ops/arithmetic.hpp"

namespace xgrad {
namespace {

using Clock = std::chrono::steady_clock;

std::size_t shards_of(const Communicator& c, std::size_t asked) {
  const std::size_t shards = asked == 0 ? c.size() : asked;
  for (const std::uint64_t other : c.all_gather(std::uint64_t{shards})) {
    detail::require(other == shards, "DataParallel", "ranks have other numbers of shards: ", shards,
                    ", ", other);
  }
  detail::require(shards >= c.size(), "DataParallel", "there are fewer shards than ranks: ", shards,
                  " shards, ", c.size(), " ranks");
  return shards;
}

// The seed of a shard's generator: that of the default one, mixed (splitmix64, Steele et al. 2014).
std::uint64_t seed_of_shard(std::uint64_t seed, std::size_t shard) {
  std::uint64_t z = seed + 0x9E3779B97F4A7C15U * (shard + 1);
  z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
  z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
  return z ^ (z >> 31U);
}

void broadcast_generator(const Communicator& c) {
  const Generator::State own = default_generator().state();
  default_generator().set_state({c.all_gather(own.seed)[0], c.all_gather(own.draws)[0]});
}

}  // namespace

// --- What DataParallel holds ---

template <class T>
struct DataParallel<T>::State {
  State(const Communicator& c, Module<T>& m, DataParallelOptions o, std::size_t s)
      : communicator(c),
        exchange(c.duplicate()),
        collect(c.duplicate()),
        net(m),
        allow_unused(o.allow_unused),
        shards(s),
        own(detail::part_of(s, c.size(), c.rank())),
        gradients({exchange.handle(), collect.handle()}, s, m.parameters(), o.bucket_bytes,
                  o.shared_memory),
        buffers(m.buffers()),
        buffer_sum({exchange.handle(), collect.handle()}, s, size_of(buffers)) {}

  static std::size_t size_of(const NamedTensors<T>& tensors) {
    std::size_t n = 0;
    for (const auto& t : tensors) n += t.tensor.size();
    return n;
  }

  using Use = typename detail::GradientBuckets<T>::Use;

  void require_share(const std::vector<std::uint64_t>& all, std::size_t n) const;
  void begin(std::size_t n);
  void forget();
  void run_shards(const ShardLoss& loss, bool keep);
  void run_alone(const ShardLoss& loss);
  double loss_of_shard(std::size_t s, const ShardLoss& loss, bool of_several);
  void add_buffers(std::size_t samples);
  void restore_buffers();
  void average_buffers();
  void tell();
  std::vector<bool> used_parameters() const;
  void send();

  const Communicator& communicator;
  Communicator exchange, collect;
  Module<T>& net;
  bool allow_unused;
  std::size_t shards;
  detail::ShardRange own;
  detail::GradientBuckets<T> gradients;
  NamedTensors<T> buffers;
  detail::TreeSum<double> buffer_sum;  // whole numbers, as of batches, are exact

  // Of the step under way: samples of the batches that are kept, and shards with samples.
  std::size_t kept = 0, working = 0;
  std::vector<std::vector<std::uint64_t>> uses;  // of each rank, of each parameter

  // Of the call under way.
  std::size_t batch = 0;
  double mean_loss = 0;
  std::vector<Tensor<T>> buffers_before;
  std::vector<double> losses;
  Generator::State draws;
  std::uint64_t draws_used = 0;
  Clock::time_point backward_end, end;
};

template <class T>
void DataParallel<T>::State::require_share(const std::vector<std::uint64_t>& all,
                                           std::size_t n) const {
  detail::require(n > 0, "DataParallel", "the batch has no samples");
  for (std::size_t r = 0; r < all.size(); ++r) {
    const detail::ShardRange s = detail::part_of(shards, all.size(), r);
    const std::size_t share = n * s.last / shards - n * s.first / shards;
    detail::require(all[r] == share, "DataParallel", "rank ", r, " has ", all[r],
                    " samples of a batch of ", n, " in ", shards, " shards, where its share is ",
                    share);
  }
}

template <class T>
void DataParallel<T>::State::begin(std::size_t n) {
  batch = n;
  losses.assign(own.size(), 0);
  draws = default_generator().state();
  draws_used = 0;
  if (kept == 0) gradients.clear(), working = 0;
  working += std::min(shards, n);
  buffer_sum.clear();
  buffers_before.clear();
  for (const auto& b : buffers) buffers_before.push_back(b.tensor.clone());
}

// After a failure.
template <class T>
void DataParallel<T>::State::forget() {
  gradients.listen(false);
  net.zero_grad();
  restore_buffers();
  kept = 0;
}

template <class T>
void DataParallel<T>::State::run_shards(const ShardLoss& loss, bool keep) {
  for (std::size_t s = own.first; s < own.last; ++s) {
    net.zero_grad();
    restore_buffers();
    const Use sent = s + 1 == own.last ? Use::send_last : Use::send;
    gradients.begin_shard(s - own.first, keep ? Use::keep : sent);
    losses[s - own.first] = loss_of_shard(s, loss, keep || kept > 0);
    gradients.end_shard();
  }
}

// One rank with one shard: nothing is added to its gradients, which stay where they are.
template <class T>
void DataParallel<T>::State::run_alone(const ShardLoss& loss) {
  Generator generator({seed_of_shard(draws.seed, 0), draws.draws});
  {
    const GeneratorScope scope(generator);
    net.zero_grad();
    const Tensor<T> mean = loss({0, batch});
    mean_loss = static_cast<double>(mean.item());
    mean.backward();
  }
  default_generator().set_state({draws.seed, generator.state().draws});
}

// The gradient is that of the shard's part of the batch's mean loss; of several batches, whose samples
// are not counted yet, of its sum.
template <class T>
double DataParallel<T>::State::loss_of_shard(std::size_t s, const ShardLoss& loss,
                                             bool of_several) {
  const std::size_t first = batch * own.first / shards;
  const Part part{batch * s / shards - first, batch * (s + 1) / shards - first};
  double value = 0;
  if (part.size() > 0) {
    Generator generator({seed_of_shard(draws.seed, s), draws.draws});
    const GeneratorScope scope(generator);
    const T samples = static_cast<T>(part.size()), all = static_cast<T>(batch);
    const Tensor<T> share = loss(part) * (of_several ? samples : samples / all);
    value = static_cast<double>(share.item()) / (of_several ? static_cast<double>(batch) : 1);
    gradients.listen(true);
    share.backward();
    gradients.listen(false);
    draws_used = std::max(draws_used, generator.state().draws - draws.draws);
  }
  add_buffers(part.size());
  return value;
}

template <class T>
void DataParallel<T>::State::add_buffers(std::size_t samples) {
  double* to = buffer_sum.next();
  const auto n = static_cast<double>(samples);
  for (const auto& b : buffers) {
    to = std::transform(b.tensor.data(), b.tensor.data() + b.tensor.size(), to,
                        [n](T v) { return n * static_cast<double>(v); });
  }
  buffer_sum.add();
}

template <class T>
void DataParallel<T>::State::restore_buffers() {
  for (std::size_t i = 0; i < buffers_before.size(); ++i) {
    Tensor<T> t = buffers[i].tensor;
    t.set_value(buffers_before[i].value());
  }
}

template <class T>
void DataParallel<T>::State::average_buffers() {
  if (buffer_sum.size() == 0) return;
  buffer_sum.start();
  buffer_sum.wait();
  std::vector<double> sums(buffer_sum.size());
  buffer_sum.read(0, sums.size(), sums.data());
  const double* from = sums.data();
  for (const auto& b : buffers) {
    Tensor<T> t = b.tensor;
    T* const to = t.mutable_data();
    for (std::size_t i = 0; i < t.size(); ++i)
      to[i] = static_cast<T>(*from++ / static_cast<double>(batch));
  }
}

// What ranks have to tell each other at a batch's end, in one message: the batch's loss, draws of random
// numbers, on by as many as the shard that drew most, and which parameters were used.
template <class T>
void DataParallel<T>::State::tell() {
  std::vector<std::uint64_t> mine = gradients.uses();
  const auto n = static_cast<std::ptrdiff_t>(mine.size());
  mine.push_back(draws_used);
  for (const double v : losses) mine.push_back(std::bit_cast<std::uint64_t>(v));
  std::vector<int> counts;
  for (std::size_t r = 0; r < communicator.size(); ++r)
    counts.push_back(static_cast<int>(n) + 1 +
                     static_cast<int>(detail::part_of(shards, communicator.size(), r).size()));
  const auto all = detail::all_gather(communicator.handle(), mine.data(), counts);
  auto from = all.begin();
  std::uint64_t most = 0;
  mean_loss = 0;
  uses.clear();
  for (const int count : counts) {
    uses.emplace_back(from, from + n);
    most = std::max(most, from[n]);
    for (auto v = from + n + 1; v != from + count; ++v) mean_loss += std::bit_cast<double>(*v);
    from += count;
  }
  default_generator().set_state({draws.seed, draws.draws + most});
}

// Those that any shard used. All shards that have samples use the same, unless `allow_unused`.
template <class T>
std::vector<bool> DataParallel<T>::State::used_parameters() const {
  std::vector<bool> used(uses[0].size());
  for (std::size_t i = 0; i < used.size(); ++i) {
    std::size_t sum = 0;
    for (const auto& of_rank : uses) sum += of_rank[i];
    used[i] = sum > 0;
    if (allow_unused || sum == 0 || sum == working) continue;
    std::string where;
    for (std::size_t r = 0; r < uses.size(); ++r)
      where += (r > 0 ? ", " : "") + detail::text(uses[r][i]) + " on rank " + detail::text(r);
    detail::fail<std::runtime_error>("DataParallel", gradients.name(i), " has a gradient in ", sum,
                                     " of ", working, " shards: ", where,
                                     "; allow_unused takes it for zero elsewhere");
  }
  return used;
}

template <class T>
void DataParallel<T>::State::send() {
  gradients.wait();
  end = Clock::now();
  tell();
  const std::vector<bool> used = used_parameters();
  average_buffers();
  gradients.put(used, kept == 0 ? T(1) : T(1) / static_cast<T>(kept + batch));
  kept = 0;
}

// --- DataParallel ---

template <class T>
DataParallel<T>::DataParallel(const Communicator& communicator, Module<T>& net,
                              DataParallelOptions options)
    : shards_(shards_of(communicator, options.shards)) {
  broadcast_parameters(communicator, net);
  broadcast_generator(communicator);
  state_ = std::make_unique<State>(communicator, net, options, shards_);
}

template <class T>
DataParallel<T>::~DataParallel() = default;

template <class T>
double DataParallel<T>::run(std::size_t samples, const ShardLoss& loss, bool keep) {
  State& s = *state_;
  const std::vector<std::uint64_t> all = s.communicator.all_gather(std::uint64_t{samples});
  const std::size_t batch = std::accumulate(all.begin(), all.end(), std::size_t{0});
  s.require_share(all, batch);
  s.gradients.check_frozen();
  s.begin(batch);
  try {
    if (shards_ == 1 && !keep && s.kept == 0) {
      s.run_alone(loss);
      s.backward_end = s.end = Clock::now();
      return s.mean_loss;
    }
    s.run_shards(loss, keep);
    s.backward_end = s.end = Clock::now();
    if (!keep) {
      s.send();
      return s.mean_loss;
    }
    s.tell();
    s.average_buffers();
  } catch (...) {
    s.forget();
    throw;
  }
  s.net.zero_grad();
  s.kept += batch;
  return s.mean_loss;
}

template <class T>
double DataParallel<T>::gradients(std::size_t samples, const ShardLoss& loss) {
  return run(samples, loss, false);
}

template <class T>
double DataParallel<T>::accumulate(std::size_t samples, const ShardLoss& loss) {
  return run(samples, loss, true);
}

template <class T>
double DataParallel<T>::seconds_waited() const {
  return std::chrono::duration<double>(state_->end - state_->backward_end).count();
}

template class DataParallel<float>;
template class DataParallel<double>;

}  // namespace xgrad
