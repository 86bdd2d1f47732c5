#include "actors/agent_gateway.hpp"

#include "actors/link_frames.hpp"

#include <spdlog/spdlog.h>

#include <map>
#include <mutex>

namespace troupe::actors {

namespace {

using logs_promise = caf::typed_response_promise<wire::frame<wire::LogChunk>>;

/// Questions to one node that wait for its answer. More would mean that the node is stuck.
constexpr size_t log_queries_max = 256;

struct proxy_state {
  static constexpr const char* name = "agent-proxy";

  std::shared_ptr<link::session> session;
  std::map<uint64_t, logs_promise> asked;
  uint64_t next_correlation = 1;
};

wire::frame<wire::LogChunk> refused_chunk(const std::string& reason) {
  return wire::frame<wire::LogChunk>::build(
      [&](wire::LogChunk::Builder chunk) { chunk.setError(reason); });
}

agent_proxy_actor::behavior_type
proxy_behavior(agent_proxy_actor::stateful_pointer<proxy_state> self,
               const std::shared_ptr<link::session>& session,
               const wire::frame<wire::NodeHello>& hello, const controller_actor& controller) {
  auto& state = self->state;
  state.session = session;
  // No deadline: the controller answers once the decision is stored, and a disk may be slow. If the
  // controller or the peer goes away, the request fails or the session closes.
  self->request(controller, caf::infinite, atom::join::value, hello,
                caf::actor_cast<agent_actor>(self))
      .then(
          [self, session](const wire::frame<wire::NodeWelcome>& welcome) {
            if (welcome->getError().size() == 0) return;
            session->close(wire::str(welcome->getError()));
            self->quit(caf::exit_reason::user_shutdown);
          },
          [self, session](const caf::error&) {
            session->close("the controller is shutting down");
            self->quit(caf::exit_reason::user_shutdown);
          });
  return {
      [&state](atom::order, const wire::frame<wire::Order>& order) {
        state.session->send(link_frame(order));
      },
      [&state, self](atom::logs, const wire::frame<wire::LogQuery>& query)
          -> caf::result<wire::frame<wire::LogChunk>> {
        if (state.asked.size() >= log_queries_max)
          return refused_chunk("too many questions wait for this node already");
        const auto correlation = state.next_correlation++;
        auto promise = self->make_response_promise<wire::frame<wire::LogChunk>>();
        state.asked.emplace(correlation, promise);
        state.session->send(link_frame(query, correlation));
        return promise;
      },
      [controller, self](atom::received, const wire::frame<wire::Report>& report, uint64_t) {
        self->send(controller, atom::report::value, report);
      },
      [&state](atom::received, const wire::frame<wire::LogChunk>& chunk, uint64_t correlation) {
        auto found = state.asked.find(correlation);
        if (found == state.asked.end()) return;
        found->second.deliver(chunk);
        state.asked.erase(found);
      },
  };
}

} // namespace

struct agent_gateway::impl {
  caf::actor_system& system;
  controller_actor controller;
  wire::frame<wire::NodeWelcome> welcome;
  std::mutex mutex;
  std::map<link::session*, agent_proxy_actor> proxies;
  std::unique_ptr<link::server> server;

  result<shared_bytes> joined(const std::shared_ptr<link::session>& session,
                              const shared_bytes& hello_bytes) {
    auto hello = wire::frame<wire::NodeHello>::parse(hello_bytes);
    if (!hello) return std::unexpected(hello.error());
    // The certificate says who may speak for a node; the hello must not say otherwise.
    if (wire::view((*hello)->getName()) != session->peer_name())
      return fail(errc::permission_denied,
                  "the node calls itself \"{}\", but its certificate is for \"{}\": set `name` in "
                  "the agent's "
                  "configuration to the name the certificate was issued for",
                  wire::view((*hello)->getName()), session->peer_name());
    auto proxy = system.spawn(proxy_behavior, session, *hello, controller);
    std::lock_guard lock(mutex);
    proxies[session.get()] = proxy;
    return welcome.shared();
  }

  void received(link::session& session, const link::frame& frame) {
    std::lock_guard lock(mutex);
    auto known = proxies.find(&session);
    if (known == proxies.end()) return;
    auto handled =
        handle_frame<wire::Report, wire::LogChunk>(frame, [&](auto message, uint64_t correlation) {
          caf::anon_send(known->second, atom::received::value, std::move(message), correlation);
        });
    if (!handled) session.close(handled.error().message);
  }

  void closed(link::session& session, const error& reason) {
    std::lock_guard lock(mutex);
    auto known = proxies.find(&session);
    if (known == proxies.end()) return;
    spdlog::warn("event=link_closed node={} reason=\"{}\"", session.peer_name(), reason.message);
    caf::anon_send_exit(known->second, caf::exit_reason::remote_link_unreachable);
    proxies.erase(known);
  }
};

result<std::unique_ptr<agent_gateway>>
agent_gateway::open(caf::actor_system& system, controller_actor controller, std::string address,
                    link::identity identity, std::string cluster_id, uint64_t epoch) {
  auto made = std::unique_ptr<impl>(new impl{system, std::move(controller), {}, {}, {}, {}});
  made->welcome = wire::frame<wire::NodeWelcome>::build([&](wire::NodeWelcome::Builder welcome) {
    welcome.setClusterId(cluster_id);
    welcome.setEpoch(epoch);
  });
  link::server_events events;
  events.joined = [gateway = made.get()](std::shared_ptr<link::session> session,
                                         shared_bytes hello) {
    return gateway->joined(session, hello);
  };
  events.received = [gateway = made.get()](link::session& session, link::frame frame) {
    gateway->received(session, frame);
  };
  events.closed = [gateway = made.get()](link::session& session, error reason) {
    gateway->closed(session, reason);
  };
  auto server =
      link::server::listen(std::move(address), std::move(identity), std::move(events), {});
  if (!server) return std::unexpected(server.error());
  made->server = std::move(*server);
  return std::unique_ptr<agent_gateway>(new agent_gateway(std::move(made)));
}

agent_gateway::agent_gateway(std::unique_ptr<impl> impl) : impl_(std::move(impl)) {}

agent_gateway::~agent_gateway() {
  // The server first: its callbacks use the rest.
  impl_->server.reset();
  for (const auto& [session, proxy] : impl_->proxies)
    caf::anon_send_exit(proxy, caf::exit_reason::user_shutdown);
}

uint16_t agent_gateway::port() const { return impl_->server->port(); }

} // namespace troupe::actors
