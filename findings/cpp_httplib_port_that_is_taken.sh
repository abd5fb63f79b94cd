#!/bin/bash
# cpp-httplib 0.11.4 (Debian libcpp-httplib-dev 0.11.4+ds-1+deb12u1), Linux.
#
# A server that binds to a port where another one listens is told that it has it: bind_to_port returns true, as listen would go
# on to serve. Its sockets are opened with SO_REUSEPORT unless set_socket_options says otherwise, and the kernel then deals the
# connections out between the two. A program that is started twice by mistake answers half of the requests from the old one;
# waiting for `false` to try the next port waits for ever. With SO_REUSEADDR alone the second bind fails, as one would expect.
#
# Seen:   by default true, true, and answers from both; with SO_REUSEADDR true, false.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
# The library is compiled with TLS and compression: its header wants theirs.
apt-get download -qq libcpp-httplib-dev=0.11.4+ds-1+deb12u1 libcpp-httplib0.11=0.11.4+ds-1+deb12u1 libssl-dev libbrotli-dev \
  zlib1g-dev libbrotli1 libssl3 >/dev/null 2>&1
for package in *.deb; do dpkg -x "$package" root; done
cat > main.cpp <<'END'
#include <httplib.h>

#include <cstdio>
#include <set>
#include <thread>

void reuse_address(socket_t socket) {
  const int yes = 1;
  setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
}

int main() {
  {
    httplib::Server a, b;
    const int port = a.bind_to_any_port("127.0.0.1");
    const bool second = b.bind_to_port("127.0.0.1", port);
    std::printf("by default: first %s, second %s\n", port > 0 ? "true" : "false", second ? "true" : "false");
    if (!second) return 0;
    a.Get("/", [](const auto&, auto& r) { r.set_content("a", "text/plain"); });
    b.Get("/", [](const auto&, auto& r) { r.set_content("b", "text/plain"); });
    std::thread of_a([&] { a.listen_after_bind(); }), of_b([&] { b.listen_after_bind(); });
    while (!a.is_running() || !b.is_running()) std::this_thread::yield();
    std::set<std::string> answers;
    for (int i = 0; i < 64; ++i) {
      httplib::Client client("127.0.0.1", port);
      if (const auto r = client.Get("/")) answers.insert(r->body);
    }
    std::printf("64 requests:");
    for (const auto& who : answers) std::printf(" %s", who.c_str());
    std::printf("\n");
    a.stop(), b.stop();
    of_a.join(), of_b.join();
  }
  httplib::Server a, b;
  a.set_socket_options(&reuse_address);
  b.set_socket_options(&reuse_address);
  const int port = a.bind_to_any_port("127.0.0.1");
  std::printf("with SO_REUSEADDR: first %s, second %s\n", port > 0 ? "true" : "false",
              b.bind_to_port("127.0.0.1", port) ? "true" : "false");
}
END
machine=$(g++ -print-multiarch)
libraries=root/usr/lib/$machine
g++ -std=c++17 -O0 -w -DCPPHTTPLIB_OPENSSL_SUPPORT -DCPPHTTPLIB_ZLIB_SUPPORT -DCPPHTTPLIB_BROTLI_SUPPORT -I root/usr/include \
  -I "root/usr/include/$machine" main.cpp -L "$libraries" -Wl,-rpath-link,"$libraries" \
  -lcpp-httplib -pthread -o main
LD_LIBRARY_PATH=$libraries ./main | tee output
diff output - <<'END'
by default: first true, second true
64 requests: a b
with SO_REUSEADDR: first true, second false
END
