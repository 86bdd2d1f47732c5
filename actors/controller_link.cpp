#include "actors/controller_link.hpp"

#include "actors/link_frames.hpp"

#include <spdlog/spdlog.h>

#include <mutex>

namespace troupe::actors {

namespace {

/// The session of the moment, shared by the link's thread and the actor below.
struct current_session {
  std::mutex mutex;
  std::shared_ptr<link::session> session;

  void set(std::shared_ptr<link::session> next) {
    std::lock_guard lock(mutex);
    session = std::move(next);
  }

  /// Without a session the frame goes nowhere: the next welcome makes the agent report everything
  /// again.
  void send(link::frame frame) {
    std::lock_guard lock(mutex);
    if (session) session->send(std::move(frame));
  }
};

struct controller_link_state {
  static constexpr const char* name = "controller-link";
};

wire::frame<wire::LogChunk> failed_chunk(const std::string& problem) {
  return wire::frame<wire::LogChunk>::build(
      [&](wire::LogChunk::Builder chunk) { chunk.setError(problem); });
}

controller_link_actor::behavior_type
controller_link_behavior(controller_link_actor::stateful_pointer<controller_link_state> self,
                         const std::shared_ptr<current_session>& link,
                         const local_agent_actor& agent) {
  return {
      [link](atom::report, const wire::frame<wire::Report>& report) {
        link->send(link_frame(report));
      },
      [self, link, agent](atom::received, const wire::frame<wire::LogQuery>& query,
                          uint64_t correlation) {
        self->request(agent, std::chrono::seconds(10), atom::logs::value, query)
            .then(
                [link, correlation](const wire::frame<wire::LogChunk>& chunk) {
                  link->send(link_frame(chunk, correlation));
                },
                [link, correlation](const caf::error&) {
                  link->send(link_frame(failed_chunk("the node is too busy to read its logs now"),
                                        correlation));
                });
      },
  };
}

/// Orders go straight to the agent, after the welcome that was sent from the same thread.
struct receiver {
  local_agent_actor agent;
  controller_link_actor link;

  void pass_on(wire::frame<wire::Order> order, uint64_t) const {
    caf::anon_send(agent, atom::order::value, std::move(order));
  }
  void pass_on(wire::frame<wire::LogQuery> query, uint64_t correlation) const {
    caf::anon_send(link, atom::received::value, std::move(query), correlation);
  }
};

} // namespace

struct controller_link::impl {
  controller_link_actor actor;
  std::unique_ptr<link::client> client;
};

result<std::unique_ptr<controller_link>>
controller_link::dial(caf::actor_system& system, local_agent_actor agent, const node_ledger& ledger,
                      std::string address, std::string controller_name, link::identity identity) {
  auto link = std::make_shared<current_session>();
  auto made = std::make_unique<impl>();
  made->actor = system.spawn(controller_link_behavior, link, agent);
  caf::anon_send(agent, atom::attach::value, caf::actor_cast<report_target_actor>(made->actor));

  link::client_events events;
  events.welcome = [link, agent, address](std::shared_ptr<link::session> session,
                                          shared_bytes welcome_bytes) {
    auto welcome = wire::frame<wire::NodeWelcome>::parse(welcome_bytes);
    if (!welcome) {
      session->close("a welcome that is no message: " + welcome.error().message);
      return;
    }
    spdlog::info("event=link_up controller={} cluster={} epoch={}", address,
                 wire::view((*welcome)->getClusterId()), (*welcome)->getEpoch());
    link->set(std::move(session));
    caf::anon_send(agent, atom::welcome::value, std::move(*welcome));
  };
  events.received = [to = receiver{agent, made->actor}](link::session& session, link::frame frame) {
    auto handled =
        handle_frame<wire::Order, wire::LogQuery>(frame, [&](auto message, uint64_t correlation) {
          to.pass_on(std::move(message), correlation);
        });
    if (!handled) session.close(handled.error().message);
  };
  events.closed = [link, address](link::session&, error reason) {
    spdlog::warn("event=link_down controller={} reason=\"{}\"", address, reason.message);
    link->set(nullptr);
  };
  auto client =
      link::client::dial(std::move(address), std::move(controller_name), std::move(identity),
                         [&ledger] { return ledger.hello().shared(); }, std::move(events), {});
  if (!client) return std::unexpected(client.error());
  made->client = std::move(*client);
  return std::unique_ptr<controller_link>(new controller_link(std::move(made)));
}

controller_link::controller_link(std::unique_ptr<impl> impl) : impl_(std::move(impl)) {}

controller_link::~controller_link() {
  impl_->client.reset();
  caf::anon_send_exit(impl_->actor, caf::exit_reason::user_shutdown);
}

} // namespace troupe::actors
