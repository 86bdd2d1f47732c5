#include "reduction/transport/am_worker.hpp"

#include "reduction/control/socket.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <dirent.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <string>
#include <sys/socket.h>
#include <sys/stat.h>
#include <utility>

namespace troupe::reduction {

class am_worker::endpoint {
public:
  am_worker* owner = nullptr;
  byte_vector address;
  ucp_ep_h handle = nullptr;
  std::vector<lost_handler> on_lost;
  bool lost = false;
  size_t unfinished = 0; // sends
};

// Keeps the header in place until UCX has sent it: UCX 1.13 does not copy it.
struct am_worker::outgoing {
  am_worker* owner = nullptr;
  endpoint* to = nullptr;
  message kind{};
  chunk_header header;
  byte_span payload;
  completion on_sent;
};

struct am_worker::registration {
  receiver handler;
};

namespace {

struct config_owner {
  ucp_config_t* config = nullptr;
  ~config_owner() {
    if (config != nullptr) ucp_config_release(config);
  }
};

std::unexpected<error> ucx_failure(std::string_view doing, ucs_status_t status) {
  return fail(errc::unavailable, "UCX cannot {}: {}", doing, ucs_status_string(status));
}

struct listening_socket {
  int fd;
  ino_t inode; // the number of a closed socket may be given to another one
  bool operator==(const listening_socket&) const = default;
};

// UCX does not say which of the process's sockets are its own.
std::vector<listening_socket> listening_sockets() {
  std::vector<listening_socket> out;
  DIR* const folder = opendir("/proc/self/fd");
  if (folder == nullptr) return out;
  while (const auto* const entry = readdir(folder)) {
    const std::string_view name = entry->d_name;
    int fd = -1;
    std::from_chars(name.data(), name.data() + name.size(), fd);
    int listening = 0;
    socklen_t length = sizeof listening;
    if (fd >= 0 && getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &length) == 0
        && listening != 0) {
      struct stat about {};
      if (fstat(fd, &about) == 0) out.push_back({fd, about.st_ino});
    }
  }
  closedir(folder);
  return out;
}

// Another thread may open a listener at the same moment, so a new socket is UCX's only if its port,
// in network order, is part of the address that UCX gives out. By chance the two bytes are there
// once in some thousand times: so listeners of our own wait meanwhile (listening_mutex), and a
// listener on all addresses is not UCX's, which listens on the address of one interface.
bool is_in_address(int fd, const byte_vector& address) {
  sockaddr_in6 local{}; // its port lies where sockaddr_in has it
  socklen_t length = sizeof local;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&local), &length) != 0) return false;
  sockaddr_in plain{};
  std::memcpy(&plain, &local, sizeof plain);
  if (plain.sin_family == AF_INET && plain.sin_addr.s_addr == htonl(INADDR_ANY)) return false;
  const auto port = std::as_bytes(std::span(&local.sin6_port, 1));
  return std::search(address.begin(), address.end(), port.begin(), port.end()) != address.end();
}

result<ucp_context_h> make_context(const std::vector<std::string>& interfaces) {
  config_owner owner;
  auto status = ucp_config_read(nullptr, nullptr, &owner.config);
  if (status != UCS_OK) return ucx_failure("read its configuration", status);
  const auto devices = fmt::format("{}", fmt::join(interfaces, ","));
  const std::pair<const char*, const char*> settings[] = {
      {"TLS", "tcp"}, {"NET_DEVICES", devices.c_str()}, {"RNDV_THRESH", "inf"}};
  for (const auto& [name, value] : settings)
    if (status = ucp_config_modify(owner.config, name, value); status != UCS_OK)
      return fail(errc::unavailable, "UCX does not take {}={}: {}", name, value,
                  ucs_status_string(status));
  ucp_params_t params{};
  params.field_mask = UCP_PARAM_FIELD_FEATURES;
  params.features = UCP_FEATURE_AM | UCP_FEATURE_WAKEUP;
  ucp_context_h context = nullptr;
  status = ucp_init(&params, owner.config, &context);
  if (status != UCS_OK)
    return ucx_failure(fmt::format("start on the interfaces {}", devices), status);
  return context;
}

} // namespace

