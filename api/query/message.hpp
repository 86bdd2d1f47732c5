// A request and a response as handlers see them: plain values, no event loop, no sockets. So a
// handler can run on any thread, and be tested without a network.
#pragma once

#include "base/error.hpp"
#include "wire/json.hpp"

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::api {

enum class method : uint8_t { get, post, put, patch, remove, other };

struct request {
  method verb = method::get;
  std::string target;            // as it came, for messages
  std::vector<std::string> path; // decoded segments; "/v1/a/b" is {"v1", "a", "b"}
  std::string action;            // follows the last segment after a ':'; may be empty
  std::map<std::string, std::string, std::less<>> query; // decoded; names in camelCase
  std::string body;

  std::string_view parameter(std::string_view name) const;
  wire::json_options json() const;
};

struct response {
  int status = 200;
  std::string content_type = "application/json; charset=utf-8";
  std::string body;
};

/// Called exactly once, from any thread.
using answer = std::function<void(response)>;

/// Splits and decodes a request target. invalid_argument: a broken %-escape or a NUL.
result<request> parse_target(method verb, std::string_view target);

/// The HTTP status of an error, as Google's APIs choose it.
int http_status(errc code);
std::string_view reason_phrase(int status);

/// {"error": {"code": 404, "message": "...", "status": "NOT_FOUND"}}
response error_response(const error& problem);
response error_response(int http, const error& problem);
response json_response(std::string body);

/// The JSON with status 200, or the error's response.
response respond(const result<std::string>& json);

} // namespace troupe::api
