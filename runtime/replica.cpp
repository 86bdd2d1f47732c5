#include "runtime/replica.hpp"

#include "base/files.hpp"
#include "base/utf8.hpp"
#include "runtime/expansion.hpp"
#include "runtime/leftovers.hpp"
#include "runtime/local_socket.hpp"
#include "runtime/ports.hpp"
#include "runtime/shim/identity.hpp"
#include "runtime/shim/supervisor.hpp"

#include <array>
#include <cstdlib>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace troupe::runtime {

using namespace std::chrono_literals;

namespace {

constexpr auto socket_name = "socket";
constexpr auto sweep_interval = 5ms;
constexpr auto metrics_poll_interval = 200ms;

int64_t now_micros() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::unexpected<launch_failure> for_now(const error& problem) {
  return std::unexpected(launch_failure{problem.message, /* permanent= */ false});
}

std::vector<std::string> inherited(const node_settings& settings) {
  std::vector<std::string> out;
  for (const auto& name : settings.pass_environment)
    if (const char* value = std::getenv(name.c_str())) out.push_back(name + '=' + value);
  return out;
}

} // namespace

replica::replica(const node_settings& settings, reactor& loop, replica_key key,
                 replica_events events)
    : settings_(settings), reactor_(loop), key_(key), events_(std::move(events)),
      directory_(replica_directory(settings.directory, key)) {}

replica::~replica() { drop_all(); }

void replica::drop_all() {
  for (auto* ticket : {&hearing_, &following_, &metrics_, &sweeping_})
    reactor_.drop(std::exchange(*ticket, 0));
}

void replica::launch(wire::Launch::Reader order) {
  auto outcome = prepare(order);
  if (outcome) outcome = spawn();
  if (!outcome) fail_launch(outcome.error());
}

std::expected<void, launch_failure> replica::prepare(wire::Launch::Reader order) {
  for (const auto& directory :
       {directory_ / "scratch", directory_ / "hypertune", log_directory(settings_.directory, key_)})
    if (auto made = make_directories(directory); !made) return for_now(made.error());
  auto written = write_order(order);
  if (written && order.getTrialId().size() > 0) watch_metrics();
  return written;
}

std::expected<void, launch_failure> replica::write_order(wire::Launch::Reader launch) {
  replica_paths paths{metric_file(), {}};
  auto program = program_of(launch, key_, settings_, directory_ / "packages");
  if (!program) return std::unexpected(program.error());
  if (program->has_packages) paths.packages = directory_ / "packages";
  if (auto free = check_port(launch.getPools()[key_.pool].getEndpoints()[key_.index]); !free)
    return for_now(free.error());
  auto output = output_prefix(launch.getSpec(), settings_);
  if (output.starts_with('/'))
    for (auto part : {"model", "checkpoints", "logs"}) {
      // These are the user's: made with the usual permissions.
      std::error_code code;
      std::filesystem::create_directories(output + part, code);
      if (code)
        return std::unexpected(
            launch_failure{fmt::format("cannot make {}{} (baseOutputDirectory) on node '{}': {}",
                                       output, part, settings_.node_name, code.message())});
    }
  auto variables = environment_of(launch, key_, settings_, paths, inherited(settings_));
  for (auto& argument : program->steps.back())
    argument = expand(argument, [&](std::string_view name) { return variables.find(name); });
  variables.put(replica_mark, directory_);
  shim::order order{.working_directory = directory_ / "scratch",
                    .log_directory = log_directory(settings_.directory, key_),
                    .log_bytes_max = settings_.log_bytes_max,
                    .environment = variables.list(),
                    .steps = std::move(program->steps)};
  if (auto written = replace_file(directory_ / "order", encode(order), 0600, durability::process);
      !written)
    return for_now(written.error());
  return {};
}

