#pragma once

// Gradients of leaves that a backward pass leaves as products of two matrices, for who computes them in pieces and uses
// up one after the other. Internal: Optimizer::minimize.

#include <algorithm>
#include <cstddef>
#include <exception>
#include <memory>
#include <utility>
#include <vector>

#include "xgrad/autograd/tensor.hpp"

namespace xgrad::detail {

/// How much of one is computed at a time, about: it leaves room for weights and state in the second cache.
inline constexpr std::size_t kPanelBytes = std::size_t{1} << 17;

/// The gradient of `leaf`, shape (m, n), is a^T b: a (k, m), b (k, n).
template <class T>
struct LaterProduct {
  Tensor<T> leaf, a, b;
};

/// Those of one pass. Owned by a shared_ptr, for programs that run the pass again.
template <class T>
class LaterProducts : public std::enable_shared_from_this<LaterProducts<T>> {
 public:
  /// From here on only these leaves' gradients may be left.
  void begin(std::vector<const Node<T>*> leaves) {
    clear();
    std::sort(leaves.begin(), leaves.end());
    leaves_ = std::move(leaves);
  }
  void clear() { products_.clear(); }

  /// False: compute it. Each leaf's first one is taken.
  bool take(Node<T>* leaf, const Tensor<T>& a, const Tensor<T>& b) {
    if (!std::binary_search(leaves_.begin(), leaves_.end(), leaf) || find(leaf) != nullptr)
      return false;
    products_.push_back({Tensor<T>(leaf), a, b});
    return true;
  }
  const LaterProduct<T>* find(const Node<T>* leaf) const {
    const auto it =
        std::find_if(products_.begin(), products_.end(),
                     [leaf](const LaterProduct<T>& p) { return p.leaf.node() == leaf; });
    return it == products_.end() ? nullptr : &*it;
  }
  /// It was computed after all.
  void forget(const Node<T>* leaf) {
    std::erase_if(products_, [leaf](const auto& p) { return p.leaf.node() == leaf; });
  }

 private:
  std::vector<const Node<T>*> leaves_;
  std::vector<LaterProduct<T>> products_;
};

/// Of the next call of backward() in this thread.
template <class T>
inline constinit thread_local LaterProducts<T>* later_products = nullptr;

/// While it lives; a pass that throws leaves none behind.
template <class T>
class LaterScope {
 public:
  explicit LaterScope(LaterProducts<T>* products)
      : products_(products), before_(std::exchange(later_products<T>, products)) {
    if (products_ != nullptr) products_->clear();
  }
  ~LaterScope() {
    later_products<T> = before_;
    if (products_ != nullptr && std::uncaught_exceptions() > exceptions_) products_->clear();
  }
  LaterScope(const LaterScope&) = delete;
  LaterScope& operator=(const LaterScope&) = delete;

 private:
  LaterProducts<T>*products_, *before_;
  int exceptions_ = std::uncaught_exceptions();
};

}  // namespace xgrad::detail
