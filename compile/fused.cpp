#include "xgrad/compile/fused.hpp"

#include <algorithm>
#include <utility>

#include "xgrad/autograd/elementwise_loop.hpp"
#include "xgrad/compile/fused_blocks.hpp"
#include "xgrad/compile/fused_code.hpp"
#include "xgrad/kernels/parallel.hpp"
#include "xgrad/kernels/reduce.hpp"
#include "xgrad/kernels/scratch.hpp"

namespace xgrad::detail {
namespace {

template <class T>
using Kind = typename FusedInstruction<T>::Kind;

// --- What an instruction reads ---

// f(value) for each; by reference, so that they can be renumbered.
template <class T, class F>
void for_each_operand(FusedInstruction<T>& i, const F& f) {
  for (std::uint32_t& x : i.x) f(x);
  if (i.kind != Kind<T>::gradient) return;
  f(i.y);
  f(i.gy);
}

// What is not read is replaced by what is there anyway: a gradient's formula looks at its inputs and
// its value only as far as its rule says.
template <class T>
void drop_unread(FusedInstruction<T>& i) {
  if (i.kind != Kind<T>::gradient) return;
  const Saves reads = i.rule->saves(1U << i.wanted);
  for (std::size_t k = 0; k < i.x.size(); ++k) {
    if ((reads.inputs >> k & 1U) == 0) i.x[k] = i.gy;
  }
  if (!reads.output) i.y = i.gy;
}

// --- The end of a program ---

template <class T>
std::vector<bool> find_needed(FusedProgram<T>& p) {
  std::vector<bool> needed(p.values(), false);
  for (const std::uint32_t o : p.outputs) needed[o] = true;
  for (std::size_t j = p.instructions.size(); j-- > 0;) {
    if (needed[p.inputs() + j])
      for_each_operand(p.instructions[j], [&](std::uint32_t v) { needed[v] = true; });
  }
  return needed;
}

template <class T>
void drop_dead(FusedProgram<T>& p) {
  const std::vector<bool> needed = find_needed(p);
  std::vector<std::uint32_t> renamed(p.values());
  for (std::size_t i = 0; i < p.inputs(); ++i) renamed[i] = static_cast<std::uint32_t>(i);
  std::vector<FusedInstruction<T>> kept;
  for (std::size_t j = 0; j < p.instructions.size(); ++j) {
    if (!needed[p.inputs() + j]) continue;
    renamed[p.inputs() + j] = static_cast<std::uint32_t>(p.inputs() + kept.size());
    kept.push_back(std::move(p.instructions[j]));
    for_each_operand(kept.back(), [&](std::uint32_t& v) { v = renamed[v]; });
  }
  p.instructions = std::move(kept);
  for (std::uint32_t& o : p.outputs) o = renamed[o];
}

template <class T>
void assign_blocks(FusedProgram<T>& p) {
  constexpr std::size_t kAlways = ~std::size_t{0};
  std::vector<std::size_t> last(p.values(), 0);
  for (std::size_t j = 0; j < p.instructions.size(); ++j)
    for_each_operand(p.instructions[j], [&](std::uint32_t v) { last[v] = j; });
  for (const std::uint32_t o : p.outputs) last[o] = kAlways;
  std::vector<std::uint32_t> spare;
  p.block.clear();
  for (std::size_t j = 0; j < p.instructions.size(); ++j) {
    if (spare.empty()) spare.push_back(static_cast<std::uint32_t>(p.blocks++));
    p.block.push_back(spare.back());
    spare.pop_back();
    std::vector<std::uint32_t> read;
    for_each_operand(p.instructions[j], [&](std::uint32_t v) { read.push_back(v); });
    std::sort(read.begin(), read.end());
    read.erase(std::unique(read.begin(), read.end()), read.end());
    for (const std::uint32_t v : read) {
      if (v >= p.inputs() && last[v] == j) spare.push_back(p.block[v - p.inputs()]);
    }
  }
}

// --- Walking ---

// row(offset of each input, elements) along the innermost axis, for the elements begin .. end of the
// output.
template <class Row>
void for_each_run(const Loop& loop, std::size_t begin, std::size_t end, const Row& row) {
  const std::size_t inner = loop.rank - 1, n = loop.extent[inner];
  std::size_t index[kernels::kMaxRank], offset[kernels::kMaxInputs];
  for (std::size_t at = begin; at < end;) {
    for (std::size_t axis = loop.rank, rest = at; axis-- > 0; rest /= loop.extent[axis])
      index[axis] = rest % loop.extent[axis];
    for (std::size_t i = 0; i < loop.inputs; ++i) {
      offset[i] = 0;
      for (std::size_t a = 0; a < loop.rank; ++a) offset[i] += index[a] * loop.stride[i][a];
    }
    const std::size_t length = std::min(n - index[inner], end - at);
    row(at, offset, length);
    at += length;
  }
}

// Sums are added up by pieces of so many, as the kernel of `sum` does.
constexpr std::size_t kLeaf = 8192;

template <class T>
void add_up(const T* x, T* y, std::size_t n) {
  constexpr auto kSum = static_cast<std::size_t>(kernels::Reduction::sum);
  kernels::reduce_kernels<T>().reduce[kSum](x, y, 1, n, 1);
}

}  // namespace

template <class T>
Fused<T>::Fused(const Loop& loop) {
  program_.loop = loop;
  for (std::size_t i = 0; i < loop.inputs; ++i)
    program_.strides.push_back(loop.stride[i][loop.rank - 1]);
}
template <class T>
Fused<T>::Fused(std::size_t elements, const std::vector<bool>& repeated) {
  build_loop(program_.loop, elements, 0);
  program_.group = std::min(program_.group, elements);
  for (const bool r : repeated) program_.strides.push_back(r ? 0 : 1);
}
template <class T>
Fused<T>::~Fused() = default;
template <class T>
Fused<T>::Fused(Fused&&) noexcept = default;
template <class T>
Fused<T>& Fused<T>::operator=(Fused&&) noexcept = default;

template <class T>
auto Fused<T>::add(FusedInstruction<T> instruction) -> Value {
  drop_unread(instruction);
  program_.instructions.push_back(std::move(instruction));
  return static_cast<Value>(program_.values() - 1);
}

template <class T>
auto Fused<T>::forward(const ElementwiseRule<T>& rule, const void* functor,
                       std::span<const Value> x) -> Value {
  return add({Kind<T>::forward, &rule, functor, {x.begin(), x.end()}, 0, 0, 0, 0});
}

template <class T>
auto Fused<T>::gradient(const ElementwiseRule<T>& rule, const void* functor,
                        std::span<const Value> x, Value y, Value gy, std::size_t wanted,
                        unsigned needed) -> Value {
  return add({Kind<T>::gradient,
              &rule,
              functor,
              {x.begin(), x.end()},
              y,
              gy,
              static_cast<std::uint32_t>(wanted),
              needed});
}

template <class T>
auto Fused<T>::sum(Value a, Value b) -> Value {
  return add({Kind<T>::sum, nullptr, nullptr, {a, b}, 0, 0, 0, 0});
}

template <class T>
void Fused<T>::output(Value v) {
  program_.outputs.push_back(v);
  program_.summed.push_back(false);
}

template <class T>
void Fused<T>::output_total(Value v) {
  program_.outputs.push_back(v);
  program_.summed.push_back(true);
  ++program_.totals;
}

template <class T>
void Fused<T>::finish(FusedWay way) {
  drop_dead(program_);
  assign_blocks(program_);
  if (way != FusedWay::kernels) code_ = FusedCode<T>::make(program_, way);
}

template <class T>
void Fused<T>::run_piece(std::size_t begin, std::size_t end, const T* const* in,
                         T* const* out) const {
  const std::size_t inputs = program_.inputs(), outputs = program_.outputs.size();
  thread_local std::vector<const T*> at;  // small programs run often
  thread_local std::vector<T*> to;
  at.resize(inputs + outputs);
  to.resize(outputs);
  for_each_run(
      program_.loop, begin, end, [&](std::size_t k, const std::size_t* offset, std::size_t n) {
        for (std::size_t i = 0; i < inputs; ++i) at[i] = in[i] + offset[i];
        for (std::size_t o = 0; o < outputs; ++o) at[inputs + o] = to[o] = out[o] + (k - begin);
        code_ ? code_->run(program_, n, at.data()) : run_blocks(program_, n, at.data(), to.data());
      });
}

// Elements few enough to be added up at once.
template <class T>
void Fused<T>::run_leaf(std::size_t begin, std::size_t end, const T* const* in, T* const* out,
                        T* totals) const {
  const std::size_t n = end - begin;
  kernels::Scratch<T> terms(program_.totals * kLeaf);
  std::vector<T*> to(program_.outputs.size());
  T* next = terms.data();
  for (std::size_t o = 0; o < to.size(); ++o)
    to[o] = program_.summed[o] ? std::exchange(next, next + kLeaf) : out[o] + begin;
  run_piece(begin, end, in, to.data());
  for (std::size_t t = 0; t < program_.totals; ++t) add_up(terms.data() + t * kLeaf, totals + t, n);
}

template <class T>
void Fused<T>::run_totals(std::size_t begin, std::size_t end, const T* const* in, T* const* out,
                          T* totals) const {
  const std::size_t n = end - begin;
  if (n <= kLeaf) return run_leaf(begin, end, in, out, totals);
  const std::size_t middle = begin + (n / 2 + kLeaf - 1) / kLeaf * kLeaf;
  std::vector<T> second(program_.totals);
  run_totals(begin, middle, in, out, totals);
  run_totals(middle, end, in, out, second.data());
  for (std::size_t t = 0; t < second.size(); ++t) totals[t] = totals[t] + second[t];
}

template <class T>
void Fused<T>::run_with_totals(std::size_t n, std::size_t pieces, const T* const* in,
                               T* const* out) const {
  const std::size_t totals = program_.totals;
  std::vector<T> of_pieces(pieces * totals), of_one(pieces);
  kernels::parallel_for(pieces, [&](std::size_t k) {
    const std::size_t begin = n * k / pieces, end = n * (k + 1) / pieces;
    run_totals(begin, end, in, out, of_pieces.data() + k * totals);
  });
  std::size_t t = 0;
  for (std::size_t o = 0; o < program_.outputs.size(); ++o) {
    if (!program_.summed[o]) continue;
    for (std::size_t k = 0; k < pieces; ++k) of_one[k] = of_pieces[k * totals + t];
    add_up(of_one.data(), out[o], pieces);
    ++t;
  }
}

template <class T>
void Fused<T>::run(std::span<const T* const> inputs, std::span<T* const> outputs) const {
  const std::size_t n = program_.loop.elements(), pieces = kernels::pieces_for(n);
  if (n == 0) {
    for (std::size_t o = 0; o < outputs.size(); ++o)
      if (program_.summed[o]) *outputs[o] = T(0);
    return;
  }
  if (program_.totals != 0) return run_with_totals(n, pieces, inputs.data(), outputs.data());
  kernels::parallel_for(pieces, [&](std::size_t k) {
    const std::size_t begin = kernels::piece_begin(n, pieces, k);
    if (begin == 0)
      return run_piece(begin, kernels::piece_begin(n, pieces, k + 1), inputs.data(),
                       outputs.data());
    std::vector<T*> to(outputs.begin(), outputs.end());
    for (T*& o : to) o += begin;
    run_piece(begin, kernels::piece_begin(n, pieces, k + 1), inputs.data(), to.data());
  });
}

template <class T>
void Fused<T>::run_here(const T** arrays) const {
  code_->run(program_, program_.loop.extent[0], arrays);
}

template class Fused<float>;
template class Fused<double>;

}  // namespace xgrad::detail
