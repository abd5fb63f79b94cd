#pragma once

// A step of a recurrent network as a module: RnnCell, GruCell and LstmCell. Names and shapes of
// parameters are PyTorch's. Whole sequences, in layers, are in recurrent.hpp.
//
//   GruCell<float> cell(27, 128);
//   Tensor<float> h = cell(x0);   // from a state of 0
//   h = cell(x1, h);

#include <vector>

#include "xgrad/modules/library_module.hpp"
#include "xgrad/ops/recurrent.hpp"

namespace xgrad {

/// What RnnCell, GruCell and LstmCell have in common.
/// **Shapes** x (n, in), states (n, hidden) -> (n, hidden), all of them also without n. Parameters:
/// weight_ih, weight_hh, bias_ih and bias_hh, see RecurrentWeights, initially uniform in
/// +-1/sqrt(hidden).
template <template <class> class M, class T>
class RecurrentCell : public LibraryModule<M, T> {
 public:
  ModuleOptions options() const override;

 private:
  std::size_t in_, hidden_;

 public:
  Tensor<T>& weight_ih;
  Tensor<T>& weight_hh;
  Tensor<T>& bias_ih;  ///< undefined without bias
  Tensor<T>& bias_hh;

 protected:
  /// Throws std::invalid_argument for a size of 0.
  RecurrentCell(const char* name, std::size_t in, std::size_t hidden, bool bias, std::size_t parts);
  /// f(x, states) of two axes; states that are undefined are 0. What f gives has the axes of x.
  template <class F>
  std::vector<Tensor<T>> step_of(const Tensor<T>& x, std::vector<Tensor<T>> states,
                                 const F& f) const;
};

struct RnnCellOptions {
  bool bias = true;                                ///< bias_ih and bias_hh
  Nonlinearity nonlinearity = Nonlinearity::tanh;  ///< after the sum
};

/// rnn_cell with its parameters; the next state of a state, which is 0 where only x is given.
template <class T>
class RnnCell : public RecurrentCell<RnnCell, T> {
 public:
  RnnCell(std::size_t in, std::size_t hidden, RnnCellOptions options = {});

  Tensor<T> forward(const Tensor<T>& x) override { return step(x, {}); }
  using Module<T>::operator();
  /// The next state. Throws std::invalid_argument for shapes that do not fit.
  Tensor<T> operator()(const Tensor<T>& x, const Tensor<T>& h);

  ModuleOptions options() const override;
  static std::unique_ptr<Module<T>> from(const ModuleOptions& options);

 private:
  Tensor<T> step(const Tensor<T>& x, const Tensor<T>& h) const;
  Nonlinearity nonlinearity_;
};

struct RecurrentCellOptions {
  bool bias = true;  ///< bias_ih and bias_hh
};

/// gru_cell with its parameters; likewise.
template <class T>
class GruCell : public RecurrentCell<GruCell, T> {
 public:
  GruCell(std::size_t in, std::size_t hidden, RecurrentCellOptions options = {});

  Tensor<T> forward(const Tensor<T>& x) override { return step(x, {}); }
  using Module<T>::operator();
  /// The next state. Throws std::invalid_argument for shapes that do not fit.
  Tensor<T> operator()(const Tensor<T>& x, const Tensor<T>& h);

  static std::unique_ptr<Module<T>> from(const ModuleOptions& options);

 private:
  Tensor<T> step(const Tensor<T>& x, const Tensor<T>& h) const;
};

/// lstm_cell with its parameters; with x alone h from a state of 0.
template <class T>
class LstmCell : public RecurrentCell<LstmCell, T> {
 public:
  LstmCell(std::size_t in, std::size_t hidden, RecurrentCellOptions options = {});

  Tensor<T> forward(const Tensor<T>& x) override { return step(x, {}).h; }
  using Module<T>::operator();
  /// The next state. Throws std::invalid_argument for shapes that do not fit.
  LstmState<T> operator()(const Tensor<T>& x, const LstmState<T>& state);

  static std::unique_ptr<Module<T>> from(const ModuleOptions& options);

 private:
  LstmState<T> step(const Tensor<T>& x, const LstmState<T>& state) const;
};

#define XGRAD_EXTERN(T)                             \
  extern template class RecurrentCell<RnnCell, T>;  \
  extern template class RecurrentCell<GruCell, T>;  \
  extern template class RecurrentCell<LstmCell, T>; \
  extern template class RnnCell<T>;                 \
  extern template class GruCell<T>;                 \
  extern template class LstmCell<T>;
XGRAD_EXTERN(float)
XGRAD_EXTERN(double)
#undef XGRAD_EXTERN

}  // namespace xgrad
