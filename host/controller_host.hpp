// A controller put together from its parts: store, core, actors, API and, if agents dial in, the
// agent gateway.
#pragma once

#include "actors/actors.hpp"
#include "actors/agent_gateway.hpp"
#include "api/http/server.hpp"
#include "core/cluster/cluster.hpp"
#include "store/store.hpp"

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

namespace troupe::host {

struct gateway_options {
  std::string listen; // "host:port"
  link::identity identity;
};

struct controller_options {
  std::filesystem::path data_directory;   // of the store, the token and the endpoint
  std::string api_listen;                 // "host:port"; port 0 takes a free one
  std::optional<gateway_options> gateway; // absent: agents of this process only
  std::string project = "local";
  std::string location = "local";
  core::settings core;
};

class controller_host {
public:
  /// Recovers the cluster from the store and serves. Errors: another controller has the store, a
  /// port is taken, damage.
  static result<std::unique_ptr<controller_host>> start(caf::actor_system& system,
                                                        controller_options options);
  ~controller_host();

  const actors::controller_actor& controller() const { return controller_; }
  /// "http://host:port", also in the file `endpoint` of the data directory.
  const std::string& endpoint() const { return endpoint_; }
  const std::filesystem::path& token_file() const { return token_file_; }
  uint16_t gateway_port() const { return gateway_ ? gateway_->port() : 0; }

private:
  controller_host() = default;

  std::filesystem::path token_file_;
  std::filesystem::path endpoint_file_;
  std::string endpoint_;
  std::unique_ptr<store::database> database_;
  actors::store_actor store_;
  actors::controller_actor controller_;
  std::unique_ptr<api::backend> backend_;
  std::unique_ptr<actors::agent_gateway> gateway_;
  std::unique_ptr<api::server> server_;
};

} // namespace troupe::host
