#include "host/agent_host.hpp"

#include "base/files.hpp"
#include "base/private_file.hpp"
#include "base/version.hpp"

#include <spdlog/spdlog.h>

#include <cstring>
#include <sys/sysinfo.h>
#include <thread>
#include <unistd.h>

namespace troupe::host {

namespace {

/// Grows with every start, so that the controller can distinguish reports of this agent from those
/// of an earlier agent of this node.
result<uint64_t> next_epoch(const std::filesystem::path& directory) {
  const auto file = directory / "epoch";
  uint64_t epoch = 0;
  if (const auto line = first_line(file).value_or(""); !line.empty()) {
    if (std::sscanf(line.c_str(), "%lu", &epoch) != 1)
      return fail(errc::data_loss,
                  "{}: expected a number, found \"{}\"; delete the file once no replica runs here",
                  file.string(), line);
  }
  // Without the file the number must not fall back; the clock is far ahead of any count of
  // restarts.
  epoch = std::max(epoch + 1, static_cast<uint64_t>(::time(nullptr)));
  if (auto written = write_private_file(file, std::to_string(epoch) + "\n"); !written)
    return std::unexpected(written.error());
  return epoch;
}

/// Two agents on one directory would adopt each other's replicas.
result<directory_lock> lock(const std::filesystem::path& directory) {
  return directory_lock::take(directory, "lock", [&](const std::string& process) {
    return fmt::format("{}: another agent (process {}) uses this directory; stop it, or give this "
                       "one another data directory",
                       directory.string(), process);
  });
}

} // namespace

core::amounts machine_resources() {
  struct sysinfo info {};
  core::amounts machine;
  machine.cpu_millis = uint64_t{std::max(1u, std::thread::hardware_concurrency())} * 1000;
  machine.memory_bytes =
      ::sysinfo(&info) == 0 ? uint64_t{info.totalram} * info.mem_unit : uint64_t{1} << 30;
  return machine;
}

result<std::unique_ptr<agent_host>> agent_host::start(caf::actor_system& system,
                                                      agent_options options) {
  auto host = std::unique_ptr<agent_host>(new agent_host(system));
  auto settings = std::make_shared<runtime::node_settings>(std::move(options.runtime));
  settings->node_name = options.name;
  // Replicas get paths below it, and run in other working directories.
  settings->directory = std::filesystem::absolute(settings->directory).lexically_normal();
  if (auto made = make_private_directory(settings->directory); !made)
    return std::unexpected(made.error());
  auto locked = lock(settings->directory);
  if (!locked) return std::unexpected(locked.error());
  host->lock_ = std::move(*locked);
  auto epoch = next_epoch(settings->directory);
  if (!epoch) return std::unexpected(epoch.error());

  actors::node_identity identity;
  identity.name = options.name;
  identity.address = options.address;
  identity.boot_id = first_line("/proc/sys/kernel/random/boot_id").value_or("");
  identity.agent_epoch = *epoch;
  const auto machine = machine_resources();
  identity.cpu_millis = options.cpu_millis.value_or(machine.cpu_millis);
  identity.memory_bytes = options.memory_bytes.value_or(machine.memory_bytes);
  identity.gpus = options.gpus.value_or(0);
  identity.gpu_type = options.gpu_type;
  identity.port_first = options.port_first;
  identity.port_last = options.port_last;
  identity.version = troupe::version;
  host->ledger_ = std::make_shared<actors::node_ledger>(std::move(identity));
  auto reactor = runtime::reactor::create();
  if (!reactor) return std::unexpected(reactor.error());
  host->agent_ =
      actors::spawn_agent(system, {std::move(settings), std::move(*reactor), host->ledger_});
  // A hello that is sent before the adoption has ended would report running replicas as lost.
  caf::scoped_actor self{system};
  result<> adopted;
  self->request(host->agent_, std::chrono::seconds(60), actors::atom::hello::value)
      .receive([](const wire::frame<wire::NodeHello>&) {},
               [&](const caf::error& problem) {
                 adopted = fail(errc::deadline_exceeded,
                                "node {}: the replicas that an earlier agent left running could "
                                "not be adopted: {}",
                                options.name, system.render(problem));
               });
  if (!adopted) return std::unexpected(adopted.error());
  return host;
}

result<> agent_host::join(const actors::controller_actor& controller) {
  caf::scoped_actor self{system_};
  result<> joined;
  self->request(agent_, std::chrono::seconds(60), actors::atom::join::value, controller)
      .receive(
          [&](const wire::frame<wire::NodeWelcome>& welcome) {
            if (welcome->getError().size() > 0)
              joined = fail(errc::failed_precondition, "the controller refuses node {}: {}",
                            identity().name, wire::view(welcome->getError()));
          },
          [&](const caf::error& problem) {
            joined = fail(errc::unavailable, "node {} cannot join the controller: {}",
                          identity().name, system_.render(problem));
          });
  return joined;
}

result<> agent_host::join(controller_link_options options) {
  auto link = actors::controller_link::dial(system_, agent_, *ledger_, std::move(options.address),
                                            std::move(options.controller_name),
                                            std::move(options.identity));
  if (!link) return std::unexpected(link.error());
  link_ = std::move(*link);
  return {};
}

bool agent_host::stop_replicas() {
  caf::scoped_actor self{system_};
  bool clean = false;
  self->request(agent_, std::chrono::seconds(15), actors::atom::shutdown::value)
      .receive([&](bool stopped) { clean = stopped; }, [&](const caf::error&) {});
  return clean;
}

agent_host::~agent_host() {
  link_.reset();
  if (agent_) {
    caf::anon_send_exit(agent_, caf::exit_reason::user_shutdown);
    caf::scoped_actor self{system_};
    self->wait_for(agent_);
  }
}

} // namespace troupe::host
