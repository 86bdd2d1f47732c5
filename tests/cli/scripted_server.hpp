// An HTTP server in the test's process, on a real socket: it gives the answers that the test prepares
// and records the requests.
#pragma once

#include <arpa/inet.h>
#include <csignal>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <netinet/in.h>
#include <pthread.h>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace troupe::cli {

struct http_request {
  std::string line; // "GET /v1/..."
  std::string authorization;
  std::string body;
};

class scripted_server {
public:
  using answer = std::function<std::string(const http_request&)>;

  explicit scripted_server(answer how) : how_(std::move(how)) {
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    bind(listener_, reinterpret_cast<sockaddr*>(&at), sizeof at);
    listen(listener_, 16);
    socklen_t size = sizeof at;
    getsockname(listener_, reinterpret_cast<sockaddr*>(&at), &size);
    port_ = ntohs(at.sin_port);
    // Signals must go to the thread that waits for them.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    thread_ = std::thread([this] { serve(); });
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }
  ~scripted_server() {
    shutdown(listener_, SHUT_RDWR);
    thread_.join();
    close(listener_);
  }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  std::vector<http_request> requests() {
    std::lock_guard lock(mutex_);
    return requests_;
  }

  static std::string json(const std::string& body, const std::string& status = "200 OK") {
    return "HTTP/1.1 " + status + "\r\nContent-Type: application/json\r\nContent-Length: "
           + std::to_string(body.size()) + "\r\n\r\n" + body;
  }

private:
  void serve() {
    for (int client; (client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC)) >= 0;
         close(client)) {
      auto request = read(client);
      {
        std::lock_guard lock(mutex_);
        requests_.push_back(request);
      }
      auto text = how_(request);
      for (size_t sent = 0; sent < text.size();) {
        auto count = send(client, text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
        if (count <= 0) break;
        sent += static_cast<size_t>(count);
      }
    }
  }

  static http_request read(int client) {
    std::string text;
    size_t length = 0, head = std::string::npos;
    char buffer[4096];
    while (head == std::string::npos || text.size() < head + 4 + length) {
      auto count = recv(client, buffer, sizeof buffer, 0);
      if (count <= 0) break;
      text.append(buffer, static_cast<size_t>(count));
      head = text.find("\r\n\r\n");
      if (head != std::string::npos && head > 0)
        length = std::strtoul(field(text, "Content-Length: ").c_str(), nullptr, 10);
    }
    if (head == std::string::npos) return {};
    return {text.substr(0, text.find(" HTTP/")), field(text, "Authorization: "),
            text.substr(head + 4)};
  }

  static std::string field(const std::string& text, const std::string& name) {
    auto at = text.find("\r\n" + name);
    if (at == std::string::npos) return "";
    at += 2 + name.size();
    return text.substr(at, text.find("\r\n", at) - at);
  }

  answer how_;
  int listener_ = -1;
  uint16_t port_ = 0;
  std::mutex mutex_;
  std::vector<http_request> requests_;
  std::thread thread_;
};

} // namespace troupe::cli
