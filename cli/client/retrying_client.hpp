// Following a job outlives a restart of the controller, because the training does: while nobody
// answers, ask again for a while before giving up.
#pragma once

#include "cli/client/http_client.hpp"

#include <chrono>
#include <functional>
#include <string>

namespace troupe::cli {

class patient_client {
public:
  /// `note` is called once at the beginning of a silence, and once at its end.
  patient_client(http_client& client, std::function<void(const std::string&)> note,
                 std::chrono::seconds limit = std::chrono::seconds(60))
      : client_(client), note_(std::move(note)), limit_(limit) {}

  result<json_document> get(const std::string& path);
  result<json_document> post(const std::string& path, const std::string& body);
  result<> pause(uint32_t ms) { return client_.pause(ms); }

private:
  result<json_document> insist(const std::function<result<json_document>()>& ask);

  http_client& client_;
  std::function<void(const std::string&)> note_;
  std::chrono::seconds limit_;
};

} // namespace troupe::cli
