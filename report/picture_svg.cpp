#include <algorithm>
#include <cmath>
#include <optional>

#include "xgrad/base/errors.hpp"
#include "xgrad/report/markup.hpp"
#include "xgrad/report/picture.hpp"
#include "xgrad/serialization/atomic_file.hpp"

namespace xgrad {
namespace {

using detail::escape_markup;
using detail::fixed;
using detail::rounded;
using detail::text;

constexpr double kLeft = 64, kRight = 16, kTop = 40, kBottom = 44;

std::string head(double width, double height, const std::string& title) {
  const std::string w = rounded(width), h = rounded(height);
  std::string r = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" + w + "\" height=\"" + h +
                  "\" viewBox=\"0 0 " + w + " " + h + "\" role=\"img\"";
  if (!title.empty()) r += " aria-label=\"" + escape_markup(title) + "\"";
  return r + ">\n";
}

// A scale of numbers, plain or of powers of ten, over a length.
class Scale {
 public:
  Scale(double low, double high, bool log, double from, double to)
      : log_(log), from_(from), to_(to), low_(log ? std::log10(low) : low) {
    high_ = log ? std::log10(high) : high;
    if (!(high_ > low_)) low_ -= 0.5, high_ += 0.5;
  }
  double operator()(double v) const {
    return from_ + ((log_ ? std::log10(v) : v) - low_) / (high_ - low_) * (to_ - from_);
  }
  // Round numbers within, some five of them.
  std::vector<double> ticks() const {
    const double raw = (high_ - low_) / 5, power = std::pow(10, std::floor(std::log10(raw)));
    const double part = raw / power;
    double step = power * (part > 5 ? 10 : part > 2 ? 5 : part > 1 ? 2 : 1);
    if (log_) step = std::max(step, high_ - low_ < 1 ? step : 1.0);
    std::vector<double> r;
    for (double i = std::ceil(low_ / step - 1e-9); i * step <= high_ + 1e-9 * step; ++i)
      r.push_back(log_ ? std::pow(10, i * step) : i * step);
    return r;
  }

