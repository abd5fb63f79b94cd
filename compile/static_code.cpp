#include "xgrad/compile/static_code.hpp"

#include <algorithm>
#include <array>
#include <span>

#include "xgrad/kernels/gemm.hpp"
#include "xgrad/kernels/reduce.hpp"
#include "xgrad/ops/scaled_sums.hpp"

namespace xgrad::detail {
template <class T>
void FormulaInstruction<T>::run(StaticFrame<T>& f) const {
  const T* in[kernels::kMaxInputs];
  for (std::size_t i = 0; i < x.size(); ++i) in[i] = f.at[x[i]];
  formula.rule->kernels.forward(functor_of(formula), loop, in, f.at[y]);
}

template <class T>
void FormulaGradient<T>::run(StaticFrame<T>& f) const {
  kernels::BackwardArguments<T> a;
  const std::size_t n = this->x.size();
  a.careful = this->formula.rule->careful;
  a.gy = f.at[gy];
  a.y = saves_y ? f.at[this->y] : nullptr;
  for (std::size_t i = 0; i < n; ++i) {
    a.in[i] = f.at[this->x[i]];
    a.gin[i] = gx[i] == kNoSlot ? nullptr : f.at[gx[i]];
    a.accumulate[i] = (adds >> i & 1U) != 0;
    if (gx[i] == kNoSlot || elements[i] == 0) continue;
    if (!a.accumulate[i]) std::fill_n(a.gin[i], elements[i], T(0));
    a.accumulate[i] = true;
  }
  const auto& kernels = this->formula.rule->kernels;
  kernels.backward[n <= 2 ? wanted : 0](functor_of(this->formula), this->loop, a);
}

template <class T>
void ReadInstruction<T>::run(StaticFrame<T>& f) const {
  kernels::read_lattice(f.at[x], lattice, f.at[y], landing == Landing::add);
}

template <class T>
void WriteInstruction<T>::run(StaticFrame<T>& f) const {
  const bool adds = landing == Landing::add;
  if (fills && !adds) std::fill_n(f.at[y], elements, fill);
  kernels::write_lattice(f.at[x], f.at[y], lattice, adds);
}

template <class T>
void CopyInstruction<T>::run(StaticFrame<T>& f) const {
  const T* const from = f.at[x];
  T* const to = f.at[y];
  const bool adds = landing == Landing::add;
  if (adds && !negated) return kernels::reduce_kernels<T>().axpy(to, from, T(1), elements);
  for (std::size_t i = 0; i < elements; ++i) {
    const T v = negated ? -from[i] : from[i];
    to[i] = adds ? to[i] + v : v;
  }
}

template <class T>
void SumInstruction<T>::run(StaticFrame<T>& f) const {
  scaled_sums<T>(f.at[x], view, scale, f.at[y]);
}

template <class T>
void SpreadInstruction<T>::run(StaticFrame<T>& f) const {
  kernels::spread(static_cast<const T*>(f.at[x]), f.at[y], view.outer, view.n, view.inner,
                  static_cast<T>(scale), landing == Landing::add);
}

template <class T>
void ProductInstruction<T>::run(StaticFrame<T>& f) const {
  std::array<kernels::Product<T>, 2> one;
  std::size_t n = 0;
  for (const One& p : products) {
    const T beta = p.landing == Landing::add ? T(1) : T(0);
    if (p.count != 1) {
      kernels::batched_gemm<T>(p.transpose_a, p.transpose_b, p.m, p.n, p.k, f.at[p.a], p.m * p.k,
                               f.at[p.b], p.k * p.n, beta, f.at[p.c], p.m * p.n, p.count);
      continue;
    }
    one[n++] = {
        p.transpose_a, p.transpose_b, p.m,  p.n,       p.k,
        f.at[p.a],     f.at[p.b],     beta, f.at[p.c], p.row != kNoSlot ? f.at[p.row] : nullptr};
  }
  if (n != 0) kernels::gemm(std::span<const kernels::Product<T>>(one.data(), n));
}

namespace {
template <class T>
T* array_at(const StaticFrame<T>& f, Slot s) {
  return s == kNoSlot ? nullptr : f.at[s];
}
}  // namespace

template <class T>
void ArrayInstruction<T>::run(StaticFrame<T>& f) const {
  ForwardArrays<T> a{{}, f.at[y], array_at(f, kept)};
  for (std::size_t i = 0; i < x.size(); ++i) a.x[i] = f.at[x[i]];
  operation->forward(a);
}

template <class T>
void ArrayGradient<T>::run(StaticFrame<T>& f) const {
  BackwardArrays<T> a{{}, f.at[this->y], f.at[gy], array_at(f, this->kept), {}, adds};
  for (std::size_t i = 0; i < targets.size(); ++i) {
    const Target& t = targets[i];
    a.x[i] = f.at[this->x[i]];
    a.gx[i] = array_at(f, t.apart != kNoSlot ? t.apart : t.gx);
  }
  this->operation->backward(a);
  for (const Target& t : targets) {
    if (t.apart != kNoSlot)
      kernels::reduce_kernels<T>().axpy(f.at[t.gx], f.at[t.apart], T(1), t.elements);
  }
}

template <class T>
std::unique_ptr<StaticFrame<T>> StaticFrames<T>::take() {
  {
    const std::lock_guard lock(mutex_);
    if (!free_.empty()) {
      auto frame = std::move(free_.back());
      free_.pop_back();
      return frame;
    }
  }
  auto frame = std::make_unique<StaticFrame<T>>();
  frame->at.resize(layout_.slots);
  // Behind short arrays they are of no interest, but finite.
  frame->numbers.resize(layout_.numbers + kLine<T>, T(0.5));
  T* first = frame->numbers.data();
  while (reinterpret_cast<std::uintptr_t>(first) % (kLine<T> * sizeof(T)) != 0) ++first;
  for (const auto& [slot, begin] : layout_.begins) frame->at[slot] = first + begin;
  if (layout_.one != kNoSlot) *frame->at[layout_.one] = T(1);
  return frame;
}

template <class T>
void StaticFrames<T>::give_back(std::unique_ptr<StaticFrame<T>> frame) {
  const std::lock_guard lock(mutex_);
  free_.push_back(std::move(frame));
}

#define XGRAD_INSTANTIATE(T)             \
  template struct FormulaInstruction<T>; \
  template struct FormulaGradient<T>;    \
  template struct ReadInstruction<T>;    \
  template struct WriteInstruction<T>;   \
  template struct CopyInstruction<T>;    \
  template struct SumInstruction<T>;     \
  template struct SpreadInstruction<T>;  \
  template struct ProductInstruction<T>; \
  template struct ArrayInstruction<T>;   \
  template struct ArrayGradient<T>;      \
  template class StaticFrames<T>;
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad::detail
