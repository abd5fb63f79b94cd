// Pictures: their pixels, what other programs read of their files, and curves as SVG.

#include <boost/property_tree/xml_parser.hpp>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>
#include <sstream>

#include "tests/message.hpp"
#include "xgrad/report/markup.hpp"
#include "xgrad/report/picture.hpp"

#ifdef XGRAD_HAVE_PNG
#include <png.h>
#endif

using namespace xgrad;

namespace {

constexpr Color kBlack{0, 0, 0}, kWhite{255, 255, 255};

Tensor<float> numbers(const Shape& shape, std::vector<float> values) {
  Tensor<float> t = Tensor<float>::uninitialized(shape);
  std::copy(values.begin(), values.end(), t.mutable_data());
  return t;
}

// Throws when it is not well-formed.
boost::property_tree::ptree parse(const std::string& xml) {
  std::istringstream in(xml);
  boost::property_tree::ptree tree;
  boost::property_tree::read_xml(in, tree);
  return tree;
}

std::vector<std::string> paths_of(const std::string& xml) {
  std::vector<std::string> r;
  const auto tree = parse(xml);
  for (const auto& [name, group] : tree.get_child("svg")) {
    if (name != "g" || group.get("<xmlattr>.fill", "") != "none") continue;
    for (const auto& [kind, path] : group) {
      if (kind == "path") r.push_back(path.get<std::string>("<xmlattr>.d"));
    }
  }
  return r;
}

#ifdef XGRAD_HAVE_PNG
// By libpng's reader.
std::vector<unsigned char> read_back(const std::string& bytes) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  BOOST_REQUIRE(png_image_begin_read_from_memory(&image, bytes.data(), bytes.size()) != 0);
  image.format = PNG_FORMAT_RGB;
  std::vector<unsigned char> r(PNG_IMAGE_SIZE(image));
  BOOST_REQUIRE(png_image_finish_read(&image, nullptr, r.data(), 0, nullptr) != 0);
  return r;
}
#endif

}  // namespace

BOOST_AUTO_TEST_SUITE(pictures)

BOOST_AUTO_TEST_CASE(shades) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const Picture grey = picture_of(numbers({2, 3}, {0, 0.5F, 1, -9, 9, nan}));
  BOOST_TEST(grey.width() == 3U);
  BOOST_TEST(grey.height() == 2U);
  BOOST_CHECK(grey.at(0, 0) == kBlack && grey.at(1, 0) == kBlack);
  BOOST_CHECK((grey.at(0, 1) == Color{128, 128, 128}));
  BOOST_CHECK(grey.at(0, 2) == kWhite && grey.at(1, 1) == kWhite);
  BOOST_CHECK((grey.at(1, 2) == Color{0, 160, 0}));

  const Picture weights = picture_of(numbers({1, 3}, {-4, 0, 2}), {Shades::diverging, 0, 0});
  BOOST_TEST(weights.at(0, 0).blue > weights.at(0, 0).red);
  BOOST_CHECK(weights.at(0, 1) == kWhite);
  BOOST_TEST(weights.at(0, 2).red > weights.at(0, 2).blue);
  BOOST_TEST(weights.at(0, 2).blue > 100);  // half of the way only: 0 is in the middle

  const Picture color = picture_of(numbers({3, 1, 1}, {1, 0, 0.2F}));
  BOOST_CHECK((color.at(0, 0) == Color{255, 0, 51}));
  const Picture flat = picture_of(numbers({1, 2}, {7, 7}), {Shades::grey, 0, 0});
  BOOST_CHECK(flat.at(0, 0) == kBlack);
  const Picture unknown = picture_of(numbers({1, 1}, {nan}), {Shades::diverging, 0, 0});
  BOOST_CHECK((unknown.at(0, 0) == Color{0, 160, 0}));
}

BOOST_AUTO_TEST_CASE(filters) {
  const auto linear = filter_pictures(numbers({2, 4}, {1, 0, 0, -1, 0, 2, 0, 0}));
  BOOST_TEST(linear.size() == 2U);
  BOOST_TEST(linear[0].width() == 2U);
  BOOST_TEST(linear[0].at(0, 0).red > linear[0].at(0, 0).blue);
  BOOST_TEST(linear[0].at(1, 1).blue > linear[0].at(1, 1).red);
  BOOST_CHECK(linear[1].at(0, 0) == kWhite);
  BOOST_TEST(filter_pictures(numbers({2, 4}, std::vector<float>(8)), {1, 4}, 1).size() == 1U);

  // Of two channels the mean, of three the colors.
  const auto two = filter_pictures(numbers({1, 2, 1, 2}, {1, 0, -1, 4}));
  BOOST_CHECK(two[0].at(0, 0) == kWhite);
  const auto three = filter_pictures(numbers({1, 3, 1, 1}, {-1, 0, 1}));
  BOOST_CHECK((three[0].at(0, 0) == Color{0, 128, 255}));

  test::check_failure<std::invalid_argument>(
      [] {
        filter_pictures(numbers({1, 6}, std::vector<float>(6)));
      },
      "filter_pictures: the shape of the images is needed: a filter has 6 weights");
  test::check_failure<std::invalid_argument>(
      [] {
        filter_pictures(numbers({1, 6}, std::vector<float>(6)), {2, 2});
      },
      "filter_pictures: a filter has 6 weights, the image is (2, 2)");
}