 private:
  bool log_;
  double from_, to_, low_, high_ = 0;
};

struct Drawn {
  std::string name;
  std::vector<double> values;
};

bool shown(double v, bool log) { return std::isfinite(v) && (!log || v > 0); }

std::vector<Drawn> chosen(const History& history, const CurveOptions& o) {
  std::vector<Drawn> r;
  for (const std::string& name : o.figures.empty() ? history.names() : o.figures) {
    if (o.figures.empty() && name == "learning rate") continue;
    r.push_back({name, history.curve(name)});
  }
  return r;
}

std::pair<double, double> range_of(const std::vector<Drawn>& curves, bool log) {
  double low = INFINITY, high = -INFINITY;
  for (const Drawn& d : curves) {
    for (const double v : d.values) {
      if (shown(v, log)) low = std::min(low, v), high = std::max(high, v);
    }
  }
  detail::require(low <= high, "svg", "there are no numbers to draw");
  return {low, high};
}

// Lines with a gap at what is not shown; a row between two gaps is a dot.
std::string path_of(const Drawn& d, const Scale& x, const Scale& y, bool log) {
  std::string r;
  const auto at = [&](std::size_t i) { return i < d.values.size() && shown(d.values[i], log); };
  for (std::size_t i = 0; i < d.values.size(); ++i) {
    if (!at(i)) continue;
    const bool begins = i == 0 || !at(i - 1);
    r += (begins ? "M" : "L") + fixed(x(static_cast<double>(i + 1)), 2) + " " +
         fixed(y(d.values[i]), 2);
    if (begins && !at(i + 1)) r += "h0";
  }
  return r;
}

std::string hex(Color c) {
  constexpr const char* kDigits = "0123456789abcdef";
  std::string r = "#";
  for (const unsigned char v : {c.red, c.green, c.blue}) r += {kDigits[v >> 4U], kDigits[v & 15U]};
  return r;
}

std::string label(double x, double y, const std::string& anchor, const std::string& words,
                  const std::string& more = {}) {
  return "<text x=\"" + fixed(x, 1) + "\" y=\"" + fixed(y, 1) + "\" text-anchor=\"" + anchor +
         "\"" + more + ">" + escape_markup(words) + "</text>\n";
}

std::string line(double x1, double y1, double x2, double y2, const char* stroke) {
  return "<path d=\"M" + fixed(x1, 1) + " " + fixed(y1, 1) + "L" + fixed(x2, 1) + " " +
         fixed(y2, 1) + "\" stroke=\"" + stroke + "\"/>\n";
}

std::string axes(const Scale& x, const Scale& y, std::size_t rows, const CurveOptions& o) {
  std::string r;
  const double bottom = o.height - kBottom, right = o.width - kRight;
  for (const double v : y.ticks()) {
    r += line(kLeft, y(v), right, y(v), "#ddd") + label(kLeft - 6, y(v) + 4, "end", rounded(v, 4));
  }
  for (const double v : x.ticks()) {
    if (v != std::round(v) || v < 1 || v > static_cast<double>(rows)) continue;
    r += line(x(v), bottom, x(v), bottom + 5, "#555") + label(x(v), bottom + 18, "middle", text(v));
  }
  return r + line(kLeft, bottom, right, bottom, "#555") +
         label((kLeft + right) / 2, o.height - 8, "middle", "epoch");
}

// Names in the color of their curves, in one row below the title.
std::string legend(const std::vector<Drawn>& curves) {
  std::string r = "<text y=\"32\" x=\"" + rounded(kLeft) + "\">";
  for (std::size_t i = 0; i < curves.size(); ++i) {
    r += "<tspan font-weight=\"bold\" fill=\"" + hex(class_color(i)) +
         "\">&#8212; </tspan><tspan>" + escape_markup(curves[i].name) + " &#160; </tspan>";
  }
  return r + "</text>\n";
}

void check(const CurveOptions& o) {
  detail::require_in("svg", "width", o.width, "(0, inf)");
  detail::require_in("svg", "height", o.height, "(0, inf)");
  detail::require(o.width >= 200 && o.height >= 150, "svg", "less than 200 x 150: ", o.width, " x ",
                  o.height);
}

}  // namespace

std::string svg(const Picture& picture, const std::string& description) {
  const auto width = static_cast<double>(picture.width());
  const auto height = static_cast<double>(picture.height());
  return head(width, height, description) + "<image width=\"" + rounded(width) + "\" height=\"" +
         rounded(height) + "\" style=\"image-rendering:pixelated\" href=\"data:image/png;base64," +
         detail::base64(png(picture)) + "\"/>\n</svg>\n";
}

void write_svg(const std::string& path, const Picture& picture, const std::string& description) {
  detail::write_file("write_svg", path, detail::as_bytes(svg(picture, description)));
}

std::string svg(const History& history, const CurveOptions& o) {
  check(o);
  const std::vector<Drawn> curves = chosen(history, o);
  const auto [low, high] = range_of(curves, o.log);
  const Scale x(1, static_cast<double>(history.size()), false, kLeft, o.width - kRight);
  const Scale y(low, high, o.log, o.height - kBottom, kTop);
  std::string r = head(o.width, o.height, o.title.empty() ? "learning curves" : o.title) +
                  "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n"
                  "<g font-family=\"sans-serif\" font-size=\"12\" fill=\"#222\">\n";
  if (!o.title.empty()) r += label(o.width / 2, 16, "middle", o.title, " font-weight=\"bold\"");
  r += legend(curves) + axes(x, y, history.size(), o) +
       "</g>\n<g fill=\"none\" stroke-width=\"2\" "
       "stroke-linecap=\"round\" stroke-linejoin=\"round\">\n";
  for (std::size_t i = 0; i < curves.size(); ++i) {
    r += "<path d=\"" + path_of(curves[i], x, y, o.log) + "\" stroke=\"" + hex(class_color(i)) +
         "\"/>\n";
  }
  return r + "</g>\n</svg>\n";
}

void write_svg(const std::string& path, const History& history, const CurveOptions& options) {
  detail::write_file("write_svg", path, detail::as_bytes(svg(history, options)));
}

}  // namespace xgrad
