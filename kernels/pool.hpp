#pragma once

// The memory under every array: 64-byte aligned, uninitialised, recycled.
//
// Freed blocks are kept in size classes (at most 25 % larger than asked) and handed out again, so
// that a training step in steady state takes no memory from the system. Small blocks come from a
// cache of the calling thread, large ones from a shared one. Blocks from 2 MiB on are backed by
// huge pages where the system offers them.

#include <cstddef>
#include <cstdint>

namespace xgrad {

/// What the pool holds at the moment, in bytes unless said otherwise.
struct PoolStatistics {
  std::size_t in_use = 0;                ///< handed out and not yet given back
  std::size_t cached = 0;                ///< kept for the next request
  std::uint64_t requests = 0;            ///< blocks asked for since the start (count)
  std::uint64_t system_allocations = 0;  ///< times the system was asked for memory (count)
};

/// The sum over all threads. Exact when no other thread is allocating.
PoolStatistics pool_statistics();

/// Upper bound of what is kept for reuse, in bytes; default 2 GiB. A lower cap takes effect at the
/// next block that is given back; `trim_pool()` applies it at once.
void set_pool_cap(std::size_t bytes);

/// Gives every large cached block back to the system.
void trim_pool();

/// `false` sends each request to the system, so that sanitizers and valgrind see every block. The
/// default is true, and false in a build with AddressSanitizer or when the environment variable
/// XGRAD_POOL is `off`. It can be changed at any time: a block remembers nothing, blocks of either
/// kind may be freed in either mode.
void set_pooling(bool on);

namespace detail {

/// Memory for `bytes` bytes, 64-byte aligned. Throws std::bad_alloc. Zero bytes give a valid block.
void* pool_allocate(std::size_t bytes);

/// Gives back a block; `bytes` is what was asked for.
void pool_free(void* block, std::size_t bytes) noexcept;

/// The same for objects and for arrays of a few numbers, 16-byte aligned: what is small takes no
/// more memory than it needs.
void* object_allocate(std::size_t bytes);
void object_free(void* block, std::size_t bytes) noexcept;

}  // namespace detail
}  // namespace xgrad
