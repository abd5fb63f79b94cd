#include "xgrad/kernels/pool.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <new>
#include <vector>

#include "xgrad/kernels/peak_memory.hpp"

namespace xgrad {
namespace {

constexpr std::size_t kAlignment = 64;
constexpr std::size_t kHugePage = std::size_t{1} << 21;
constexpr std::size_t kSmall = std::size_t{64} << 10;      // largest block of a thread's own cache
constexpr std::size_t kThreadCap = std::size_t{64} << 20;  // bytes a thread keeps for itself
constexpr std::size_t kObject = 504;                       // largest block of an object's class
constexpr std::size_t kObjectClasses = 32;
constexpr std::size_t kClasses = kObjectClasses + 192;

// Class c holds blocks of class_bytes(c). First those of objects, 8, 24, 40, ...: what fits between
// the system's own notes on its blocks.
constexpr std::size_t class_of_object(std::size_t bytes) { return (bytes + 7) / 16; }

// Then those of arrays, 64, 80, 96, 112, 128, 160, ...: four steps per doubling. Blocks stay 64-byte
// aligned because the system is asked for each with that alignment.
constexpr std::size_t class_of(std::size_t bytes) {
  if (bytes <= kAlignment) return kObjectClasses;
  const std::size_t high =
      static_cast<std::size_t>(std::bit_width(bytes - 1)) - 1;  // 2^high < bytes
  const std::size_t step = std::size_t{1} << (high - 2);
  return kObjectClasses + (high - 6) * 4 + (bytes - (std::size_t{1} << high) + step - 1) / step;
}

constexpr std::size_t class_bytes(std::size_t c) {
  if (c < kObjectClasses) return 16 * c + 8;
  c -= kObjectClasses;
  const std::size_t base = std::size_t{64} << (c / 4);
  return base + (c % 4) * (base / 4);
}

constexpr std::size_t kOwnClasses = class_of(kSmall) + 1;  // those of a thread's own cache
static_assert(class_bytes(kOwnClasses - 1) == kSmall);

bool pooling_by_default() {
#if defined(__SANITIZE_ADDRESS__)
  return false;
#else
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
  return false;
#endif
#endif
  const char* setting = std::getenv("XGRAD_POOL");
  return setting == nullptr || std::strcmp(setting, "off") != 0;
#endif
}

struct Block {
  Block* next;
};

struct Lists {
  std::array<Block*, kClasses> head{};

  void push(std::size_t c, void* p) { head[c] = ::new (p) Block{head[c]}; }
  void* pop(std::size_t c) {
    Block* b = head[c];
    if (b != nullptr) head[c] = b->next;
    return b;
  }
};

void* from_system(std::size_t c) {
  const std::size_t bytes = class_bytes(c);
  if (c < kObjectClasses) {
    if (void* p = std::malloc(bytes)) return p;
    throw std::bad_alloc();
  }
  const bool huge = bytes >= kHugePage;
  const std::size_t align = huge ? kHugePage : kAlignment;
  void* p = std::aligned_alloc(align, (bytes + align - 1) / align * align);
  if (p == nullptr) throw std::bad_alloc();
#ifdef MADV_HUGEPAGE
  if (huge) madvise(p, bytes, MADV_HUGEPAGE);
#endif
  return p;
}

// Counters of one thread; written by their owner only, read by pool_statistics(). A block that moves
// between its cache and the outside changes `cached` alone.
struct Counters {
  std::atomic<std::int64_t> in_use_or_cached{0}, cached{0};
  std::atomic<std::uint64_t> requests{0}, system{0};

  template <class A, class V>
  static void add(A& counter, V amount) {
    counter.store(counter.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
  }
};

struct ThreadCache;

std::atomic<bool> pooling{false};  // until Shared is there

// Never destroyed: arrays may be freed by destructors that run after every other static's.
struct Shared {
  std::mutex mutex;
  Lists lists;                     // guarded by mutex
  std::size_t cached = 0;          // guarded by mutex
  ThreadCache* threads = nullptr;  // guarded by mutex
  std::int64_t gone_in_use = 0;    // of threads that ended, guarded by mutex
  std::uint64_t gone_requests = 0, gone_system = 0;
  std::vector<PeakMemory*> peaks;             // guarded by mutex
  bool wants_pooling = pooling_by_default();  // likewise
  std::atomic<bool> counts_peaks{false};
  std::atomic<std::size_t> cap{std::size_t{2} << 30};