std::expected<void, launch_failure> replica::spawn() {
  auto listener = listen_at(directory_, socket_name);
  if (!listener) return for_now(listener.error());
  std::string program = settings_.shim, directory = directory_;
  char* arguments[] = {program.data(), directory.data(), nullptr};
  char* no_variables[] = {nullptr};
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDWR, 0);
  posix_spawn_file_actions_adddup2(&files, 0, 1);
  posix_spawn_file_actions_adddup2(&files, 0, 2);
  posix_spawn_file_actions_adddup2(&files, listener->value(), shim::listener_fd);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  // A session of its own: what a terminal sends to the agent is not meant for the replica.
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK);
  int problem = posix_spawn(&shim_, program.c_str(), &files, &attributes, arguments, no_variables);
  posix_spawn_file_actions_destroy(&files);
  posix_spawnattr_destroy(&attributes);
  if (problem != 0)
    return std::unexpected(
        launch_failure{fmt::format("cannot start the shim {} on node '{}': {}", program,
                                   settings_.node_name, std::generic_category().message(problem))});
  connect();
  follow(shim_);
  return {};
}

void replica::fail_launch(const launch_failure& failure) {
  shim::status out{.phase = shim::phase::failed,
                   .permanent = failure.permanent,
                   .ended_micros = now_micros(),
                   .message = failure.message};
  // For the next agent. Where even this cannot be written, the next agent will find that nothing
  // was started.
  (void)replace_file(directory_ / "status", encode(out), 0600, durability::process);
  conclude(wire::ReplicaPhase::FAILED, std::move(out));
}

void replica::follow(pid_t shim) {
  process_ = unique_fd(int(syscall(SYS_pidfd_open, shim, 0)));
  if (process_) following_ = reactor_.watch(process_.value(), [this] { on_shim_gone(); });
  if (!following_) {
    // Without a descriptor to wait at there is only asking.
    reactor_.drop(std::exchange(sweeping_, reactor_.after(50ms, [this, shim] {
      sweeping_ = 0;
      if (waitpid(shim, nullptr, WNOHANG) == shim || !shim::identity_of(shim))
        on_shim_gone();
      else if (!has_ended())
        follow(shim);
    })));
  }
}

void replica::connect() {
  auto socket = connect_to(directory_, socket_name);
  if (!socket) return;
  socket_ = std::move(*socket);
  hearing_ = reactor_.watch(socket_.value(), [this] { hear(); });
}

void replica::hear() {
  std::array<char, 8 << 10> packet;
  for (;;) {
    auto n = recv(socket_.value(), packet.data(), packet.size(), MSG_DONTWAIT);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) {
      // The shim's end is told by its process, which may be a moment behind.
      reactor_.drop(std::exchange(hearing_, 0));
      socket_ = {};
      return;
    }
    auto news = shim::decode_status({packet.data(), size_t(n)});
    if (!news) continue;
    if (news->phase == shim::phase::running)
      begin_running(*news);
    else
      conclude(news->phase == shim::phase::exited ? wire::ReplicaPhase::EXITED
                                                  : wire::ReplicaPhase::FAILED,
               std::move(*news));
  }
}

void replica::on_shim_gone() {
  if (socket_) hear();
  siginfo_t info;
  waitid(idtype_t(P_PIDFD), id_t(process_.value()), &info, WEXITED | WNOHANG);
  reactor_.drop(std::exchange(following_, 0));
  process_ = {};
  if (has_ended()) return;
  if (auto end = stored("status")) {
    conclude(end->phase == shim::phase::exited ? wire::ReplicaPhase::EXITED
                                               : wire::ReplicaPhase::FAILED,
             std::move(*end));
    return;
  }
  sweep();
}

/// The shim was killed. Its child died with it; what else there is follows, and only then the
/// replica has ended.
void replica::sweep() {
  sweeping_ = 0;
  if (kill_leftovers(directory_) > 0) {
    sweeping_ = reactor_.after(sweep_interval, [this] { sweep(); });
    return;
  }
  shim::status end{
      .phase = shim::phase::exited,
      .signal = SIGKILL,
      .started_micros = status_.started_micros,
      .ended_micros = now_micros(),
      .message = fmt::format("the supervisor of {} on node '{}' (troupe-shim) was killed, so the "
                             "replica was ended",
                             key_.task(), settings_.node_name)};
  (void)replace_file(directory_ / "status", encode(end), 0600, durability::process);
  conclude(wire::ReplicaPhase::EXITED, std::move(end));
}

