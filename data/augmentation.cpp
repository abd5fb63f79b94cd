#include "xgrad/data/augmentation.hpp"

#include <string>

#include "xgrad/base/errors.hpp"

namespace xgrad {
namespace {

struct Sequence {
  std::vector<Augmentation> parts;
  template <class T>
  void apply(Image<T> image, Draws& draws) const {
    for (const Augmentation& a : parts) a.apply(image, draws);
  }
};

struct Sometimes {
  double probability;
  Augmentation a;
  void check() const { detail::require_in("sometimes", "probability", probability, "[0, 1]"); }
  template <class T>
  void apply(Image<T> image, Draws& draws) const {
    if (draws.chance(probability)) a.apply(image, draws);
  }
};

struct OneOf {
  std::vector<Augmentation> choices;
  void check() const {
    if (choices.empty()) detail::fail("one_of", "nothing to choose from");
  }
  template <class T>
  void apply(Image<T> image, Draws& draws) const {
    const std::int64_t i = draws.integer(0, static_cast<std::int64_t>(choices.size()) - 1);
    choices[static_cast<std::size_t>(i)].apply(image, draws);
  }
};

}  // namespace

Augmentation sequence(std::vector<Augmentation> parts) { return Sequence{std::move(parts)}; }

Augmentation sometimes(double probability, Augmentation a) {
  return Sometimes{probability, std::move(a)};
}

Augmentation one_of(std::vector<Augmentation> choices) { return OneOf{std::move(choices)}; }

template <class T>
void augment(const Augmentation& augmentation, Tensor<T>& images,
             std::span<const std::int64_t> samples, std::uint64_t seed, std::uint64_t epoch) {
  const Shape& s = images.shape();
  if ((s.rank() != 3 && s.rank() != 4) || s[0] != samples.size()) {
    detail::fail("augment", "not images: ", s, " for ", samples.size(), " samples");
  }
  Image<T> image{images.mutable_data(), s.rank() == 4 ? s[1] : 1, s[s.rank() - 2], s.back()};
  for (const std::int64_t sample : samples) {
    Draws draws(seed, epoch, static_cast<std::uint64_t>(sample));
    augmentation.apply(image, draws);
    image.pixels += image.size();
  }
}

template void augment(const Augmentation&, Tensor<float>&, std::span<const std::int64_t>,
                      std::uint64_t, std::uint64_t);
template void augment(const Augmentation&, Tensor<double>&, std::span<const std::int64_t>,
                      std::uint64_t, std::uint64_t);

}  // namespace xgrad
