#include "host/controller_host.hpp"

#include "actors/batches.hpp"
#include "actors/controller.hpp"
#include "actors/store_actor.hpp"
#include "actors/tuner_pool.hpp"
#include "base/private_file.hpp"
#include "base/randomness.hpp"
#include "host/published_endpoint.hpp"

#include <spdlog/spdlog.h>

namespace troupe::host {

namespace {

/// Passes the requests of the API to the controller's actor.
class actor_backend : public api::backend {
public:
  actor_backend(actors::controller_actor controller, const store::database& database)
      : controller_(std::move(controller)), database_(database) {}

  void execute(wire::frame<wire::Command> command,
               std::function<void(wire::frame<wire::Outcome>)> answer) override {
    caf::anon_send(
        controller_, actors::atom::execute::value, std::move(command),
        std::make_shared<const std::function<void(wire::frame<wire::Outcome>)>>(std::move(answer)));
  }

  void read_logs(std::string node, wire::frame<wire::LogQuery> query,
                 std::function<void(result<wire::frame<wire::LogChunk>>)> answer) override {
    caf::anon_send(controller_, actors::atom::logs::value, std::move(node), std::move(query),
                   std::make_shared<const std::function<void(result<wire::frame<wire::LogChunk>>)>>(
                       std::move(answer)));
  }

  const store::database& database() const override { return database_; }

private:
  actors::controller_actor controller_;
  const store::database& database_;
};

} // namespace

result<std::unique_ptr<controller_host>> controller_host::start(caf::actor_system& system,
                                                                controller_options options) {
  auto made = std::unique_ptr<controller_host>(new controller_host);
  if (auto ready = make_private_directory(options.data_directory); !ready)
    return std::unexpected(ready.error());

  auto database = store::open(options.data_directory / "store");
  if (!database) return std::unexpected(database.error());
  made->database_ = std::move(*database);

  const auto now = std::chrono::time_point_cast<micros>(std::chrono::system_clock::now());
  auto recovered = core::cluster::recover(
      std::move(options.core), random_hex(8), now,
      [&](store::family family,
          const std::function<bool(std::string_view, std::string_view)>& visit) {
        return made->database_->scan(family, "", false, visit);
      });
  if (!recovered) return std::unexpected(recovered.error());
  auto& [cluster, effects] = *recovered;
  // The raised epoch must be durable before any order carries it.
  if (auto committed = made->database_->commit(effects.writes); !committed)
    return std::unexpected(committed.error());

  const auto cluster_id = cluster->id();
  const auto epoch = cluster->epoch();
  made->store_ = actors::spawn_store(system, *made->database_);
  auto pending = std::move(effects.suggestion_requests);
  const auto tuner = std::make_shared<actors::tuner_pool>();
  made->controller_ = actors::spawn_controller(system, std::move(cluster), made->store_, tuner);
  for (auto& request : pending)
    tuner->ask(system, made->controller_, std::move(request));
  made->backend_ = std::make_unique<actor_backend>(made->controller_, *made->database_);

  if (options.gateway) {
    auto gateway = actors::agent_gateway::open(system, made->controller_, options.gateway->listen,
                                               options.gateway->identity, cluster_id, epoch);
    if (!gateway) return std::unexpected(gateway.error());
    made->gateway_ = std::move(*gateway);
  }

  made->token_file_ = options.data_directory / host::token_file;
  auto token = read_or_make_secret(made->token_file_, [] { return random_hex(24); });
  if (!token) return std::unexpected(token.error());
  api::server_settings settings;
  settings.listen = options.api_listen;
  settings.token = *token;
  settings.token_place = "in " + made->token_file_.string();
  settings.project = options.project;
  settings.location = options.location;
  auto server = api::server::start(settings, *made->backend_);
  if (!server) return std::unexpected(server.error());
  made->server_ = std::move(*server);

  const auto name = options.api_listen.substr(0, options.api_listen.rfind(':'));
  made->endpoint_ =
      fmt::format("http://{}:{}", name == "0.0.0.0" ? "127.0.0.1" : name, made->server_->port());
  made->endpoint_file_ = options.data_directory / host::endpoint_file;
  if (auto published = publish(options.data_directory, {made->endpoint_, *token}); !published)
    return std::unexpected(published.error());
  spdlog::info("event=controller_up cluster={} epoch={} endpoint={} gateway_port={}", cluster_id,
               epoch, made->endpoint_, made->gateway_port());
  return made;
}

controller_host::~controller_host() {
  // Outermost first: no request may reach a part that has ended.
  server_.reset();
  gateway_.reset();
  std::error_code ignored;
  if (!endpoint_file_.empty()) std::filesystem::remove(endpoint_file_, ignored);
  if (controller_) caf::anon_send_exit(controller_, caf::exit_reason::user_shutdown);
  if (!store_) return;
  // The store's thread must end before the database is closed.
  caf::scoped_actor self{store_.home_system()};
  self->wait_for(controller_);
  caf::anon_send_exit(store_, caf::exit_reason::user_shutdown);
  self->wait_for(store_);
}

} // namespace troupe::host