result<std::unique_ptr<am_worker>> am_worker::create(const std::vector<std::string>& interfaces) {
  const auto context = make_context(interfaces);
  if (!context) return std::unexpected(context.error());
  std::unique_ptr<am_worker> made(new am_worker);
  made->context_ = *context;
  const mutex_lock alone(listening_mutex());
  const auto listening_before = listening_sockets();
  ucp_worker_params_t params{};
  params.field_mask = UCP_WORKER_PARAM_FIELD_THREAD_MODE;
  params.thread_mode = UCS_THREAD_MODE_SINGLE;
  auto status = ucp_worker_create(*context, &params, &made->worker_);
  if (status != UCS_OK) return ucx_failure("make a worker", status);
  status = ucp_worker_get_efd(made->worker_, &made->event_fd_);
  if (status != UCS_OK) return ucx_failure("give an event fd", status);
  ucp_address_t* address = nullptr;
  size_t length = 0;
  status = ucp_worker_get_address(made->worker_, &address, &length);
  if (status != UCS_OK) return ucx_failure("tell its address", status);
  const auto* const bytes = reinterpret_cast<const std::byte*>(address);
  made->address_.assign(bytes, bytes + length);
  ucp_worker_release_address(made->worker_, address);
  for (const auto& each : listening_sockets())
    if (std::ranges::find(listening_before, each) == listening_before.end()
        && is_in_address(each.fd, made->address_))
      made->listeners_.push_back(each.fd);
  if (made->listeners_.empty())
    return fail(errc::internal,
                "cannot find UCX's listening socket among this process's, to guard it");
  return made;
}

result<> am_worker::admit_only(std::span<const uint32_t> addresses) {
  constexpr uint32_t source_address = static_cast<uint32_t>(SKF_NET_OFF) + 12;
  constexpr uint32_t everything = 0x40000, nothing = 0;
  // The kernel runs this on every packet that a listening socket gets, before any connection comes
  // of it.
  std::vector<sock_filter> program;
  if (!addresses.empty()) program.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, source_address));
  for (const auto each : addresses) {
    program.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ntohl(each), 0, 1));
    program.push_back(BPF_STMT(BPF_RET | BPF_K, everything));
  }
  program.push_back(BPF_STMT(BPF_RET | BPF_K, nothing));
  // More hosts than a filter can name: the port stays open to all until it is sealed.
  if (program.size() > BPF_MAXINSNS) return {};
  const sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
  for (const int fd : listeners_)
    if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) != 0)
      return fail(errc::unavailable, "cannot guard UCX's port: {}", std::strerror(errno));
  return {};
}

am_worker::~am_worker() {
  if (worker_ != nullptr) {
    close_endpoints();
    ucp_worker_destroy(worker_);
  }
  if (context_ != nullptr) ucp_cleanup(context_);
}

result<am_worker::endpoint*> am_worker::connect(byte_span remote_address, lost_handler on_lost) {
  // Two ranks that each combine chunks for the other need one connection, not two.
  for (const auto& each : endpoints_)
    if (!each->lost && std::ranges::equal(each->address, remote_address)) {
      each->on_lost.push_back(std::move(on_lost));
      return each.get();
    }
  auto made = std::make_unique<endpoint>();
  made->owner = this;
  made->address.assign(remote_address.begin(), remote_address.end());
  made->on_lost.push_back(std::move(on_lost));
  ucp_ep_params_t params{};
  params.field_mask = UCP_EP_PARAM_FIELD_REMOTE_ADDRESS | UCP_EP_PARAM_FIELD_ERR_HANDLING_MODE
                      | UCP_EP_PARAM_FIELD_ERR_HANDLER;
  params.address = reinterpret_cast<const ucp_address_t*>(remote_address.data());
  params.err_mode = UCP_ERR_HANDLING_MODE_PEER;
  params.err_handler.arg = made.get();
  params.err_handler.cb = [](void* arg, ucp_ep_h, ucs_status_t status) {
    auto* const target = static_cast<endpoint*>(arg);
    target->owner->fail_endpoint(*target, status);
  };
  const auto status = ucp_ep_create(worker_, &params, &made->handle);
  if (status != UCS_OK) return ucx_failure("reach the other side's address", status);
  endpoints_.push_back(std::move(made));
  return endpoints_.back().get();
}

void am_worker::on_message(message kind, receiver handler) {
  registrations_.push_back(std::make_unique<registration>(registration{std::move(handler)}));
  ucp_am_handler_param_t params{};
  params.field_mask = UCP_AM_HANDLER_PARAM_FIELD_ID | UCP_AM_HANDLER_PARAM_FIELD_FLAGS
                      | UCP_AM_HANDLER_PARAM_FIELD_CB | UCP_AM_HANDLER_PARAM_FIELD_ARG;
  params.id = static_cast<unsigned>(kind);
  // Without this flag UCX may hand over the first fragment of a long message alone.
  params.flags = UCP_AM_FLAG_WHOLE_MSG;
  params.arg = registrations_.back().get();
  params.cb = [](void* arg, const void* header, size_t header_length, void* data, size_t length,
                 const ucp_am_recv_param_t* received) -> ucs_status_t {
    // Troupe sends neither of these: a rendezvous descriptor is no data, and a short header no
    // header.
    if ((received->recv_attr & UCP_AM_RECV_ATTR_FLAG_RNDV) != 0) return UCS_OK;
    if (header_length != sizeof(chunk_header)) return UCS_OK;
    chunk_header copy;
    std::memcpy(&copy, header, sizeof copy);
    static_cast<registration*>(arg)->handler(
        copy, byte_span(static_cast<const std::byte*>(data), length));
    return UCS_OK;
  };
  ucp_worker_set_am_recv_handler(worker_, &params);
}

