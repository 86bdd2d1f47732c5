// A minimal HTTP client on a blocking socket. Tests see the exact bytes of the server, and can send
// bytes that no real client would send.
#pragma once

#include <yaml-cpp/yaml.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace troupe::api::test {

struct http_reply {
  int status = 0;                             // 0: the connection ended without a reply
  std::map<std::string, std::string> headers; // names in lower case
  std::string body;

  /// JSON is YAML.
  YAML::Node json() const { return YAML::Load(body); }
};

class connection {
public:
  explicit connection(uint16_t port);
  ~connection();
  connection(const connection&) = delete;

  void send(std::string_view bytes);
  void end_sending();
  /// Reads one reply; `head`: to a HEAD request, which has no body.
  http_reply reply(bool head = false);
  /// Whether the server closes the connection within the time. Bytes that it sends before are
  /// ignored.
  bool closes_within(std::chrono::milliseconds time);

private:
  bool fill();

  int socket_ = -1;
  std::string read_;
};

struct client {
  uint16_t port;
  std::string token = "secret";

  http_reply call(std::string_view method, std::string_view target,
                  std::string_view body = {}) const;
  http_reply get(std::string_view target) const { return call("GET", target); }
  http_reply post(std::string_view target, std::string_view body) const {
    return call("POST", target, body);
  }
  std::string head_of(std::string_view method, std::string_view target, size_t body_bytes) const;
};

} // namespace troupe::api::test
