#pragma once

// Random numbers from the counter-based generator Philox4x32-10 (Salmon, Moraes, Dror, Shaw,
// "Parallel random numbers: as easy as 1, 2, 3", SC11), by Random123.
//
// Number i of draw d of a generator is a function of (seed, d, i) only, so results depend
// neither on the number of threads nor on the order of evaluation, and a generator's whole state
// is two numbers.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace xgrad {
namespace detail {
class DrawsScope;
}

/// A source of random numbers: a seed, and how often it was drawn from.
class Generator {
 public:
  /// All there is of it.
  struct State {
    std::uint64_t seed = 0;
    std::uint64_t draws = 0;  ///< how many arrays were drawn so far
    bool operator==(const State&) const = default;
  };

  /// From a seed, or going on from a state.
  explicit Generator(std::uint64_t seed = 0) : seed_(seed) {}
  explicit Generator(State state) : seed_(state.seed), draws_(state.draws) {}

  /// Starts anew.
  void seed(std::uint64_t seed) { set_state({seed, 0}); }
  State state() const { return {seed_.load(), draws_.load()}; }
  void set_state(State state) {
    seed_.store(state.seed);
    draws_.store(state.draws);
  }
  /// The state of the next draw; moves on to the one after. Safe to call from several threads.
  State next();

 private:
  friend class detail::DrawsScope;
  State draw() { return {seed_.load(), draws_.fetch_add(1)}; }

  std::atomic<std::uint64_t> seed_;
  std::atomic<std::uint64_t> draws_{0};
};

namespace detail {

/// What a function draws: written down when it is called first, given out again when it is repeated.
struct NotedDraws {
  std::vector<Generator::State> states;
  std::size_t given = 0;
};

/// While it lives, this thread's draws from any generator are written down, or, when `repeat`, are
/// those of `draws` again and no generator moves on.
class DrawsScope {
 public:
  DrawsScope(NotedDraws& draws, bool repeat) : draws_(draws), outer_(innermost), repeat_(repeat) {
    innermost = this;
  }
  ~DrawsScope() { innermost = outer_; }
  DrawsScope(const DrawsScope&) = delete;
  DrawsScope& operator=(const DrawsScope&) = delete;

 private:
  friend class xgrad::Generator;
  static Generator::State next(DrawsScope* scope, Generator& generator);
  static thread_local DrawsScope* innermost;

  NotedDraws& draws_;
  DrawsScope* outer_;
  bool repeat_;
};

}  // namespace detail

/// The generator used where none is given; shared by all threads, seed 0 at the start. Threads
/// that draw at the same time should each have a generator of their own to get the same numbers
/// every time.
Generator& default_generator();

/// Seeds the default generator.
void manual_seed(std::uint64_t seed);

/// Another generator is this thread's default generator for the lifetime of the object.
class GeneratorScope {
 public:
  explicit GeneratorScope(Generator& generator);
  ~GeneratorScope();
  GeneratorScope(const GeneratorScope&) = delete;
  GeneratorScope& operator=(const GeneratorScope&) = delete;

 private:
  Generator* before_;
};

namespace kernels {

/// x[i] uniform in [low, high): 24 random bits in float, 53 in double.
template <class T>
void fill_uniform(T* x, std::size_t n, T low, T high, Generator::State draw);

/// x[i] normal (Box and Muller 1958).
template <class T>
void fill_normal(T* x, std::size_t n, T mean, T deviation, Generator::State draw);

/// x[i] = `value` with the given probability (to 2^-32), else 0. The choice is the same in float
/// and double.
template <class T>
void fill_bernoulli(T* x, std::size_t n, double probability, T value, Generator::State draw);

/// The same from number `first` of the draw on, a multiple of 64, by the calling thread.
template <class T>
void fill_bernoulli_from(T* x, std::size_t n, double probability, T value, Generator::State draw,
                         std::size_t first);

/// x[i] uniform in {low, ..., high - 1}; low < high.
void fill_integers(std::int64_t* x, std::size_t n, std::int64_t low, std::int64_t high,
                   Generator::State draw);

/// x becomes a random order of 0 ... n - 1 (Fisher and Yates).
void fill_permutation(std::int64_t* x, std::size_t n, Generator::State draw);

}  // namespace kernels
}  // namespace xgrad
