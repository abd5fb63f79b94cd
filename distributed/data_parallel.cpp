#include "xgrad/distributed/data_parallel.hpp"

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <string>
#include <utility>

#include "xgrad/base/errors.hpp"
#include "xgrad/distributed/calls.hpp"
#include "xgrad/distributed/tree_sum.hpp"
#include "xgrad/kernels/random.hpp"

namespace xgrad {
namespace {

using Clock = std::chrono::steady_clock;

double seconds(Clock::duration d) { return std::chrono::duration<double>(d).count(); }

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

// Where a parameter's gradient lies in a bucket.
template <class T>
struct Entry {
  NamedTensor<T> parameter;
  std::size_t bucket = 0, offset = 0;
  std::size_t hook = 0;
  bool came = false;     // in the shard under way
  std::size_t used = 0;  // shards of this rank
};

template <class T>
struct Bucket {
  std::vector<std::size_t> entries;
  std::size_t size = 0, missing = 0;
  std::unique_ptr<detail::TreeSum<T>> sum;
};

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
        options(o),
        shards(s),
        own(detail::part_of(s, c.size(), c.rank())) {}

  void take_over_rank_0();
  void add_hooks();
  void remove_hooks();
  void fill_buckets();

  void require_share(const std::vector<std::uint64_t>& all, std::size_t batch) const;
  void begin(std::size_t batch);
  double shard(std::size_t s, std::size_t first_sample, const ShardLoss& loss);
  void begin_shard();
  void restore_buffers();
  void arrived(std::size_t entry, const Tensor<T>& g);
  void end_shard();
  void start_ready();
  std::vector<std::uint64_t> uses() const;
  void check_uses();
  void finish();
  void take_gradients(Bucket<T>& bucket);
  void average_buffers();
  double mean_loss() const;
  void move_generator();

  detail::TwoPhases comms() const { return {exchange.handle(), collect.handle()}; }

  const Communicator& communicator;
  Communicator exchange, collect;
  Module<T>& net;
  DataParallelOptions options;
  std::size_t shards;
  detail::ShardRange own;

  std::vector<Entry<T>> entries;
  std::vector<Bucket<T>> buckets;
  NamedTensors<T> buffers;
  std::unique_ptr<detail::TreeSum<double>> buffer_sum;
  std::vector<Tensor<T>> buffers_before;

