#include "cli/client/http_client.hpp"

#include "base/json_text.hpp"

#include <kj/async-io.h>
#include <kj/async-unix.h>
#include <kj/compat/http.h>

#include <charconv>
#include <csignal>
#include <optional>

namespace troupe::cli {

namespace {

constexpr uint64_t answer_bytes_max = 256 << 20;

struct answer {
  unsigned status = 0;
  std::string content_type;
  std::string body;
};

struct outgoing_request {
  kj::HttpMethod method;
  std::string authority; // "host:port"
  const std::string& path;
  const std::string& body;
  kj::HttpHeaders headers;
};

kj::Own<kj::HttpHeaderTable> header_table(kj::HttpHeaderId& authorization) {
  kj::HttpHeaderTable::Builder builder;
  authorization = builder.add("Authorization");
  return builder.build();
}

errc code_for(unsigned http_status, const std::string& status_name) {
  for (int code = 1; code <= 16; ++code)
    if (name_of(errc(code)) == status_name) return errc(code);
  switch (http_status) {
  case 400:
    return errc::invalid_argument;
  case 401:
    return errc::unauthenticated;
  case 403:
    return errc::permission_denied;
  case 404:
    return errc::not_found;
  case 409:
    return errc::aborted;
  case 429:
    return errc::resource_exhausted;
  case 499:
    return errc::cancelled;
  case 501:
    return errc::unimplemented;
  case 503:
    return errc::unavailable;
  case 504:
    return errc::deadline_exceeded;
  default:
    return http_status >= 500 ? errc::internal : errc::unknown;
  }
}

/// The first words of an answer from another kind of server, on one line.
std::string beginning_of(const std::string& body) {
  auto line = body.substr(0, body.find_first_of("\r\n"));
  return line.size() > 60 ? line.substr(0, 60) + "..." : line;
}

result<json_document> understood(const std::string& url, const answer& got) {
  auto document = json_document::parse(got.body.empty() ? "{}" : got.body);
  bool ok = got.status >= 200 && got.status < 300;
  if (ok && document && !got.body.empty() && document->root().is_object()) return document;
  if (!ok && document && (*document)["error"].is_object()) {
    auto problem = (*document)["error"];
    return fail(code_for(got.status, problem["status"].text()), "{}", problem["message"].text());
  }
  return fail(errc::unknown,
              "{} answered HTTP {} with {} ({}) where JSON of the Troupe API was expected: another "
              "server seems to listen there. Check --endpoint or TROUPE_ENDPOINT",
              url, got.status, got.content_type.empty() ? "no content type" : got.content_type,
              got.body.empty() ? "an empty body" : json_quoted(beginning_of(got.body)));
}

} // namespace

struct http_client::loop {
  explicit loop(bool interruptible) {
    // Before the event port exists: one made earlier would not receive the signal.
    if (interruptible) kj::UnixEventPort::captureSignal(SIGINT);
    io.emplace(kj::setupAsyncIo());
    table = header_table(authorization);
  }