void replica::begin_running(const shim::status& news) {
  if (phase_ != wire::ReplicaPhase::LAUNCHING) return;
  phase_ = wire::ReplicaPhase::RUNNING;
  status_ = news;
  if (!adopting_) events_.changed(key_);
}

void replica::conclude(wire::ReplicaPhase phase, shim::status end) {
  if (has_ended()) return;
  reactor_.drop(std::exchange(metrics_, 0));
  // A program may end before its shim could report that it ran. The listener still gets both events.
  if (end.started_micros > 0) begin_running({.started_micros = end.started_micros});
  // What it measured comes before the news that it ended.
  events_.metrics_file(key_);
  phase_ = phase;
  status_ = std::move(end);
  if (!adopting_) events_.changed(key_);
}

void replica::stop(std::chrono::milliseconds grace) {
  if (has_ended()) return;
  auto packet = fmt::format("stop {}", grace.count());
  bool sent = socket_
              && send(socket_.value(), packet.data(), packet.size(), MSG_DONTWAIT | MSG_NOSIGNAL)
                     == ssize_t(packet.size());
  if (!sent) kill();
}

void replica::kill() {
  // Its child dies with it, and the rest is swept.
  if (!has_ended() && process_)
    syscall(SYS_pidfd_send_signal, process_.value(), SIGKILL, nullptr, 0);
}

std::optional<shim::status> replica::stored(const char* name) const {
  auto text = read_file(directory_ / name);
  return text ? shim::decode_status(*text) : std::nullopt;
}

void replica::watch_metrics() {
  auto changed = [this] { events_.metrics_file(key_); };
  metrics_ = reactor_.watch_files(directory_ / "hypertune", changed);
  if (metrics_) return;
  metrics_ = reactor_.after(metrics_poll_interval, [this] {
    events_.metrics_file(key_);
    watch_metrics();
  });
}

void replica::adopt() {
  adopting_ = true;
  watch_metrics();
  if (auto started = stored("started")) begin_running(*started);
  auto end = stored("status");
  auto record = read_file(directory_ / "record");
  if (!end && !record) {
    // The shim makes its record the same way, so either it never runs or we see that it does.
    (void)replace_file(directory_ / "given-up", "0 0 none\n", 0600, durability::process);
    if (link((directory_ / "given-up").c_str(), (directory_ / "record").c_str()) != 0)
      record = read_file(directory_ / "record");
  }
  auto shim = record ? shim::decode_identity(*record) : std::nullopt;
  if (end) {
    conclude(end->phase == shim::phase::exited ? wire::ReplicaPhase::EXITED
                                               : wire::ReplicaPhase::FAILED,
             std::move(*end));
  } else if (!shim) {
    fail_launch({fmt::format("the agent of node '{}' ended while it was starting {}",
                             settings_.node_name, key_.task())});
  } else if (shim->boot_id != shim::boot_id()) {
    conclude(wire::ReplicaPhase::LOST,
             {.started_micros = status_.started_micros,
              .ended_micros = now_micros(),
              .message = fmt::format("node '{}' was rebooted while {} ran", settings_.node_name,
                                     key_.task())});
  } else if (shim::identity_of(shim->pid) == shim) {
    shim_ = shim->pid;
    connect();
    follow(shim->pid);
  } else if (auto late = stored("status")) {
    conclude(late->phase == shim::phase::exited ? wire::ReplicaPhase::EXITED
                                                : wire::ReplicaPhase::FAILED,
             std::move(*late));
  } else {
    sweep();
  }
  adopting_ = false;
}

wire::frame<wire::ReplicaStatus> replica::status() const {
  return wire::frame<wire::ReplicaStatus>::build([&](wire::ReplicaStatus::Builder out) {
    fill(out.initId(), key_);
    out.setPhase(phase_);
    out.setExitCode(status_.exit_code);
    out.setSignal(status_.signal);
    out.setMessage(valid_utf8(status_.message));
    out.setOutOfMemory(status_.out_of_memory);
    out.setPermanent(status_.permanent);
    out.setStartedMicros(status_.started_micros);
    out.setEndedMicros(status_.ended_micros);
  });
}

} // namespace troupe::runtime