  // Of the call under way.
  bool listening = false, last_shard = false;
  std::size_t batch = 0, started = 0;
  std::size_t samples = 0;  // of the shard under way
  T weight = 0;             // their part of the batch
  std::vector<double> losses;
  Generator::State draws;
  std::uint64_t draws_used = 0;
  std::vector<bool> used_anywhere;
  Clock::time_point first_start, backward_end, end;
};

template <class T>
void DataParallel<T>::State::take_over_rank_0() {
  communicator.broadcast(net.state_dict(), 0);
  const Generator::State own_state = default_generator().state();
  const std::uint64_t seed = communicator.all_gather(own_state.seed)[0];
  default_generator().set_state({seed, communicator.all_gather(own_state.draws)[0]});
}

// Buckets in the order in which gradients are expected: the last parameter's first.
template <class T>
void DataParallel<T>::State::fill_buckets() {
  NamedTensors<T> all = net.parameters();
  std::reverse(all.begin(), all.end());
  const std::size_t most = std::max<std::size_t>(options.bucket_bytes / sizeof(T), 1);
  for (auto& p : all) {
    if (!p.tensor.requires_grad()) continue;
    const std::size_t n = p.tensor.size();
    if (buckets.empty() || (buckets.back().size > 0 && buckets.back().size + n > most)) {
      buckets.emplace_back();
    }
    buckets.back().entries.push_back(entries.size());
    entries.push_back({std::move(p), buckets.size() - 1, buckets.back().size});
    buckets.back().size += n;
  }
  for (auto& b : buckets) b.sum = std::make_unique<detail::TreeSum<T>>(comms(), shards, b.size);
  buffers = net.buffers();
  std::size_t n = 0;
  for (const auto& b : buffers) n += b.tensor.size();
  buffer_sum = std::make_unique<detail::TreeSum<double>>(comms(), shards, n);
}

template <class T>
void DataParallel<T>::State::add_hooks() {
  for (std::size_t i = 0; i < entries.size(); ++i) {
    entries[i].hook = entries[i].parameter.tensor.register_hook([this, i](const Tensor<T>& g) {
      if (listening) arrived(i, g);
      return Tensor<T>();
    });
  }
}

template <class T>
void DataParallel<T>::State::remove_hooks() {
  for (auto& e : entries) e.parameter.tensor.remove_hook(e.hook);
}

template <class T>
void DataParallel<T>::State::require_share(const std::vector<std::uint64_t>& all,
                                           std::size_t n) const {
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
  started = 0;
  losses.assign(own.size(), 0);
  draws = default_generator().state();
  draws_used = 0;
  for (auto& e : entries) e.used = 0;
  for (auto& b : buckets) b.sum->clear();
  buffer_sum->clear();
  buffers_before.clear();
  for (const auto& b : buffers) buffers_before.push_back(b.tensor.clone());
}

template <class T>
void DataParallel<T>::State::begin_shard() {
  net.zero_grad();
  for (auto& e : entries) e.came = false;
  for (auto& b : buckets) {
    b.missing = b.entries.size();
    std::fill_n(b.sum->next(), b.size, T(0));
  }
  restore_buffers();
}

template <class T>
void DataParallel<T>::State::restore_buffers() {
  for (std::size_t i = 0; i < buffers.size(); ++i) {
    Tensor<T> t = buffers[i].tensor;
    t.set_value(buffers_before[i].value());
  }
}

// The hook: a gradient of the shard is complete.
template <class T>
void DataParallel<T>::State::arrived(std::size_t i, const Tensor<T>& g) {
  Entry<T>& e = entries[i];
  if (e.came) {
    detail::fail<std::logic_error>("DataParallel", "the gradient of ", e.parameter.name,
                                   " came twice: loss has called backward() itself");
  }
  e.came = true;
  ++e.used;
  Bucket<T>& bucket = buckets[e.bucket];
  T* const to = bucket.sum->next() + e.offset;
  std::transform(g.data(), g.data() + g.size(), to, [this](T v) { return weight * v; });
  --bucket.missing;
  if (last_shard) start_ready();
}

// Buckets leave in their order, which is the same on all ranks.
template <class T>
void DataParallel<T>::State::start_ready() {
  for (; started < buckets.size() && buckets[started].missing == 0; ++started) {
    if (started == 0) first_start = Clock::now();
    buckets[started].sum->add();
    buckets[started].sum->start();
  }
  bool may_collect = true;
  for (std::size_t i = 0; i < started; ++i) {
    buckets[i].sum->poll(may_collect);
    may_collect = may_collect && buckets[i].sum->is_collecting();
  }
}

template <class T>
void DataParallel<T>::State::end_shard() {
  double* to = buffer_sum->next();
  const auto n = static_cast<double>(samples);
  for (const auto& b : buffers) {
    to = std::transform(b.tensor.data(), b.tensor.data() + b.tensor.size(), to,
                        [n](T v) { return n * static_cast<double>(v); });
  }
  buffer_sum->add();
  for (auto& b : buckets) {
    if (last_shard) b.missing = 0;
    if (!b.sum->is_started() && !last_shard) b.sum->add();
  }
  if (last_shard) start_ready();
}

// The weighted loss of a shard.
template <class T>
double DataParallel<T>::State::shard(std::size_t s, std::size_t first_sample,
                                     const ShardLoss& loss) {
  const Part part{batch * s / shards - first_sample, batch * (s + 1) / shards - first_sample};
  samples = part.size();
  weight = static_cast<T>(samples) / static_cast<T>(batch);
  last_shard = s + 1 == own.last;
  begin_shard();
  double value = 0;
  if (samples > 0) {
    Generator generator({seed_of_shard(draws.seed, s), draws.draws});
    const GeneratorScope scope(generator);
    const Tensor<T> mean = loss(part);
    value = static_cast<double>(mean.item());
    listening = true;
    mean.backward();
    listening = false;
    draws_used = std::max(draws_used, generator.state().draws - draws.draws);
  }
  end_shard();
  return value * static_cast<double>(samples) / static_cast<double>(batch);
}

template <class T>
std::vector<std::uint64_t> DataParallel<T>::State::uses() const {
  std::vector<std::uint64_t> r;
  for (const auto& e : entries) r.push_back(e.used);
  return r;
}

// Which parameters are used by all, some, no shards that have samples.
template <class T>
void DataParallel<T>::State::check_uses() {
  std::vector<std::uint64_t> own_uses = uses();
  std::vector<int> counts;
  const auto all =
      detail::all_gather(communicator.handle(), own_uses.data(), own_uses.size(), counts);
  const std::size_t n = entries.size(), working = std::min(shards, batch);
  used_anywhere.assign(n, false);
  for (std::size_t i = 0; i < n; ++i) {
    std::size_t used = 0;
    for (std::size_t r = 0; r < communicator.size(); ++r) used += all[r * n + i];
    used_anywhere[i] = used > 0;
    if (options.allow_unused || used == 0 || used == working) continue;
    std::string where;
    for (std::size_t r = 0; r < communicator.size(); ++r)
      where += (r > 0 ? ", " : "") + detail::text(all[r * n + i]) + " on rank " + detail::text(r);
    detail::fail<std::runtime_error>(
        "DataParallel", entries[i].parameter.name, " has a gradient in ", used, " of ", working,
        " shards: ", where, "; allow_unused takes it for zero elsewhere");
  }
}

template <class T>
void DataParallel<T>::State::take_gradients(Bucket<T>& bucket) {
  const T* const sum = bucket.sum->wait();
  for (const std::size_t i : bucket.entries) {
    Tensor<T>& t = entries[i].parameter.tensor;
    t.zero_grad();
    if (!used_anywhere[i]) continue;
    Array<T> g(t.value().shape());
    std::copy_n(sum + entries[i].offset, g.size(), g.data());
    t.set_gradient(Tensor<T>(std::move(g)));
  }
}

template <class T>
void DataParallel<T>::State::average_buffers() {
  if (buffer_sum->size() == 0) return;
  buffer_sum->start();
  const double* from = buffer_sum->wait();
  for (const auto& b : buffers) {
    Tensor<T> t = b.tensor;
    T* const to = t.mutable_data();
    for (std::size_t i = 0; i < t.size(); ++i)
      to[i] = static_cast<T>(*from++ / static_cast<double>(batch));
  }
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
  for (auto& b : buckets) b.sum->wait();
  end = Clock::now();
  check_uses();
  average_buffers();
  move_generator();
  for (auto& b : buckets) take_gradients(b);
}

// --- DataParallel ---

template <class T>
DataParallel<T>::DataParallel(const Communicator& communicator, Module<T>& net,
                              DataParallelOptions options)
    : shards_(shards_of(communicator, options.shards)) {
  state_ = std::make_unique<State>(communicator, net, options, shards_);
  state_->take_over_rank_0();
  state_->fill_buckets();
  state_->add_hooks();
}

template <class T>
DataParallel<T>::~DataParallel() {
  state_->remove_hooks();
}

template <class T>
double DataParallel<T>::gradients(std::size_t samples, const ShardLoss& loss) {
  State& s = *state_;
  const std::vector<std::uint64_t> all = s.communicator.all_gather(std::uint64_t{samples});
  std::size_t batch = 0;
  for (const std::uint64_t n : all) batch += n;
  detail::require(batch > 0, "DataParallel", "the batch has no samples");
  s.require_share(all, batch);
  s.begin(batch);
  const std::size_t first = batch * s.own.first / shards_;
  try {
    for (std::size_t i = s.own.first; i < s.own.last; ++i)
      s.losses[i - s.own.first] = s.shard(i, first, loss);
    s.finish();
  } catch (...) {
    s.listening = false;
    s.net.zero_grad();
    s.restore_buffers();
    throw;
  }
  return s.mean_loss();
}

template <class T>
typename DataParallel<T>::Traffic DataParallel<T>::traffic() const {
  return {seconds(state_->end - state_->first_start), seconds(state_->end - state_->backward_end)};
}

template class DataParallel<float>;
template class DataParallel<double>;

}  // namespace xgrad
