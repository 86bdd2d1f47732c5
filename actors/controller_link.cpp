#include "actors/controller_link.hpp"

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
  void send(link::bytes frame) {
    std::lock_guard lock(mutex);
    if (session) session->send(std::move(frame));
  }
};

void send(current_session& link, const wire::frame<wire::FromAgent>& message) {
  link.send(link::make_bytes(message.bytes()));
}

struct controller_link_state {
  static constexpr const char* name = "controller-link";
};

controller_link_actor::behavior_type
controller_link_behavior(controller_link_actor::stateful_pointer<controller_link_state> self,
                         const std::shared_ptr<current_session>& link,
                         const local_agent_actor& agent) {
  return {
      [link](atom::report, const wire::frame<wire::Report>& report) {
        send(*link, wire::frame<wire::FromAgent>::build(
                        [&](wire::FromAgent::Builder from) { from.setReport(*report); }));
      },
      [self, link, agent](atom::received, const wire::frame<wire::ToAgent>& message) {
        if (message->isOrder()) {
          self->send(agent, atom::order::value,
                     wire::frame<wire::Order>::copy(message->getOrder()));
          return;
        }
        const auto query = wire::frame<wire::LogQuery>::copy(message->getLogQuery());
        self->request(agent, std::chrono::seconds(10), atom::logs::value, query)
            .then(
                [link, query](const wire::frame<wire::LogChunk>& chunk) {
                  send(*link,
                       wire::frame<wire::FromAgent>::build([&](wire::FromAgent::Builder from) {
                         from.setLogChunk(*chunk);
                         from.getLogChunk().setCorrelation(query->getCorrelation());
                       }));
                },
                [link, query](const caf::error&) {
                  send(*link,
                       wire::frame<wire::FromAgent>::build([&](wire::FromAgent::Builder from) {
                         auto chunk = from.initLogChunk();
                         chunk.setCorrelation(query->getCorrelation());
                         chunk.setError("the node is too busy to read its logs now");
                       }));
                });
      },
  };
}

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
                                          link::bytes welcome_bytes) {
    auto welcome = wire::frame<wire::NodeWelcome>::parse(std::span(*welcome_bytes));
    if (!welcome) {
      session->close("a welcome that is no message: " + welcome.error().message);
      return;
    }
    spdlog::info("event=link_up controller={} cluster={} epoch={}", address,
                 wire::view((*welcome)->getClusterId()), (*welcome)->getEpoch());
    link->set(std::move(session));
    caf::anon_send(agent, atom::welcome::value, std::move(*welcome));
  };
  events.received = [actor = made->actor](link::session& session, link::bytes frame) {
    auto message = wire::frame<wire::ToAgent>::parse(std::span(*frame));
    if (!message)
      session.close("a frame that is no message: " + message.error().message);
    else
      caf::anon_send(actor, atom::received::value, std::move(*message));
  };
  events.closed = [link, address](link::session&, error reason) {
    spdlog::warn("event=link_down controller={} reason=\"{}\"", address, reason.message);
    link->set(nullptr);
  };
  auto client = link::client::dial(
      std::move(address), std::move(controller_name), std::move(identity),
      [&ledger] { return link::make_bytes(ledger.hello().bytes()); }, std::move(events), {});
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
