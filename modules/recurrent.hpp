#pragma once

// Recurrent networks: Rnn, Gru and Lstm in layers, one way or both. Names and shapes of parameters
// are PyTorch's, whose state dictionaries load. A single step is in recurrent_cells.hpp.
//
//   Gru<float> gru(27, 128, {.num_layers = 2});
//   Tensor<float> y = gru(x);                                // (steps, n, 128), from states of 0
//   const auto [h, last] = gru(x, {.lengths = {9, 12, 4}});  // padding takes no part
//   const auto more = gru(next, {.state = last});            // goes on
//
// The operations are in xgrad/ops/recurrent.hpp. Projections (PyTorch's proj_size) are not there.

#include <string>
#include <vector>

#include "xgrad/modules/library_module.hpp"
#include "xgrad/ops/recurrent.hpp"

namespace xgrad {

struct RecurrentOptions {
  std::size_t num_layers = 1;
  bool bias = true;            ///< both of them
  bool batch_first = false;    ///< sequences are (n, steps, in), states (layers, n, hidden) anyhow
  double dropout = 0;          ///< of what a layer hands to the next one, in training
  bool bidirectional = false;  ///< also from the end to the beginning; outputs side by side
  std::size_t proj_size = 0;   ///< refused unless 0
};

/// Where a sequence starts, and how much of it there is.
template <class T>
struct RecurrentInput {
  Tensor<T> state = {};                   ///< (layers, n, hidden); undefined: 0
  std::vector<std::size_t> lengths = {};  ///< as in SequenceOptions; empty: all steps
};
/// The same for Lstm, whose state is two tensors.
template <class T>
struct LstmInput {
  LstmState<T> state = {};  ///< of such shapes; undefined: 0
  std::vector<std::size_t> lengths = {};
};

/// The parameters of one direction of a layer. With parts = 1 (Rnn), 3 (Gru: r, z, n) or 4 (Lstm: i, f,
/// g, o): weight_ih (parts hidden, in), weight_hh (parts hidden, hidden), biases (parts hidden).
template <class T>
struct RecurrentWeights {
  Tensor<T>& weight_ih;
  Tensor<T>& weight_hh;
  Tensor<T>& bias_ih;  ///< undefined without bias
  Tensor<T>& bias_hh;  ///< likewise
};

/// What Rnn, Gru and Lstm have in common.
/// **Shapes** x (steps, n, in), (n, steps, in) if batch_first, or (steps, in) for one sequence alone ->
/// (.., hidden), or twice as many for two directions. States, first and last: (layers, n, hidden), both
/// directions of a layer one after the other, without n for one sequence alone.
/// Parameters of layer k: weight_ih_l<k>, weight_hh_l<k>, bias_ih_l<k>, bias_hh_l<k>, and with _reverse
/// behind the name those of the other direction; see RecurrentWeights. All are initially uniform in
/// +-1/sqrt(hidden).
template <template <class> class M, class T>
class RecurrentLayers : public LibraryModule<M, T> {
 public:
  /// The outputs of the last layer, from states of 0.
  /// Throws std::invalid_argument for shapes that do not fit, for no steps, and for lengths that are
  /// not in [1, steps].
  Tensor<T> forward(const Tensor<T>& x) override;
  using Module<T>::operator();

  /// Those of a layer, or of its other direction. Throws std::out_of_range.
  RecurrentWeights<T>& weights(std::size_t layer, bool reverse = false);
  std::size_t hidden() const { return hidden_; }

  ModuleOptions options() const override;

 protected:
  // What goes through the steps: h, and c of an Lstm.
  using States = std::vector<Tensor<T>>;
  struct Outputs {
    Tensor<T> h;
    States last;
  };

  /// Throws std::invalid_argument for sizes of 0, a dropout outside [0, 1], and for projections.
  RecurrentLayers(const char* name, std::size_t in, std::size_t hidden, RecurrentOptions options,
                  std::size_t parts, std::size_t states);
  Outputs run(const Tensor<T>& x, States first, const std::vector<std::size_t>& lengths);

