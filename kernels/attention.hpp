#pragma once

// softmax(scale q k^T + bias) v by blocks of queries and keys, so that the weights are never in
// memory as a whole: a running maximum and sum for each query, corrected when a later block has a
// larger score. The backward pass computes the weights of a block again from the two. Rabe, Staats
// 2021; Dao, Fu, Ermon, Rudra, Re 2022.
//
// Arrays, all contiguous: q (groups, queries, width), k (groups, keys, width), v (groups, keys,
// value_width), y (groups, queries, value_width).

#include <cstddef>

#include "xgrad/kernels/isa.hpp"
#include "xgrad/kernels/random.hpp"

namespace xgrad::kernels {

/// A number for each pair of a query and a key, repeated where a step is 0; null: none.
template <class T>
struct PairNumbers {
  const T* data = nullptr;
  const std::size_t* group = nullptr;  ///< where the numbers of each group begin
  std::size_t query = 0, key = 0;      ///< from one to the next
};

struct AttentionSizes {
  std::size_t groups, queries, keys, width, value_width;
};

template <class T>
struct Attention {
  AttentionSizes sizes;
  T scale;
  bool causal = false;  ///< query i sees the keys up to i + offset
  /// All operands are. What is not finite spoils y through weights of 0 as well, as in any product:
  /// blocks without a pair that is seen are left out only where all is finite.
  bool finite = true;
  std::ptrdiff_t offset = 0;
  PairNumbers<T> mask = {};    ///< pairs with 0 are left out
  PairNumbers<T> bias = {};    ///< added to the scores
  double dropout = 0;          ///< the probability with which a weight becomes 0
  Generator::State draw = {};  ///< which ones do
};

/// Whether all numbers are finite.
template <class T>
bool is_finite(const T* x, std::size_t n);

/// y, and of each query the largest score and 1 / sum exp(score - largest), (groups, queries). A
/// query that sees no key, or only such with a score of -inf, has y = 0.
template <class T>
void attend(const Attention<T>& a, const T* q, const T* k, const T* v, T* y, T* largest,
            T* over_sum);

/// A gradient: null where it is not wanted; added to what is there if `add`.
template <class T>
struct GradientTo {
  T* data;
  bool add;
};

template <class T>
struct AttentionTensors {
  const T *q, *k, *v, *y, *largest, *over_sum, *gy;
};

template <class T>
void attend_backward(const Attention<T>& a, const AttentionTensors<T>& t, GradientTo<T> gq,
                     GradientTo<T> gk, GradientTo<T> gv);

/// What dropout multiplies the weights of the groups from `group` on by: (groups, queries, keys).
template <class T>
void attention_dropout(const AttentionSizes& sizes, double dropout, Generator::State draw,
                       std::size_t group, T* factors);

// Kernels of the blocks.

/// A matrix in panels of `columns` columns, filled up with zeros: row r of panel p begins at
/// p stride + r columns.
template <class T>
struct Panels {
  const T* data;
  std::size_t stride;
};

/// A matrix whose number at row i and column l is data[i row + l column].
template <class T>
struct Operand {
  const T* data;
  std::size_t row, column;
};

/// Rows of `count` numbers, `pitch` apart.
template <class T>
struct BlockRows {
  T* data;
  std::size_t rows, count, pitch;
};

/// The sum of weights times numbers as rest + weights reference: the number of the largest weight is
/// taken off, so that the others count where that weight is nearly 1.
template <class T>
struct SumBesideLargest {
  T reference = 0, rest = 0, weights = 0, largest = 0;
};

template <class T>
struct AttentionKernels {
  std::size_t columns;  ///< of a panel

  /// factor times a contiguous matrix (rows, width) in panels, or its transpose.
  void (*pack)(const T* from, std::size_t rows, std::size_t width, T factor, T* to,
               std::size_t stride);
  void (*pack_transposed)(const T* from, std::size_t rows, std::size_t width, T* to,
                          std::size_t stride);
  /// c (m, n) = a b, or added to c, k being what is summed over; c has room for rows that fill the
  /// last register.
  void (*multiply)(std::size_t m, std::size_t n, std::size_t k, Operand<T> a, Panels<T> b, T* c,
                   std::size_t pitch, bool add);
  /// Scores become exp(score - largest); the largest and the sum of each row, and what y has of
  /// earlier blocks, are brought up to date.
  void (*soften)(BlockRows<T> s, T* largest, T* sum, BlockRows<T> y);
  /// Scores become exp(score - largest) over_sum.
  void (*weigh)(BlockRows<T> s, const T* largest, const T* over_sum);
  /// g, of weights p, becomes that of the scores: p ((g - reference) - inner), 0 where p is; one
  /// reference and one inner for each row.
  void (*backward)(BlockRows<T> p, T* g, const T* reference, const T* inner);
  /// n more weights and numbers of a row.
  void (*add)(const T* weights, const T* numbers, std::size_t n, SumBesideLargest<T>& sum);
  /// inner = sum of a b along rows.
  void (*inner)(const T* a, const T* b, std::size_t rows, std::size_t width, T* inner);
};

template <Isa I, class T>
AttentionKernels<T> make_attention_kernels();

}  // namespace xgrad::kernels
