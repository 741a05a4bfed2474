#include "support/report_server.h"

#include <cairn/base/error.h>

#ifdef CAIRN_HAS_HTTPLIB
#include <cairn/train/report.h>
#include <httplib.h>

#include <csignal>
#include <cstdio>
#include <mutex>

namespace support {

namespace {

httplib::Server* running = nullptr;

// One and the same for all requests, which come on several threads.
struct Page {
  cairn::train::Report report;
  std::mutex mutex;
  int64_t version = 0;
  std::string data;

  explicit Page(const std::vector<std::string>& folders) : report(folders) {}
  void update() {
    if (!report.update() && version > 0) return;
    data = report.data();
    ++version;
  }
  std::string tag() const { return "\"" + std::to_string(version) + "\""; }
};

}  // namespace

void serve_report(const std::vector<std::string>& folders, int port) {
  Page page(folders);
  page.update();

  httplib::Server server;
  server.new_task_queue = [] { return new httplib::ThreadPool(4); };
  server.set_payload_max_length(1024);
  // Without SO_REUSEPORT, which would let a second server share the port.
  server.set_socket_options([](socket_t socket) {
    const int yes = 1;
    setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  });
  server.set_default_headers({{"Cache-Control", "no-store"},
                              {"Cross-Origin-Resource-Policy", "same-origin"},
                              {"X-Content-Type-Options", "nosniff"},
                              {"X-Frame-Options", "DENY"}});
  const int bound = port == 0                                ? server.bind_to_any_port("127.0.0.1")
                    : server.bind_to_port("127.0.0.1", port) ? port
                                                             : -1;
  cairn::require<cairn::Error>(bound > 0, "report", "this port cannot be listened on; --port names another",
                               cairn::given("port", port));

  server.set_pre_routing_handler([bound](const httplib::Request& request, httplib::Response& response) {
    const std::string host = request.get_header_value("Host"), tail = ":" + std::to_string(bound);
    const bool own = host == "127.0.0.1" + tail || host == "localhost" + tail;
    if (own && request.get_header_value_count("Host") == 1) return httplib::Server::HandlerResponse::Unhandled;
    response.status = 403;
    response.set_content("this page is for the computer that serves it\n", "text/plain; charset=utf-8");
    return httplib::Server::HandlerResponse::Handled;
  });
  server.Get("/", [&](const httplib::Request&, httplib::Response& response) {
    const std::lock_guard lock(page.mutex);
    page.update();
    response.set_content(page.report.page(true), "text/html; charset=utf-8");
  });
  server.Get("/data", [&](const httplib::Request& request, httplib::Response& response) {
    const std::lock_guard lock(page.mutex);
    page.update();
    response.set_header("ETag", page.tag());
    if (request.get_header_value("If-None-Match") == page.tag())
      response.status = 304;
    else
      response.set_content(page.data, "application/json");
  });
  server.set_exception_handler([](const httplib::Request&, httplib::Response& response, std::exception_ptr error) {
    response.status = 500;
    try {
      std::rethrow_exception(std::move(error));
    } catch (const std::exception& e) {
      response.set_content(e.what(), "text/plain; charset=utf-8");
    }
  });

  running = &server;
  for (const int signal : {SIGINT, SIGTERM}) std::signal(signal, [](int) { running->stop(); });
  std::printf("http://127.0.0.1:%d/ shows it to this computer; Ctrl-C ends\n", bound);
  std::fflush(stdout);
  server.listen_after_bind();
}

}  // namespace support

#else

namespace support {

void serve_report(const std::vector<std::string>&, int) {
  cairn::fail<cairn::Error>("report",
                            "--live needs cpp-httplib, which was not there when this was configured (Debian: "
                            "libcpp-httplib-dev)");
}

}  // namespace support

#endif
