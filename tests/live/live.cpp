// LiveReport, asked by another program's HTTP client.

#include <httplib.h>

#include <boost/test/unit_test.hpp>

#include "xgrad/live/live_report.hpp"

using namespace xgrad;

namespace {

std::string get(const LiveReport& live, const std::string& path) {
  httplib::Client client(live.address().substr(0, live.address().size() - 1));
  const auto answer = client.Get(path);
  BOOST_TEST_REQUIRE((answer != nullptr));
  BOOST_TEST(answer->status == 200);
  return answer->body;
}

int port_of(const LiveReport& live) {
  const std::string a = live.address();
  return std::stoi(a.substr(a.rfind(':') + 1));
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(live)

BOOST_AUTO_TEST_CASE(shows_the_newest_report) {
  LiveReport live({.seconds = 0.5});
  BOOST_TEST(live.address().starts_with("http://127.0.0.1:"));
  BOOST_TEST(has(get(live, "/"), "<title>Waiting</title>"));
  BOOST_TEST(get(live, "/version") == "0");
  Report report{.title = "first"};
  live.show(report);
  report.title = "second";
  live.show(report);
  BOOST_TEST(get(live, "/version") == "2");
  const std::string page = get(live, "/");
  BOOST_TEST(has(page, "<title>second</title>"));
  BOOST_TEST(has(page, "!== '2') location.reload()"));
  BOOST_TEST(has(page, "}, 500);</script>\n</body>"));
}

// The page may ask its own server, and is else the one that is written to a file.
BOOST_AUTO_TEST_CASE(the_page_is_the_report) {
  LiveReport live;
  Report report{.title = "run"};
  report.history.add({{"train loss", 0.5}});
  live.show(report);
  std::string page = get(live, "/");
  const std::string allowed = " connect-src 'self';";
  BOOST_TEST_REQUIRE(has(page, "content=\"default-src 'none';" + allowed));
  page.erase(page.find(allowed), allowed.size());
  const std::size_t from = page.rfind("<script>setInterval"), to = page.rfind("</body>");
  page.erase(from, to - from);
  BOOST_TEST((page == html(report)));
}

// As a page of the network that a browser has open would call it: by a name of its own that leads here.
BOOST_AUTO_TEST_CASE(answers_to_its_own_name_only) {
  const LiveReport live;
  httplib::Client client("127.0.0.1", port_of(live));
  for (const std::string path : {"/", "/version"}) {
    BOOST_TEST(client.Get(path, {{"Host", "example.org"}})->status == 403, path);
    const std::string local = "localhost:" + std::to_string(port_of(live));
    BOOST_TEST(client.Get(path, {{"Host", local}})->status == 200, path);
  }
  BOOST_TEST(client.Get("/etc/passwd")->status == 404);
  BOOST_TEST(client.Post("/", "report", "text/plain")->status == 404);
}

BOOST_AUTO_TEST_CASE(refuses_a_port_that_is_taken) {
  const LiveReport first;
  BOOST_CHECK_THROW(LiveReport({.port = port_of(first)}), std::runtime_error);
  BOOST_CHECK_THROW(LiveReport({.port = 70000}), std::invalid_argument);
  BOOST_CHECK_THROW(LiveReport({.seconds = 0}), std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(ends) {
  int port = 0;
  {
    const LiveReport live;
    port = port_of(live);
    get(live, "/");
  }
  httplib::Client client("127.0.0.1", port);
  BOOST_TEST(!client.Get("/"));
  const LiveReport again({.port = port});
  BOOST_TEST(get(again, "/version") == "0");
}

BOOST_AUTO_TEST_SUITE_END()