BOOST_AUTO_TEST_CASE(tiles) {
  const auto three = pictures_of(numbers({3, 1, 1}, {0, 1, 0.5F}));
  const Picture t = tile(three, {.scale = 2, .gap = 1, .background = {1, 2, 3}});
  BOOST_TEST(t.width() == 5U);
  BOOST_TEST(t.height() == 5U);
  BOOST_CHECK(t.at(1, 1) == kBlack && t.at(0, 3) == kWhite);
  BOOST_CHECK((t.at(2, 0) == Color{1, 2, 3} && t.at(4, 4) == Color{1, 2, 3}));
  BOOST_CHECK((t.at(3, 1) == Color{128, 128, 128}));
  BOOST_CHECK_THROW(tile({}), std::invalid_argument);
  BOOST_CHECK_THROW(tile({Picture(1, 1), Picture(2, 1)}), std::invalid_argument);
  BOOST_CHECK_THROW(Picture(0, 1), std::invalid_argument);
  BOOST_CHECK_THROW(Picture(70000, 1), std::invalid_argument);
  BOOST_CHECK_THROW(t.at(5, 0), std::out_of_range);
  BOOST_CHECK_THROW(picture_of(numbers({2, 2, 2}, std::vector<float>(8))), std::invalid_argument);
}