  Shared() { choose_pooling(); }
  // With the mutex held, or before anybody else knows it.
  void choose_pooling() {
    counts_peaks.store(!peaks.empty(), std::memory_order_relaxed);
    pooling.store(wants_pooling && peaks.empty(), std::memory_order_relaxed);
  }
};

Shared& shared() {
  static Shared* const s = new Shared;
  return *s;
}

// With the mutex held: into the shared lists as far as the cap allows.
void keep_or_free(Shared& s, std::size_t c, void* p) {
  if (s.cached + class_bytes(c) > s.cap.load(std::memory_order_relaxed)) return std::free(p);
  s.lists.push(c, p);
  s.cached += class_bytes(c);
}

struct ThreadCache {
  Lists lists;
  Counters count;
  ThreadCache* next = nullptr;

  ThreadCache() {
    Shared& s = shared();
    const std::lock_guard lock(s.mutex);
    next = s.threads;
    s.threads = this;
  }
  ~ThreadCache();
};

// Trivially destructible, so it can still be asked while the thread's other objects are destroyed.
thread_local ThreadCache* cache = nullptr;
thread_local bool cache_gone = false;

ThreadCache::~ThreadCache() {
  cache = nullptr;
  cache_gone = true;
  Shared& s = shared();
  const std::lock_guard lock(s.mutex);
  for (std::size_t c = 0; c < kClasses; ++c) {
    while (void* p = lists.pop(c)) keep_or_free(s, c, p);
  }
  s.gone_in_use += count.in_use_or_cached.load(std::memory_order_relaxed) -
                   count.cached.load(std::memory_order_relaxed);
  s.gone_requests += count.requests.load(std::memory_order_relaxed);
  s.gone_system += count.system.load(std::memory_order_relaxed);
  for (ThreadCache** p = &s.threads; *p != nullptr; p = &(*p)->next) {
    if (*p == this) {
      *p = next;
      break;
    }
  }
}

ThreadCache* make_cache() {
  if (cache_gone) return nullptr;
  thread_local ThreadCache own;
  cache = &own;
  return cache;
}

// The switch as it is once Shared is there.
bool shared_pooling() {
  shared();
  return pooling.load(std::memory_order_relaxed);
}

ThreadCache* my_cache() { return cache != nullptr ? cache : make_cache(); }

void* take_shared(std::size_t c) {
  Shared& s = shared();
  const std::lock_guard lock(s.mutex);
  void* p = s.lists.pop(c);
  if (p != nullptr) s.cached -= class_bytes(c);
  return p;
}

void give_shared(std::size_t c, void* p) {
  Shared& s = shared();
  const std::lock_guard lock(s.mutex);
  keep_or_free(s, c, p);
}

void count_taken(ThreadCache* mine, std::size_t bytes, bool fresh) {
  if (mine != nullptr) {
    Counters::add(mine->count.requests, 1U);
    Counters::add(mine->count.in_use_or_cached, static_cast<std::int64_t>(bytes));
    if (fresh) Counters::add(mine->count.system, 1U);
    return;
  }
  Shared& s = shared();
  const std::lock_guard lock(s.mutex);
  ++s.gone_requests;
  s.gone_in_use += static_cast<std::int64_t>(bytes);
  s.gone_system += fresh ? 1 : 0;
}

void count_given(ThreadCache* mine, std::size_t bytes) {
  if (mine != nullptr)
    return Counters::add(mine->count.in_use_or_cached, -static_cast<std::int64_t>(bytes));
  Shared& s = shared();
  const std::lock_guard lock(s.mutex);
  s.gone_in_use -= static_cast<std::int64_t>(bytes);
}

}  // namespace

struct PeakCounters {
  static void add(std::int64_t bytes) {
    Shared& s = shared();
    if (!s.counts_peaks.load(std::memory_order_relaxed)) return;
    const std::lock_guard lock(s.mutex);
    for (PeakMemory* p : s.peaks) {
      p->now_ += bytes;
      p->most_ = std::max(p->most_, p->now_);
    }
  }
};

namespace {

// The block is not in this thread's cache.
[[gnu::noinline]] void* fetch_block(std::size_t c, std::size_t bytes) {
  if (c >= kClasses) throw std::bad_alloc();
  ThreadCache* mine = my_cache();
  void* p = shared_pooling() ? take_shared(c) : nullptr;
  const bool fresh = p == nullptr;
  if (fresh) p = from_system(c);
  count_taken(mine, class_bytes(c), fresh);
  PeakCounters::add(static_cast<std::int64_t>(bytes));
  return p;
}

[[gnu::noinline]] void send_block(std::size_t c, void* block, std::size_t bytes) noexcept {
  if (block == nullptr) return;
  PeakCounters::add(-static_cast<std::int64_t>(bytes));
  count_given(my_cache(), class_bytes(c));
  shared_pooling() ? give_shared(c, block) : std::free(block);
}

[[gnu::always_inline]] inline void* allocate(std::size_t c, std::size_t bytes) {
  ThreadCache* mine = cache;
  if (mine == nullptr || c >= kOwnClasses || !pooling.load(std::memory_order_relaxed))
    return fetch_block(c, bytes);
  void* p = mine->lists.pop(c);
  if (p == nullptr) return fetch_block(c, bytes);
  Counters::add(mine->count.requests, 1U);
  Counters::add(mine->count.cached, -static_cast<std::int64_t>(class_bytes(c)));
  return p;
}

[[gnu::always_inline]] inline void give_back(std::size_t c, void* block,
                                             std::size_t bytes) noexcept {
  ThreadCache* mine = cache;
  if (mine == nullptr || block == nullptr || c >= kOwnClasses ||
      !pooling.load(std::memory_order_relaxed) ||
      mine->count.cached.load(std::memory_order_relaxed) >= static_cast<std::int64_t>(kThreadCap))
    return send_block(c, block, bytes);
  mine->lists.push(c, block);
  Counters::add(mine->count.cached, static_cast<std::int64_t>(class_bytes(c)));
}

std::size_t object_or_array(std::size_t bytes) {
  return bytes <= kObject ? class_of_object(bytes) : class_of(bytes);
}

}  // namespace

namespace detail {

void* pool_allocate(std::size_t bytes) { return allocate(class_of(bytes), bytes); }
void pool_free(void* block, std::size_t bytes) noexcept {
  give_back(class_of(bytes), block, bytes);
}

void* object_allocate(std::size_t bytes) { return allocate(object_or_array(bytes), bytes); }
void object_free(void* block, std::size_t bytes) noexcept {
  give_back(object_or_array(bytes), block, bytes);
}

}  // namespace detail

PoolStatistics pool_statistics() {
  Shared& s = shared();
  const std::lock_guard lock(s.mutex);
  std::int64_t in_use = s.gone_in_use;
  PoolStatistics r{0, s.cached, s.gone_requests, s.gone_system};
  for (const ThreadCache* t = s.threads; t != nullptr; t = t->next) {
    const std::int64_t cached = t->count.cached.load(std::memory_order_relaxed);
    in_use += t->count.in_use_or_cached.load(std::memory_order_relaxed) - cached;
    r.cached += static_cast<std::size_t>(cached);
    r.requests += t->count.requests.load(std::memory_order_relaxed);
    r.system_allocations += t->count.system.load(std::memory_order_relaxed);
  }
  r.in_use = static_cast<std::size_t>(in_use);
  return r;
}

void set_pool_cap(std::size_t bytes) { shared().cap.store(bytes, std::memory_order_relaxed); }

void trim_pool() {
  Shared& s = shared();
  const std::lock_guard lock(s.mutex);
  for (std::size_t c = 0; c < kClasses; ++c) {
    while (void* p = s.lists.pop(c)) std::free(p);
  }
  s.cached = 0;
}

void set_pooling(bool on) {
  Shared& s = shared();
  const std::lock_guard lock(s.mutex);
  s.wants_pooling = on;
  s.choose_pooling();
}

PeakMemory::PeakMemory() {
  Shared& s = shared();
  const std::lock_guard lock(s.mutex);
  s.peaks.push_back(this);
  s.choose_pooling();
}

PeakMemory::~PeakMemory() {
  Shared& s = shared();
  const std::lock_guard lock(s.mutex);
  std::erase(s.peaks, this);
  s.choose_pooling();
}

std::size_t PeakMemory::bytes() const {
  const std::lock_guard lock(shared().mutex);
  return static_cast<std::size_t>(most_);
}

}  // namespace xgrad