void am_worker::send(endpoint& to, message kind, const chunk_header& header, byte_span payload,
                     completion on_sent) {
  if (free_records_.empty()) {
    records_.push_back(std::make_unique<outgoing>());
    records_.back()->owner = this;
    free_records_.push_back(records_.back().get());
  }
  auto* const record = free_records_.back();
  free_records_.pop_back();
  record->to = &to;
  record->kind = kind;
  record->header = header;
  record->payload = payload;
  record->on_sent = on_sent;
  ++to.unfinished;
  // UCX handles a batch of socket events in one go. A send that finds its connection dead closes
  // it, and when that connection's own event comes later in the same batch, UCX 1.13 ends the
  // process with a failed assertion. Outside of progress there is no batch.
  if (progressing_)
    postponed_.push_back(record);
  else
    post(record);
}

void am_worker::post(outgoing* record) {
  if (record->to->lost) return finish(record, UCS_OK); // its lost handler was called
  ucp_request_param_t params{};
  params.op_attr_mask =
      UCP_OP_ATTR_FIELD_CALLBACK | UCP_OP_ATTR_FIELD_USER_DATA | UCP_OP_ATTR_FIELD_FLAGS;
  params.flags = UCP_AM_SEND_FLAG_EAGER;
  params.user_data = record;
  params.cb.send = [](void* request, ucs_status_t status, void* user_data) {
    auto* const sent = static_cast<outgoing*>(user_data);
    ucp_request_free(request);
    sent->owner->finish(sent, status);
  };
  const auto outcome = ucp_am_send_nbx(record->to->handle, static_cast<unsigned>(record->kind),
                                       &record->header, sizeof record->header,
                                       record->payload.data(), record->payload.size(), &params);
  if (!UCS_PTR_IS_PTR(outcome)) finish(record, UCS_PTR_STATUS(outcome));
}

void am_worker::finish(outgoing* sent, ucs_status_t status) {
  if (status != UCS_OK) fail_endpoint(*sent->to, status);
  --sent->to->unfinished;
  const auto on_sent = sent->on_sent;
  free_records_.push_back(sent);
  if (on_sent.call != nullptr) on_sent.call(on_sent.context, on_sent.item);
}

void am_worker::fail_endpoint(endpoint& target, ucs_status_t status) {
  if (target.lost) return;
  target.lost = true;
  for (const auto& each : target.on_lost)
    each(ucs_status_string(status));
}

void* am_worker::start_closing(endpoint& target) {
  target.lost = true; // from here on no handler is called
  if (target.handle == nullptr) return nullptr;
  ucp_request_param_t params{};
  params.op_attr_mask = UCP_OP_ATTR_FIELD_FLAGS;
  params.flags = UCP_EP_CLOSE_FLAG_FORCE;
  auto* const request = ucp_ep_close_nbx(std::exchange(target.handle, nullptr), &params);
  return UCS_PTR_IS_PTR(request) ? request : nullptr;
}

void am_worker::finish_closing(void* request) {
  if (request == nullptr) return;
  while (ucp_request_check_status(request) == UCS_INPROGRESS)
    ucp_worker_progress(worker_);
  ucp_request_free(request);
}

void am_worker::close(endpoint& target) {
  progressing_ = true; // what receivers send meanwhile waits
  finish_closing(start_closing(target));
  progressing_ = false;
  for (auto* const record : std::exchange(postponed_, {}))
    post(record);
  while (target.unfinished > 0)
    progress();
}

void am_worker::close_endpoints() {
  std::vector<void*> closing;
  for (const auto& each : endpoints_)
    closing.push_back(start_closing(*each));
  for (auto* const request : closing)
    finish_closing(request);
  for (auto* const record : std::exchange(postponed_, {}))
    post(record);
  for (const auto& each : endpoints_)
    while (each->unfinished > 0)
      ucp_worker_progress(worker_);
}

void am_worker::abandon() {
  worker_ = nullptr;
  context_ = nullptr;
  // UCX's own thread may still use these.
  for (auto& each : endpoints_)
    static_cast<void>(each.release());
  for (auto& each : records_)
    static_cast<void>(each.release());
  for (auto& each : registrations_)
    static_cast<void>(each.release());
}

bool am_worker::progress() {
  progressing_ = true;
  bool any = ucp_worker_progress(worker_) != 0;
  progressing_ = false;
  any |= !postponed_.empty();
  for (auto* const record : postponed_)
    post(record);
  postponed_.clear();
  return any;
}

bool am_worker::arm() { return ucp_worker_arm(worker_) == UCS_OK; }

} // namespace troupe::reduction