 private:
  virtual Outputs one(const Tensor<T>& x, const States& first, const RecurrentWeights<T>& w,
                      const SequenceOptions& options) const = 0;
  std::size_t directions() const { return options_.bidirectional ? 2 : 1; }
  void add_weights(const std::string& suffix, std::size_t in);
  Outputs alone(const Tensor<T>& x, States first, const std::vector<std::size_t>& lengths);
  void check(const Tensor<T>& x, States& first) const;
  Outputs layer(std::size_t k, const Tensor<T>& x, const States& first,
                const std::vector<std::size_t>& lengths);

  std::size_t in_, hidden_, parts_, states_;
  RecurrentOptions options_;
  std::vector<RecurrentWeights<T>> weights_;
};

struct RnnOptions {
  std::size_t num_layers = 1;
  Nonlinearity nonlinearity = Nonlinearity::tanh;  ///< after each sum
  bool bias = true;                                ///< bias_ih and bias_hh
  bool batch_first = false;                        ///< x (n, steps, in)
  double dropout = 0;                              ///< of the outputs of each layer but the last
  bool bidirectional = false;                      ///< a second pass from the end
  std::size_t proj_size = 0;
};

/// A recurrent network without gates, see rnn_cell. Parameters and shapes as of RecurrentLayers.
template <class T>
class Rnn : public RecurrentLayers<Rnn, T> {
 public:
  /// Throws std::invalid_argument for sizes of 0, a dropout outside [0, 1], and for projections.
  Rnn(std::size_t in, std::size_t hidden, RnnOptions options = {});

  using Rnn::RecurrentLayers::operator();
  /// From a state, of sequences of any lengths. Throws as forward.
  RecurrentOutput<T> operator()(const Tensor<T>& x, const RecurrentInput<T>& from);

  ModuleOptions options() const override;
  static std::unique_ptr<Module<T>> from(const ModuleOptions& options);

 private:
  using Base = RecurrentLayers<xgrad::Rnn, T>;
  typename Base::Outputs one(const Tensor<T>& x, const typename Base::States& first,
                             const RecurrentWeights<T>& w,
                             const SequenceOptions& options) const override;

  Nonlinearity nonlinearity_;
};

/// Gated recurrent units, see gru_cell. Parameters and shapes as of RecurrentLayers.
template <class T>
class Gru : public RecurrentLayers<Gru, T> {
 public:
  /// Throws std::invalid_argument for sizes of 0, a dropout outside [0, 1], and for projections.
  Gru(std::size_t in, std::size_t hidden, RecurrentOptions options = {});

  using Gru::RecurrentLayers::operator();
  /// From a state, of sequences of any lengths. Throws as forward.
  RecurrentOutput<T> operator()(const Tensor<T>& x, const RecurrentInput<T>& from);

  static std::unique_ptr<Module<T>> from(const ModuleOptions& options);

 private:
  using Base = RecurrentLayers<xgrad::Gru, T>;
  typename Base::Outputs one(const Tensor<T>& x, const typename Base::States& first,
                             const RecurrentWeights<T>& w,
                             const SequenceOptions& options) const override;
};

/// Long short-term memory, see lstm_cell. Parameters and shapes as of RecurrentLayers.
template <class T>
class Lstm : public RecurrentLayers<Lstm, T> {
 public:
  /// Throws std::invalid_argument for sizes of 0, a dropout outside [0, 1], and for projections.
  Lstm(std::size_t in, std::size_t hidden, RecurrentOptions options = {});

  using Lstm::RecurrentLayers::operator();
  /// From a state, of sequences of any lengths. Throws as forward.
  LstmOutput<T> operator()(const Tensor<T>& x, const LstmInput<T>& from);

  static std::unique_ptr<Module<T>> from(const ModuleOptions& options);

 private:
  using Base = RecurrentLayers<xgrad::Lstm, T>;
  typename Base::Outputs one(const Tensor<T>& x, const typename Base::States& first,
                             const RecurrentWeights<T>& w,
                             const SequenceOptions& options) const override;
};

#define XGRAD_EXTERN(T)                           \
  extern template class RecurrentLayers<Rnn, T>;  \
  extern template class RecurrentLayers<Gru, T>;  \
  extern template class RecurrentLayers<Lstm, T>; \
  extern template class Rnn<T>;                   \
  extern template class Gru<T>;                   \
  extern template class Lstm<T>;
XGRAD_EXTERN(float)
XGRAD_EXTERN(double)
#undef XGRAD_EXTERN

}  // namespace xgrad
