#pragma once

// Preprocessor: statistics of the training data, applied to all data, and saved with the model.
//
//   Standardize<float> scale;
//   scale.fit(train, "train");                          // (n, features)
//   scale.require_unseen(test, "test");  // throws where they were among the training data
//   const Array<float> x = scale.transform(train), t = scale.transform(test);
//
//   Archive file = to_archive(net.state_dict());
//   scale.save(file, "inputs");
//   write_safetensors("model.safetensors", file);
//   ...
//   const Archive file = read_safetensors("model.safetensors");
//   net.load_state_dict(from_archive<float>(file.without("inputs")));
//   const auto scale = load_preprocessor<float>(file, "inputs");
//
// The kinds are in scaling.hpp and decomposition.hpp. To apply one batch by batch, see Transformed.

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "xgrad/autograd/array.hpp"
#include "xgrad/base/errors.hpp"
#include "xgrad/data/fitted_on.hpp"
#include "xgrad/serialization/archive.hpp"

namespace xgrad {

template <class T>
class Preprocessor {
 public:
  virtual ~Preprocessor() = default;

  /// Learns from x (n, ...), which `name` names from here on. Throws std::invalid_argument for no
  /// samples, a number that is not finite, and what the kind refuses; then nothing has changed.
  void fit(const Array<T>& x, const std::string& name = "train");

  /// What the kind makes of x (n, ...), each sample by itself. Throws std::logic_error when nothing
  /// was fitted, std::invalid_argument for samples of another shape.
  Array<T> transform(const Array<T>& x) const;

  /// Back again, as far as the kind keeps what is needed. Throws as transform.
  Array<T> inverse(const Array<T>& y) const;

  /// What it was fitted on; 0 samples when on nothing.
  const FittedOn& fitted_on() const& { return fitted_on_; }
  FittedOn fitted_on() const&& { return fitted_on_; }

  /// Throws std::logic_error when more than the share `most` of the samples of x are among those it
  /// was fitted on, as when it was fitted on all data before these were split: what is measured on
  /// x is then too good. Some samples may occur twice in honest data; therefore the default. Where
  /// many more than FittedOn::kHashes were fitted, few samples of x may all be ones it cannot
  /// judge: then it lets them pass.
  void require_unseen(const Array<T>& x, const std::string& name, double most = 0.5) const;

  /// Adds the statistics, and what they were fitted on, as arrays `prefix`/... Throws
  /// std::logic_error when nothing was fitted.
  void save(Archive& archive, const std::string& prefix) const;

  /// "Standardize": the name of the class.
  virtual std::string type_name() const = 0;

 protected:
  using Numbers = Array<double>;

  virtual void learn(const Array<T>& x) = 0;
  /// Shapes of a transformed sample, for samples of fitted_on().sample.
  virtual Shape output() const { return fitted_on_.sample; }
  virtual void forward(const T* x, T* y, std::size_t samples) const = 0;
  virtual void backward(const T* y, T* x, std::size_t samples) const = 0;
  /// Calls f for each array of options and statistics.
  virtual void visit(const std::function<void(const std::string& name, Numbers& numbers)>& f) = 0;
  /// Throws std::invalid_argument where numbers of a file do not fit together.
  virtual void check() const = 0;
  virtual bool allows_nan() const { return false; }

  /// Throws std::invalid_argument, "Standardize: ...".
  template <class... Parts>
  [[noreturn]] void fail(const Parts&... what) const {
    detail::fail(type_name(), what...);
  }

 private:
  template <class U>
  friend std::unique_ptr<Preprocessor<U>> load_preprocessor(const Archive&, const std::string&);

  void check_finite(const Array<T>& x) const;
  std::size_t check_samples(const Shape& shape, const Shape& sample) const;

  FittedOn fitted_on_;
};

/// What save() added under this prefix. Throws FileError when it is not there or does not
/// fit together.
template <class T>
std::unique_ptr<Preprocessor<T>> load_preprocessor(const Archive& archive,
                                                   const std::string& prefix);

}  // namespace xgrad
