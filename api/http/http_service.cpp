#include "api/http/http_service.hpp"

#include "api/http/routes.hpp"
#include "api/query/json_writer.hpp"

#include <kj/timer.h>
#include <openssl/crypto.h>

#include <strings.h>

namespace troupe::api {

namespace {

constexpr size_t reader_threads = 2;
constexpr size_t log_reader_threads = 4;

kj::Duration duration(std::chrono::milliseconds time) { return time.count() * kj::MILLISECONDS; }

std::string_view view(kj::StringPtr text) { return {text.begin(), text.size()}; }

method method_of(kj::HttpMethod verb) {
  switch (verb) {
  case kj::HttpMethod::GET:
  case kj::HttpMethod::HEAD: // kj drops the body of the answer
    return method::get;
  case kj::HttpMethod::POST:
    return method::post;
  case kj::HttpMethod::PUT:
    return method::put;
  case kj::HttpMethod::PATCH:
    return method::patch;
  case kj::HttpMethod::DELETE:
    return method::remove;
  default:
    return method::other;
  }
}

bool is_get_of(const request& asked, std::string_view path) {
  return asked.verb == method::get && asked.path.size() == 1 && asked.path[0] == path
         && asked.action.empty();
}

struct body_in_progress {
  std::string text;
  size_t bytes_max;
  std::array<char, 64 << 10> buffer;
};

/// False if the body is larger than allowed; the rest of it stays unread.
kj::Promise<bool> read_rest(kj::AsyncInputStream& from, std::shared_ptr<body_in_progress> body) {
  return from.tryRead(body->buffer.data(), 1, body->buffer.size())
      .then([&from, body](size_t count) -> kj::Promise<bool> {
        if (count == 0) return true;
        if (body->text.size() + count > body->bytes_max) return false;
        body->text.append(body->buffer.data(), count);
        return read_rest(from, body);
      });
}

/// Fulfils the event loop's promise from any thread, once.
answer answer_across_threads(kj::Own<kj::CrossThreadPromiseFulfiller<response>> fulfiller) {
  struct once {
    kj::Own<kj::CrossThreadPromiseFulfiller<response>> fulfiller;
    std::atomic_flag used;
  };
  auto shared = std::make_shared<once>();
  shared->fulfiller = kj::mv(fulfiller);
  return [shared](response response) {
    if (!shared->used.test_and_set()) shared->fulfiller->fulfill(std::move(response));
  };
}

/// Turns an exception of a handler, which is a bug, into a response.
void dispatch_guarded(const shared_state& shared, const request& request, const answer& reply) {
  auto problem = kj::runCatchingExceptions(
      [&] { dispatch(shared.handler_context, shared.counts, request, reply); });
  KJ_IF_MAYBE (exception, problem)
    reply(error_response({errc::internal, fmt::format("the request failed inside the server: {}",
                                                      exception->getDescription().cStr())}));
}

kj::Promise<void> send(kj::HttpService::Response& sink, const header_table& known,
                       request_counts& counts, response response) {
  counts.add(response.status);
  kj::HttpHeaders headers(*known.table);
  headers.set(kj::HttpHeaderId::CONTENT_TYPE, kj::str(response.content_type.c_str()));
  headers.add("Cache-Control", "no-store");
  headers.add("X-Content-Type-Options", "nosniff");
  if (response.status == 401) headers.add("WWW-Authenticate", "Bearer realm=\"troupe\"");
  auto phrase =
      kj::heapString(reason_phrase(response.status).data(), reason_phrase(response.status).size());
  auto stream = sink.send(response.status, phrase, headers, response.body.size());
  if (response.body.empty()) return kj::READY_NOW;
  auto body = kj::heap<std::string>(std::move(response.body));
  auto written = stream->write(body->data(), body->size());
  return written.attach(kj::mv(stream), kj::mv(body));
}

} // namespace

shared_state::shared_state(server_settings chosen, backend& cluster)
    : settings(std::move(chosen)), handler_context{cluster, settings, stopping, waits},
      waits(cluster.database(), stopping), readers(reader_threads),
      log_readers(log_reader_threads) {}

header_table::header_table()
    : authorization(builder.add("Authorization")), table(builder.build()) {}

http_service::http_service(shared_state& shared, const header_table& headers, kj::Timer& timer,
                           bool loopback_peer)
    : shared_(shared), headers_(headers), timer_(timer), loopback_peer_(loopback_peer) {}

kj::Promise<void> http_service::request(kj::HttpMethod method, kj::StringPtr url,
                                        const kj::HttpHeaders& headers, kj::AsyncInputStream& body,
                                        Response& sink) {
  auto reply = [this, &sink](response response) {
    auto sent = send(sink, headers_, shared_.counts, std::move(response));
    return timer_.timeoutAfter(duration(shared_.settings.transfer_timeout_ms), kj::mv(sent));
  };
  bool trusted = has_token(headers);
  auto asked = parse_target(method_of(method), view(url));
  if (!asked && trusted) return reply(error_response(asked.error()));
  // Moved: kj keeps only a reference to a function that is passed by name.
  return answered(asked ? std::move(*asked) : api::request{}, trusted, body).then(kj::mv(reply));
}

kj::Promise<response> http_service::answered(api::request asked, bool trusted,
                                             kj::AsyncInputStream& body) {
  if (is_get_of(asked, "healthz")) return json_response("{\"status\":\"ok\"}");
  if (!trusted && !(loopback_peer_ && is_get_of(asked, "metrics")))
    return error_response(
        {errc::unauthenticated,
         fmt::format("no valid token; expected the header 'Authorization: Bearer TOKEN' with the "
                     "cluster's token, which is {}",
                     shared_.settings.token_place)});
  auto progress = std::make_shared<body_in_progress>();
  progress->bytes_max = shared_.settings.body_bytes_max;
  auto too_large = [this] {
    return error_response(413, {errc::resource_exhausted,
                                fmt::format("the request's body is larger than the {} bytes that "
                                            "are accepted",
                                            shared_.settings.body_bytes_max)});
  };
  KJ_IF_MAYBE (length, body.tryGetLength())
    if (*length > progress->bytes_max) return too_large();
  auto limit = shared_.settings.transfer_timeout_ms;
  auto late = timer_.afterDelay(duration(limit)).then([limit]() -> kj::Promise<response> {
    return error_response(
        408, {errc::deadline_exceeded,
              fmt::format("the request's body did not arrive within {} ms", limit.count())});
  });
  // Two steps, so that the body's deadline ends before the request is handled.
  using arrived = kj::OneOf<bool, response>;
  auto whole = read_rest(body, progress).then([](bool fits) { return arrived(fits); });
  auto cut = late.then([](response response) { return arrived(kj::mv(response)); });
  return whole.exclusiveJoin(kj::mv(cut))
      .then([this, too_large, progress,
             asked = std::move(asked)](arrived outcome) mutable -> kj::Promise<response> {
        if (outcome.is<response>()) return kj::mv(outcome.get<response>());
        if (!outcome.get<bool>()) return too_large();
        asked.body = std::move(progress->text);
        return handled(std::move(asked));
      });
}

kj::Promise<response> http_service::handled(api::request asked) {
  auto waiting = kj::newPromiseAndCrossThreadFulfiller<response>();
  auto reply = answer_across_threads(kj::mv(waiting.fulfiller));
  auto& pool = waits_for_nodes(asked) ? shared_.log_readers : shared_.readers;
  pool.post([&shared = shared_, asked = std::move(asked), reply] {
    dispatch_guarded(shared, asked, reply);
  });
  auto limit = shared_.settings.command_timeout_ms;
  auto late = timer_.afterDelay(duration(limit)).then([limit] {
    return error_response({errc::deadline_exceeded,
                           fmt::format("no answer within {} ms; whether the request took effect is "
                                       "not known: look before trying again",
                                       limit.count())});
  });
  return waiting.promise.exclusiveJoin(kj::mv(late));
}

bool http_service::has_token(const kj::HttpHeaders& headers) const {
  KJ_IF_MAYBE (value, headers.get(headers_.authorization)) {
    std::string_view given = view(*value);
    const std::string& token = shared_.settings.token;
    if (given.size() < 7 || strncasecmp(given.data(), "Bearer ", 7) != 0) return false;
    given.remove_prefix(7);
    // The token's length is not secret, its bytes are.
    return given.size() == token.size()
           && CRYPTO_memcmp(given.data(), token.data(), token.size()) == 0;
  }
  return false;
}

kj::Promise<void> protocol_errors::handleClientProtocolError(kj::HttpHeaders::ProtocolError problem,
                                                             kj::HttpService::Response& sink) {
  auto code = problem.statusCode == 501 ? errc::unimplemented : errc::invalid_argument;
  return send(sink, headers_, shared_.counts,
              error_response(int(problem.statusCode),
                             {code, fmt::format("this is not a valid HTTP request: {}",
                                                problem.description.cStr())}));
}

kj::Promise<void>
protocol_errors::handleApplicationError(kj::Exception problem,
                                        kj::Maybe<kj::HttpService::Response&> sink) {
  // The client is gone, or a part of a response was sent already.
  if (problem.getType() == kj::Exception::Type::DISCONNECTED) return kj::READY_NOW;
  KJ_IF_MAYBE (open, sink)
    return send(*open, headers_, shared_.counts,
                error_response({errc::internal, fmt::format("the request failed: {}",
                                                            problem.getDescription().cStr())}));
  return kj::READY_NOW;
}

} // namespace troupe::api
