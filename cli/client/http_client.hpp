// A small blocking client for the REST API: JSON in, JSON out, errors as values. One client belongs
// to one thread. Every request opens its own connection: on a cluster's network that is cheap, and
// a connection that the server closed meanwhile cannot fail a request.
#pragma once

#include "base/error.hpp"
#include "cli/client/json.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace troupe::cli {

struct http_endpoint {
  std::string host;
  uint16_t port = 0;
  bool operator==(const http_endpoint&) const = default;
};

/// Takes "http://host:port" (an IPv6 address in brackets). Errors: invalid_argument.
result<http_endpoint> parse_endpoint(std::string_view url);

/// `text` made safe for one segment of a path or one value of a query.
std::string percent_encoded(std::string_view text);

struct http_options {
  std::string url;
  std::string token;            // sent as a bearer token; empty sends none
  uint32_t timeout_ms = 30'000; // for one request, connecting included
  // Ctrl-C ends a request or a pause with errc::cancelled, and not the process.
  bool interruptible = false;
};

class http_client {
public:
  /// Errors: invalid_argument for a URL that is not one.
  static result<std::unique_ptr<http_client>> open(http_options options);
  ~http_client();

  /// `path` starts with '/'. Errors: the error of the server's answer, with its code; unavailable
  /// if no server answers; deadline_exceeded; unknown if the answer is not one of this API.
  result<json_document> get(const std::string& path);
  result<json_document> post(const std::string& path, const std::string& body);
  result<json_document> remove(const std::string& path);

  /// Errors: cancelled after Ctrl-C, if the client is interruptible.
  result<> pause(uint32_t ms);

  const std::string& url() const { return options_.url; }

private:
  struct loop;
  enum class method : uint8_t { get, post, remove };

  http_client(http_options options, http_endpoint endpoint);
  std::string authority() const;
  result<json_document> exchange(method, const std::string& path, const std::string& body);

  http_options options_;
  http_endpoint endpoint_;
  std::unique_ptr<loop> loop_;
};

} // namespace troupe::cli