// The class on the right is the second; y goes upwards.
BOOST_AUTO_TEST_CASE(decisions) {
  const PlaneWindow window{-1, 1, 0, 1};
  Picture plane = decision_picture<double>(
      [](const Tensor<double>& p) {
        Tensor<double> r = Tensor<double>::uninitialized({p.size(0), 1});
        for (std::size_t i = 0; i < p.size(0); ++i) r.mutable_data()[i] = p.data()[2 * i] > 0;
        return r;
      },
      window, 20);
  BOOST_TEST(plane.height() == 10U);
  const Color orange = plane.at(0, 0), blue = plane.at(9, 19);
  BOOST_TEST(orange.red > orange.blue);
  BOOST_TEST(blue.blue > blue.red);
  const Tensor<double> points(xt::xarray<double>{{0.55, 0.95}, {5, 5}});
  add_points(plane, window, points, Indices{0, 1}, {.radius = 1, .brightness = 0});
  BOOST_CHECK(plane.at(0, 15) == kBlack);
  BOOST_CHECK(plane.at(3, 15) == blue);
  BOOST_CHECK_THROW(add_points(plane, window, points, Indices{0}), std::invalid_argument);
  BOOST_CHECK_THROW((decision_picture<double>([](const auto& p) { return p; }, {1, -1, 0, 1})),
                    std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(png_files) {
  Picture p(2, 1);
  if (!writes_png()) {
    BOOST_CHECK_THROW(png(p), std::logic_error);
    return;
  }
  p.at(0, 1) = {10, 20, 30};
  const std::string bytes = png(p);  // the PNG specification, 5.2 and 11.2.2: signature, IHDR
  BOOST_TEST(bytes.substr(0, 16) == std::string("\x89PNG\r\n\x1a\n\0\0\0\rIHDR", 16));
  BOOST_TEST(bytes.substr(16, 10) == std::string("\0\0\0\2\0\0\0\1\x08\x02", 10));
  BOOST_TEST(png(Picture(2, 1)).substr(24, 2) == std::string("\x08\0", 2));  // grey
  const auto tree = parse(svg(p, "a <b>"));
  BOOST_TEST(tree.get<std::string>("svg.<xmlattr>.aria-label") == "a <b>");
  BOOST_TEST(tree.get<std::string>("svg.image.<xmlattr>.href") ==
             "data:image/png;base64," + detail::base64(bytes));
}

#ifdef XGRAD_HAVE_PNG
// Row after row from the top, red, green, blue.
BOOST_AUTO_TEST_CASE(png_pixels) {
  Picture p(2, 3);
  const std::vector<unsigned char> wanted{1, 2, 3, 4, 5, 5, 6, 6, 7, 8, 8, 8, 9, 0, 9, 0, 0, 10};
  for (std::size_t i = 0; i < 6; ++i)
    p.at(i / 2, i % 2) = {wanted[3 * i], wanted[3 * i + 1], wanted[3 * i + 2]};
  BOOST_TEST(read_back(png(p)) == wanted, boost::test_tools::per_element());
  Picture grey(1, 2, {7, 7, 7});
  grey.at(1, 0) = {9, 9, 9};
  BOOST_TEST((read_back(png(grey)) == std::vector<unsigned char>{7, 7, 7, 9, 9, 9}));
  grey.at(1, 0) = {9, 9, 8};
  BOOST_TEST((read_back(png(grey)) == std::vector<unsigned char>{7, 7, 7, 9, 9, 8}));
}
#endif

// The colors as Okabe & Ito give them, and the last one, grey in place of their black.
BOOST_AUTO_TEST_CASE(colors_of_classes) {
  const std::vector<Color> published{{230, 159, 0},  {0, 114, 178}, {0, 158, 115}, {204, 121, 167},
                                     {86, 180, 233}, {213, 94, 0},  {240, 228, 66}};
  for (std::size_t i = 0; i < published.size(); ++i) BOOST_CHECK(class_color(i) == published[i]);
  BOOST_CHECK(class_color(8) == published[0]);
}

BOOST_AUTO_TEST_CASE(curves_as_svg) {
  History h;
  const double nan = std::nan("");
  for (const double v : {100.0, 10.0, nan, 1.0, 0.1}) h.add({{"</svg>&", v}, {"learning rate", 9}});
  const auto paths = paths_of(svg(h, {.log = true, .width = 480, .height = 384}));
  // x from 64 to 464 over 4 steps, y from 40 at 100 to 340 at 0.1.
  BOOST_REQUIRE(paths.size() == 1U);
  BOOST_TEST(paths[0] == "M64.00 40.00L164.00 140.00M364.00 240.00L464.00 340.00");
  BOOST_TEST(paths_of(svg(h, {.figures = {"learning rate", "</svg>&"}})).size() == 2U);
  const std::string log = svg(h, {.log = true, .width = 480, .height = 384});
  BOOST_TEST(log.find("L464.00 340.00\" stroke=\"#e69f00\"/>") != std::string::npos);
  BOOST_TEST(log.find("fill=\"#e69f00\">&#8212; </tspan><tspan>&lt;/svg&gt;&amp;") !=
             std::string::npos);
  // Words at their places: the powers of ten and the epochs.
  for (const char* words : {"x=\"58.0\" y=\"44.0\" text-anchor=\"end\">100<",
                            "x=\"58.0\" y=\"344.0\" text-anchor=\"end\">0.1<",
                            "x=\"64.0\" y=\"358.0\" text-anchor=\"middle\">1<",
                            "x=\"464.0\" y=\"358.0\" text-anchor=\"middle\">5<"})
    BOOST_TEST(log.find(words) != std::string::npos, words);
  History dots;
  for (const double v : {1.0, nan, 0.0}) dots.add({{"loss", v}});
  BOOST_TEST(paths_of(svg(dots, {.width = 480, .height = 384}))[0] ==
             "M64.00 40.00h0M464.00 340.00h0");
  BOOST_TEST(svg(dots).find(">0.4<") != std::string::npos);  // steps of 1, 2 or 5
  BOOST_CHECK_THROW(svg(h, {.figures = {"los"}}), std::out_of_range);
  BOOST_CHECK_THROW(svg(History()), std::invalid_argument);
  BOOST_CHECK_THROW(svg(h, {.width = 10}), std::invalid_argument);
}

// Test vectors of RFC 4648, section 10.
BOOST_AUTO_TEST_CASE(base64_of_the_standard) {
  BOOST_TEST(detail::base64("") == "");
  BOOST_TEST(detail::base64("f") == "Zg==");
  BOOST_TEST(detail::base64("fo") == "Zm8=");
  BOOST_TEST(detail::base64("foo") == "Zm9v");
  BOOST_TEST(detail::base64("foobar") == "Zm9vYmFy");
  BOOST_TEST(detail::base64("\xFF\xFE\xFD") == "//79");
}

BOOST_AUTO_TEST_CASE(names_in_markup) {
  BOOST_TEST(detail::escape_markup("<a b=\"c\">&'\x01\xFF") ==
             "&lt;a b=&quot;c&quot;&gt;&amp;&#39;\xEF\xBF\xBD\xEF\xBF\xBD");
  BOOST_TEST(detail::json_in_script("[\"</script><!--\"]") == "[\"\\u003c/script>\\u003c!--\"]");
}

BOOST_AUTO_TEST_SUITE_END()
