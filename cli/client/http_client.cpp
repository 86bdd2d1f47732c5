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

/// The first words of an answer that is not for us, on one line.
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
              "server seems to listen "
              "there. Check --endpoint or TROUPE_ENDPOINT",
              url, got.status, got.content_type.empty() ? "no content type" : got.content_type,
              got.body.empty() ? "an empty body" : json_quoted(beginning_of(got.body)));
}

} // namespace

struct http_client::loop {
  explicit loop(bool interruptible) {
    // Before the event port exists: only then does it hear the signal.
    if (interruptible) kj::UnixEventPort::captureSignal(SIGINT);
    io.emplace(kj::setupAsyncIo());
    table = header_table(authorization);
  }

  std::optional<kj::AsyncIoContext> io;
  kj::HttpHeaderId authorization;
  kj::Own<kj::HttpHeaderTable> table;
};

result<http_endpoint> parse_endpoint(std::string_view url) {
  auto refuse = [&](std::string_view why) {
    return fail(errc::invalid_argument,
                "endpoint '{}': {}; expected http://host:port, as http://127.0.0.1:8080", url, why);
  };
  constexpr std::string_view scheme = "http://";
  if (url.starts_with("https://")) return refuse("https is not spoken by this command");
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

result<json_document> http_client::exchange(method how, const std::string& path,
                                            const std::string& body) {
  auto& io = *loop_->io;
  auto& timer = io.provider->getTimer();
  auto& network = io.provider->getNetwork();
  kj::HttpHeaders headers(*loop_->table);
  auto authority =
      endpoint_.host.find(':') == std::string::npos ? endpoint_.host : "[" + endpoint_.host + "]";
  authority += ":" + std::to_string(endpoint_.port);
  headers.set(kj::HttpHeaderId::HOST, kj::str(authority.c_str()));
  if (!options_.token.empty())
    headers.set(loop_->authorization, kj::str("Bearer ", options_.token.c_str()));
  if (how == method::post) headers.set(kj::HttpHeaderId::CONTENT_TYPE, "application/json");

  answer got;
  bool connected = false;
  bool interrupted = false;
  auto problem = kj::runCatchingExceptions([&] {
    kj::Own<kj::HttpClient> client;
    kj::Own<kj::NetworkAddress> address;
    auto kj_method = how == method::get    ? kj::HttpMethod::GET
                     : how == method::post ? kj::HttpMethod::POST
                                           : kj::HttpMethod::DELETE;
    auto work = network.parseAddress(kj::StringPtr(authority.c_str(), authority.size()))
                    .then([&](kj::Own<kj::NetworkAddress> found) {
                      address = kj::mv(found);
                      return address->connect();
                    })
                    .then([&](kj::Own<kj::AsyncIoStream> stream) {
                      connected = true;
                      client = kj::newHttpClient(*loop_->table, *stream).attach(kj::mv(stream));
                      auto request = client->request(kj_method, path.c_str(), headers, body.size());
                      auto sent = body.empty() ? kj::Promise<void>(kj::READY_NOW)
                                               : request.body->write(body.data(), body.size());
                      return sent.attach(kj::mv(request.body))
                          .then([response = kj::mv(request.response)]() mutable {
                            return kj::mv(response);
                          });
                    })
                    .then([&](kj::HttpClient::Response response) {
                      got.status = response.statusCode;
                      KJ_IF_MAYBE (type, response.headers->get(kj::HttpHeaderId::CONTENT_TYPE))
                        got.content_type = type->cStr();
                      auto text = response.body->readAllText(answer_bytes_max);
                      return text.attach(kj::mv(response.body));
                    })
                    .then([&](kj::String text) { got.body.assign(text.begin(), text.size()); });
    auto bounded = timer.timeoutAfter(options_.timeout_ms * kj::MILLISECONDS, kj::mv(work));
    if (options_.interruptible)
      bounded = bounded.exclusiveJoin(
          io.unixEventPort.onSignal(SIGINT).then([&](siginfo_t&&) { interrupted = true; }));
    bounded.wait(io.waitScope);
  });
  if (interrupted) return fail(errc::cancelled, "interrupted");
  KJ_IF_MAYBE (exception, problem) {
    if (exception->getType() == kj::Exception::Type::OVERLOADED)
      return fail(errc::deadline_exceeded,
                  "{} did not answer within {} s; is the server overloaded, or the wrong one?",
                  options_.url, options_.timeout_ms / 1000);
    auto why = exception->getDescription();
    if (!connected)
      return fail(errc::unavailable, "no server answers at {} ({}). Start one with: troupe up",
                  options_.url, why.cStr());
    if (exception->getType() == kj::Exception::Type::DISCONNECTED)
      return fail(errc::unavailable, "{} closed the connection before it had answered ({})",
                  options_.url, why.cStr());
    return fail(errc::unknown,
                "what {} answered is not HTTP ({}): another server seems to listen there. Check "
                "--endpoint or TROUPE_ENDPOINT",
                options_.url, why.cStr());
  }
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