  std::optional<kj::AsyncIoContext> io;
  kj::HttpHeaderId authorization;
  kj::Own<kj::HttpHeaderTable> table;
};

result<http_endpoint> parse_endpoint(std::string_view url) {
  auto refuse = [&](std::string_view reason) {
    return fail(errc::invalid_argument,
                "endpoint '{}': {}; expected http://host:port, as http://127.0.0.1:8080", url,
                reason);
  };
  constexpr std::string_view scheme = "http://";
  if (url.starts_with("https://")) return refuse("this command does not support https");
  if (!url.starts_with(scheme)) return refuse("it does not start with http://");
  auto rest = url.substr(scheme.size());
  if (rest.ends_with('/')) rest.remove_suffix(1);
  if (rest.find_first_of("/?#@") != std::string_view::npos)
    return refuse("it holds more than a host and a port");
  auto colon = rest.rfind(':');
  auto bracket = rest.rfind(']');
  if (colon == std::string_view::npos || (bracket != std::string_view::npos && colon < bracket))
    return refuse("it names no port");
  auto host = rest.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  auto digits = rest.substr(colon + 1);
  http_endpoint endpoint{std::string(host), 0};
  auto [end, problem] =
      std::from_chars(digits.data(), digits.data() + digits.size(), endpoint.port);
  if (problem != std::errc() || end != digits.data() + digits.size() || endpoint.port == 0)
    return refuse(fmt::format("'{}' is not a port", digits));
  if (endpoint.host.empty()) return refuse("it names no host");
  return endpoint;
}

std::string percent_encoded(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (std::isalnum(static_cast<unsigned char>(c))
        || std::string_view("-_.~").find(c) != std::string_view::npos)
      out += c;
    else
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

http_client::http_client(http_options options, http_endpoint endpoint)
    : options_(std::move(options)), endpoint_(std::move(endpoint)),
      loop_(std::make_unique<loop>(options_.interruptible)) {}

http_client::~http_client() = default;

result<std::unique_ptr<http_client>> http_client::open(http_options options) {
  auto endpoint = parse_endpoint(options.url);
  if (!endpoint) return std::unexpected(endpoint.error());
  return std::unique_ptr<http_client>(new http_client(std::move(options), std::move(*endpoint)));
}

result<json_document> http_client::get(const std::string& path) {
  return exchange(method::get, path, {});
}
result<json_document> http_client::post(const std::string& path, const std::string& body) {
  return exchange(method::post, path, body);
}
result<json_document> http_client::remove(const std::string& path) {
  return exchange(method::remove, path, {});
}

/// "host:port", with an IPv6 address in brackets.
std::string http_client::authority() const {
  const bool ipv6 = endpoint_.host.find(':') != std::string::npos;
  return fmt::format("{}:{}", ipv6 ? "[" + endpoint_.host + "]" : endpoint_.host, endpoint_.port);
}

/// Why a request failed, for the person who gave the command.
static error request_error(const kj::Exception& exception, const http_options& options,
                           bool connected) {
  const auto reason = exception.getDescription();
  if (exception.getType() == kj::Exception::Type::OVERLOADED)
    return {
        errc::deadline_exceeded,
        fmt::format("{} did not answer within {} s; is the server overloaded, or the wrong one?",
                    options.url, options.timeout_ms / 1000)};
  if (!connected)
    return {errc::unavailable,
            fmt::format("no server answers at {} ({}). Start one with: troupe up", options.url,
                        reason.cStr())};
  if (exception.getType() == kj::Exception::Type::DISCONNECTED)
    return {errc::unavailable, fmt::format("{} closed the connection before it had answered ({})",
                                           options.url, reason.cStr())};
  return {errc::unknown,
          fmt::format("the answer of {} is not HTTP ({}): another server seems to listen there. "
                      "Check --endpoint or TROUPE_ENDPOINT",
                      options.url, reason.cStr())};
}

/// One request and its answer over a new connection. `connected` is set once there is one.
static kj::Promise<void> request_once(kj::Network& network, const kj::HttpHeaderTable& table,
                                      const outgoing_request& outgoing, answer& got,
                                      bool& connected) {
  struct link {
    kj::Own<kj::NetworkAddress> address;
    kj::Own<kj::HttpClient> client;
  };
  auto held = kj::heap<link>();
  auto& use = *held;
  return network.parseAddress(kj::StringPtr(outgoing.authority.c_str(), outgoing.authority.size()))
      .then([&use](kj::Own<kj::NetworkAddress> found) {
        use.address = kj::mv(found);
        return use.address->connect();
      })
      .then([&use, &table, &outgoing, &connected](kj::Own<kj::AsyncIoStream> stream) {
        connected = true;
        use.client = kj::newHttpClient(table, *stream).attach(kj::mv(stream));
        const auto& body = outgoing.body;
        auto request = use.client->request(outgoing.method, outgoing.path.c_str(), outgoing.headers,
                                           body.size());
        auto sent = body.empty() ? kj::Promise<void>(kj::READY_NOW)
                                 : request.body->write(body.data(), body.size());
        return sent.attach(kj::mv(request.body))
            .then([response = kj::mv(request.response)]() mutable { return kj::mv(response); });
      })
      .then([&got](kj::HttpClient::Response response) {
        got.status = response.statusCode;
        KJ_IF_MAYBE (type, response.headers->get(kj::HttpHeaderId::CONTENT_TYPE))
          got.content_type = type->cStr();
        auto text = response.body->readAllText(answer_bytes_max);
        return text.attach(kj::mv(response.body));
      })
      .then([&got](kj::String text) { got.body.assign(text.begin(), text.size()); })
      .attach(kj::mv(held));
}

result<json_document> http_client::exchange(method verb, const std::string& path,
                                            const std::string& body) {
  auto& io = *loop_->io;
  outgoing_request outgoing{verb == method::get    ? kj::HttpMethod::GET
                            : verb == method::post ? kj::HttpMethod::POST
                                                   : kj::HttpMethod::DELETE,
                            authority(), path, body, kj::HttpHeaders(*loop_->table)};
  outgoing.headers.set(kj::HttpHeaderId::HOST, kj::str(outgoing.authority.c_str()));
  if (!options_.token.empty())
    outgoing.headers.set(loop_->authorization, kj::str("Bearer ", options_.token.c_str()));
  if (verb == method::post)
    outgoing.headers.set(kj::HttpHeaderId::CONTENT_TYPE, "application/json");

  answer got;
  bool connected = false;
  bool interrupted = false;
  auto problem = kj::runCatchingExceptions([&] {
    auto work = request_once(io.provider->getNetwork(), *loop_->table, outgoing, got, connected);
    auto bounded =
        io.provider->getTimer().timeoutAfter(options_.timeout_ms * kj::MILLISECONDS, kj::mv(work));
    if (options_.interruptible)
      bounded = bounded.exclusiveJoin(
          io.unixEventPort.onSignal(SIGINT).then([&](siginfo_t&&) { interrupted = true; }));
    bounded.wait(io.waitScope);
  });
  if (interrupted) return fail(errc::cancelled, "interrupted");
  KJ_IF_MAYBE (exception, problem)
    return std::unexpected(request_error(*exception, options_, connected));
  return understood(options_.url, got);
}

result<> http_client::pause(uint32_t ms) {
  auto& io = *loop_->io;
  bool interrupted = false;
  auto problem = kj::runCatchingExceptions([&] {
    kj::Promise<void> wait = io.provider->getTimer().afterDelay(ms * kj::MILLISECONDS);
    if (options_.interruptible)
      wait = wait.exclusiveJoin(
          io.unixEventPort.onSignal(SIGINT).then([&](siginfo_t&&) { interrupted = true; }));
    wait.wait(io.waitScope);
  });
  KJ_IF_MAYBE (exception, problem)
    return fail(errc::internal, "waiting failed: {}", exception->getDescription().cStr());
  if (interrupted) return fail(errc::cancelled, "interrupted");
  return {};
}

} // namespace troupe::cli
