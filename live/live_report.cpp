#include "xgrad/live/live_report.hpp"

#include <httplib.h>
#include <sys/socket.h>

#include <chrono>
#include <cmath>
#include <mutex>
#include <thread>

#include "xgrad/base/errors.hpp"
#include "xgrad/base/text.hpp"

namespace xgrad {
namespace {

constexpr const char* kHost = "127.0.0.1";

void check(const LiveReportOptions& o) {
  detail::require(o.port >= 0 && o.port <= 65535, "LiveReport", "there is no port ", o.port);
  detail::require(o.seconds > 0 && o.seconds <= 3600, "LiveReport",
                  "seconds is not in (0, 3600]: ", o.seconds);
}

// Behind the page: when there is another version it is loaded, where it was scrolled to.
std::string renewing(std::string page, std::size_t version, double seconds) {
  const std::string policy = "default-src 'none';", end = "</body>",
                    script =
                        "<script>setInterval(async () => {\n"
                        "  try {\n"
                        "    const answer = await fetch('/version', {cache: 'no-store'});\n"
                        "    if (answer.ok && await answer.text() !== '" +
                        detail::text(version) +
                        "') location.reload();\n"
                        "  } catch { /* the training has ended */ }\n"
                        "}, " +
                        detail::text(std::lround(1000 * seconds)) + ");</script>\n";
  page.insert(page.rfind(end), script);
  page.insert(page.find(policy) + policy.size(), " connect-src 'self';");
  return page;
}

// Without SO_REUSEPORT, by which a second server is let in on a port that is taken.
void reuse_address(socket_t socket) {
  const int yes = 1;
  setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
}

}  // namespace

struct LiveReport::State {
  LiveReportOptions options;
  httplib::Server server;
  int port = 0;
  std::thread thread;
  std::mutex mutex;  // of what is shown: never held for long, as the training waits for it
  std::shared_ptr<const Report> report = std::make_shared<Report>(
      Report{.title = "Waiting", .about = "The training has shown nothing yet."});
  std::size_t version = 0;
  std::mutex page_mutex;
  std::size_t version_of_page = ~std::size_t{0};
  std::string page;

  std::pair<std::shared_ptr<const Report>, std::size_t> shown() {
    const std::lock_guard guard(mutex);
    return {report, version};
  }
  std::string current_page() {
    const std::lock_guard guard(page_mutex);
    const auto [now, number] = shown();
    if (version_of_page != number) page = renewing(html(*now), number, options.seconds);
    version_of_page = number;
    return page;
  }
  bool is_called_by_name(const httplib::Request& request) const {
    const std::string host = request.get_header_value("Host"), end = ":" + detail::text(port);
    return host == kHost + end || host == "localhost" + end;
  }
  template <class F>
  void answer(const char* path, const char* type, const F& content) {
    server.Get(path, [=, this](const httplib::Request& request, httplib::Response& response) {
      response.set_header("Cache-Control", "no-store");
      if (is_called_by_name(request)) return response.set_content(content(), type);
      response.status = 403;
      response.set_content("called by another name", "text/plain");
    });
  }
  bool listen_on(int wanted) {
    port = wanted == 0 ? server.bind_to_any_port(kHost) : wanted;
    return wanted == 0 ? port > 0 : server.bind_to_port(kHost, port);
  }
};

LiveReport::LiveReport(const LiveReportOptions& options) {
  check(options);
  s_ = std::make_unique<State>();
  State& s = *s_;
  s.options = options;
  s.server.set_socket_options(&reuse_address);
  s.server.set_keep_alive_max_count(1);  // whoever waits for another request keeps it from ending
  s.answer("/", "text/html; charset=utf-8", [&s] { return s.current_page(); });
  s.answer("/version", "text/plain", [&s] { return detail::text(s.shown().second); });
  if (!s.listen_on(options.port))
    detail::fail<std::runtime_error>("LiveReport", "cannot listen on port ", options.port);
  s.thread = std::thread([&s] { s.server.listen_after_bind(); });
  // One that does not run yet cannot be stopped.
  while (!s.server.is_running()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

LiveReport::~LiveReport() {
  s_->server.stop();
  if (s_->thread.joinable()) s_->thread.join();
}

std::string LiveReport::address() const {
  return std::string("http://") + kHost + ":" + detail::text(s_->port) + "/";
}

void LiveReport::show(Report report) {
  auto next = std::make_shared<const Report>(std::move(report));
  const std::lock_guard guard(s_->mutex);
  s_->report.swap(next);
  ++s_->version;
}

}  // namespace xgrad
