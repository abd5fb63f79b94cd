#include "xgrad/distributed/data_parallel.hpp"

#include <algorithm>
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

Indices Part::of(const Indices& labels) const {
  Indices r(Indices::shape_type{size()});
  std::copy(labels.data() + first, labels.data() + last, r.data());
  return r;
}

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
        gradients({exchange.handle(), collect.handle()}, s, m.parameters(), o.bucket_bytes),
        buffers(m.buffers()),
        buffer_sum({exchange.handle(), collect.handle()}, s, size_of(buffers)) {}

  static std::size_t size_of(const NamedTensors<T>& tensors) {
    std::size_t n = 0;
    for (const auto& t : tensors) n += t.tensor.size();
    return n;
  }

  void require_share(const std::vector<std::uint64_t>& all, std::size_t n) const;
  void begin(std::size_t n);
  void run_shards(const ShardLoss& loss);
  double loss_of_shard(std::size_t s, const ShardLoss& loss);
  void add_buffers(std::size_t samples);
  void restore_buffers();
  void average_buffers();
  std::vector<bool> used_parameters() const;
  void finish();
  double mean_loss() const;
  void move_generator();

  const Communicator& communicator;
  Communicator exchange, collect;
  Module<T>& net;
  bool allow_unused;
  std::size_t shards;
  detail::ShardRange own;
  detail::GradientBuckets<T> gradients;
  NamedTensors<T> buffers;
  detail::TreeSum<double> buffer_sum;  // whole numbers, as of batches, are exact

  // Of the call under way.
  std::size_t batch = 0;
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
  gradients.clear();
  buffer_sum.clear();
  buffers_before.clear();
  for (const auto& b : buffers) buffers_before.push_back(b.tensor.clone());
}

template <class T>
void DataParallel<T>::State::run_shards(const ShardLoss& loss) {
  for (std::size_t s = own.first; s < own.last; ++s) {
    net.zero_grad();
    restore_buffers();
    gradients.begin_shard(s + 1 == own.last);
    losses[s - own.first] = loss_of_shard(s, loss);
    gradients.end_shard();
  }
}

// What the shard's loss is of the batch's, whose gradient is taken.
template <class T>
double DataParallel<T>::State::loss_of_shard(std::size_t s, const ShardLoss& loss) {
  const std::size_t first = batch * own.first / shards;
  const Part part{batch * s / shards - first, batch * (s + 1) / shards - first};
  double value = 0;
  if (part.size() > 0) {
    Generator generator({seed_of_shard(draws.seed, s), draws.draws});
    const GeneratorScope scope(generator);
    const Tensor<T> share = loss(part) * (static_cast<T>(part.size()) / static_cast<T>(batch));
    value = static_cast<double>(share.item());
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
  const double* from = buffer_sum.wait();
  for (const auto& b : buffers) {
    Tensor<T> t = b.tensor;
    T* const to = t.mutable_data();
    for (std::size_t i = 0; i < t.size(); ++i)
      to[i] = static_cast<T>(*from++ / static_cast<double>(batch));
  }
}

// Those that any shard used. All shards that have samples use the same, unless `allow_unused`.
template <class T>
std::vector<bool> DataParallel<T>::State::used_parameters() const {
  const std::vector<std::uint64_t> own_uses = gradients.uses();
  const std::size_t n = own_uses.size(), ranks = communicator.size(),
                    working = std::min(shards, batch);
  std::vector<int> counts;
  const auto all = detail::all_gather(communicator.handle(), own_uses.data(), n, counts);
  std::vector<bool> used(n);
  for (std::size_t i = 0; i < n; ++i) {
    std::size_t sum = 0;
    for (std::size_t r = 0; r < ranks; ++r) sum += all[r * n + i];
    used[i] = sum > 0;
    if (allow_unused || sum == 0 || sum == working) continue;
    std::string where;
    for (std::size_t r = 0; r < ranks; ++r)
      where += (r > 0 ? ", " : "") + detail::text(all[r * n + i]) + " on rank " + detail::text(r);
    detail::fail<std::runtime_error>("DataParallel", gradients.name(i), " has a gradient in ", sum,
                                     " of ", working, " shards: ", where,
                                     "; allow_unused takes it for zero elsewhere");
  }
  return used;
}

template <class T>
double DataParallel<T>::State::mean_loss() const {
  std::vector<int> counts;
  double sum = 0;
  for (const double v :
       detail::all_gather(communicator.handle(), losses.data(), losses.size(), counts)) {
    sum += v;
  }
  return sum;
}

// On by as many draws as the shard that drew most.
template <class T>
void DataParallel<T>::State::move_generator() {
  std::uint64_t most = 0;
  for (const std::uint64_t n : communicator.all_gather(draws_used)) most = std::max(most, n);
  default_generator().set_state({draws.seed, draws.draws + most});
}

template <class T>
void DataParallel<T>::State::finish() {
  backward_end = Clock::now();
  gradients.wait();
  end = Clock::now();
  const std::vector<bool> used = used_parameters();
  average_buffers();
  move_generator();
  gradients.put(used);
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
double DataParallel<T>::gradients(std::size_t samples, const ShardLoss& loss) {
  State& s = *state_;
  const std::vector<std::uint64_t> all = s.communicator.all_gather(std::uint64_t{samples});
  const std::size_t batch = std::accumulate(all.begin(), all.end(), std::size_t{0});
  s.require_share(all, batch);
  s.gradients.check_frozen();
  s.begin(batch);
  try {
    s.run_shards(loss);
    s.finish();
  } catch (...) {
    s.gradients.listen(false);
    s.net.zero_grad();
    s.restore_buffers();
    throw;
  }
  return s.mean_loss();
}

template <class T>
double DataParallel<T>::seconds_waited() const {
  return std::chrono::duration<double>(state_->end - state_->backward_end).count();
}

template class DataParallel<float>;
template class DataParallel<double>;

}  // namespace xgrad
