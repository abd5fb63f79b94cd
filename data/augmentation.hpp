#pragma once

// Augmentation: random changes of images that leave their class as it is, new in every epoch.
//
//   const Augmentation augment = sequence({
//       Flip{},
//       sometimes(0.5, Affine{.degrees = 10, .shift = 2}),
//       one_of({Brightness{0.2}, Contrast{0.3}}),
//       Cutout{.size = 8}});
//   const Augmented train(data, augment, 42);  // as many samples as data
//   DataLoader loader(train, {.batch_size = 128, .shuffle = true, .prefetch = 4});
//
// The kinds are in image_changes.hpp; mixing.hpp mixes whole images. What happens to a sample is a
// function of (seed, epoch, sample): see Draws. An augmentation of your own is a value with
//
//   template <class T> void apply(Image<T> image, Draws& draws) const;

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "xgrad/data/dataset.hpp"
#include "xgrad/data/draws.hpp"

namespace xgrad {

/// One image, to be changed in place: pixel (c, y, x) is at (c height + y) width + x.
template <class T>
struct Image {
  T* pixels;                            ///< (channels, height, width), row-major
  std::size_t channels, height, width;  ///< its sizes

  std::size_t size() const { return channels * height * width; }
  /// The pixel of a channel at row y and column x.
  T& operator()(std::size_t c, std::size_t y, std::size_t x) const {
    return pixels[(c * height + y) * width + x];
  }
};

/// Any kind of augmentation, as a value.
class Augmentation {
 public:
  /// From a value with `apply`. Throws std::invalid_argument for options out of range, where it has
  /// a `check()`.
  template <class A>
  requires(!std::same_as<std::decay_t<A>, Augmentation>) Augmentation(A kind) {
    if constexpr (requires { kind.check(); }) kind.check();
    self_ = std::make_shared<Model<A>>(std::move(kind));
  }

  template <class T>
  void apply(Image<T> image, Draws& draws) const {
    self_->apply(image, draws);
  }

 private:
  struct Concept {
    virtual ~Concept() = default;
    virtual void apply(Image<float> image, Draws& draws) const = 0;
    virtual void apply(Image<double> image, Draws& draws) const = 0;
  };
  template <class A>
  struct Model final : Concept {
    explicit Model(A k) : kind(std::move(k)) {}
    void apply(Image<float> image, Draws& draws) const override { kind.apply(image, draws); }
    void apply(Image<double> image, Draws& draws) const override { kind.apply(image, draws); }
    A kind;
  };
  std::shared_ptr<const Concept> self_;
};

/// One after the other.
Augmentation sequence(std::vector<Augmentation> parts);
/// With that probability, else nothing. Throws std::invalid_argument outside [0, 1].
Augmentation sometimes(double probability, Augmentation a);
/// One of them, each as likely. Throws std::invalid_argument for none.
Augmentation one_of(std::vector<Augmentation> choices);

/// Changes the images of a batch, (n, h, w) or (n, c, h, w), in place. `samples` are their numbers
/// in the data set. Throws std::invalid_argument for another shape.
template <class T>
void augment(const Augmentation& augmentation, Tensor<T>& images,
             std::span<const std::int64_t> samples, std::uint64_t seed, std::uint64_t epoch);

/// Another data set with its inputs changed at each fetch; the other one must outlive it.
template <class Source>
class Augmented : public Dataset<typename Source::Batch> {
 public:
  using Batch = typename Source::Batch;  ///< as the source's
  Augmented(const Source&&, Augmentation, std::uint64_t = 0) = delete;
  /// The same `seed` gives the same images, epoch by epoch.
  Augmented(const Source& source, Augmentation augmentation, std::uint64_t seed = 0)
      : source_(source), augmentation_(std::move(augmentation)), seed_(seed) {}

  std::size_t size() const override { return source_.size(); }
  /// As in epoch 0.
  Batch get(std::span<const std::int64_t> samples) const override {
    return get_in_epoch(samples, 0);
  }
  Batch get_in_epoch(std::span<const std::int64_t> samples, std::uint64_t epoch) const override {
    Batch batch = source_.get_in_epoch(samples, epoch);
    augment(augmentation_, batch.inputs, samples, seed_, epoch);
    return batch;
  }

 private:
  const Source& source_;
  Augmentation augmentation_;
  std::uint64_t seed_;
};

}  // namespace xgrad
