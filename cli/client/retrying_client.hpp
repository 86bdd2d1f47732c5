// Following a job must survive a restart of the controller, because the training does: while the
// server does not answer, this client repeats the request for a while before it gives up.
#pragma once

#include "cli/client/http_client.hpp"

#include <chrono>
#include <functional>
#include <string>

namespace troupe::cli {

class retrying_client {
public:
  /// `note` is called once when the server stops answering, and once when it answers again.
  retrying_client(http_client& client, std::function<void(const std::string&)> note,
                  std::chrono::seconds limit = std::chrono::seconds(60))
      : client_(client), note_(std::move(note)), limit_(limit) {}

  result<json_document> get(const std::string& path);
  result<json_document> post(const std::string& path, const std::string& body);
  result<> pause(uint32_t ms) { return client_.pause(ms); }

private:
  result<json_document> retried(const std::function<result<json_document>()>& request);

  http_client& client_;
  std::function<void(const std::string&)> note_;
  std::chrono::seconds limit_;
};

} // namespace troupe::cli
