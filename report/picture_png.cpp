#include <algorithm>

#include "xgrad/base/errors.hpp"
#include "xgrad/report/picture.hpp"
#include "xgrad/serialization/atomic_file.hpp"

#ifdef XGRAD_HAVE_PNG
#include <png.h>
#endif

namespace xgrad {

#ifdef XGRAD_HAVE_PNG

namespace {

// Rows from the top, a byte or three for each pixel.
std::vector<unsigned char> samples(const Picture& picture, bool grey) {
  std::vector<unsigned char> r;
  for (const Color& c : picture.pixels()) {
    r.push_back(c.red);
    if (!grey) r.insert(r.end(), {c.green, c.blue});
  }
  return r;
}

std::string encode(png_image& image, const std::vector<unsigned char>& rows) {
  std::string bytes(PNG_IMAGE_PNG_SIZE_MAX(image), '\0');
  png_alloc_size_t size = bytes.size();
  if (png_image_write_to_memory(&image, bytes.data(), &size, 0, rows.data(), 0, nullptr) == 0)
    detail::fail<std::runtime_error>("png", "libpng: ", std::string(image.message));
  bytes.resize(size);
  return bytes;
}

}  // namespace

bool writes_png() { return true; }

std::string png(const Picture& picture) {
  const bool grey = std::all_of(picture.pixels().begin(), picture.pixels().end(),
                                [](const Color& c) { return c.red == c.green && c.red == c.blue; });
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = static_cast<png_uint_32>(picture.width());
  image.height = static_cast<png_uint_32>(picture.height());
  image.format = grey ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB;
  return encode(image, samples(picture, grey));
}

#else

bool writes_png() { return false; }

std::string png(const Picture&) {
  detail::fail<std::logic_error>("png", "the library was built without libpng");
}

#endif

void write_png(const std::string& path, const Picture& picture) {
  detail::write_file("write_png", path, detail::as_bytes(png(picture)));
}

}  // namespace xgrad
