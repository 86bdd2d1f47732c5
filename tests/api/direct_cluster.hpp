// The API's handlers over the fake backend, called directly: no server, no sockets, no threads but
// the one for waits. For tests of what a handler answers.
#pragma once

#include "api/backend/operation_waits.hpp"
#include "api/http/routes.hpp"
#include "tests/api/fake_backend.hpp"

#include <doctest/doctest.h>
#include <yaml-cpp/yaml.h>

#include <future>
#include <memory>

namespace troupe::api::test {

struct direct_cluster {
  explicit direct_cluster(server_settings chosen = {}) : settings(std::move(chosen)) {}

  /// Waits for the response.
  response call(method verb, std::string_view target, std::string body = {}) {
    auto request = parse_target(verb, target);
    REQUIRE(request);
    request->body = std::move(body);
    auto promise = std::make_shared<std::promise<response>>();
    dispatch(handler_context, counts, *request,
             [promise](response response) { promise->set_value(std::move(response)); });
    return promise->get_future().get();
  }
  response get(std::string_view target) { return call(method::get, target); }
  response post(std::string_view target, std::string body = "{}") {
    return call(method::post, target, std::move(body));
  }

  fake_backend backend;
  server_settings settings;
  std::atomic<bool> stopping = false;
  request_counts counts;
  operation_waits waits{backend.database(), stopping};
  context handler_context{backend, settings, stopping, waits};
};

inline const std::string location_path = "/v1/projects/p/locations/l";

/// JSON is YAML.
inline YAML::Node json_of(const response& response) { return YAML::Load(response.body); }

inline std::string message_of(const response& response) {
  return json_of(response)["error"]["message"].as<std::string>();
}

} // namespace troupe::api::test
