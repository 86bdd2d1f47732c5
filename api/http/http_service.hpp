// What runs on the event loop: takes a request's bytes, checks the token, hands the request to a
// worker and sends the response, each under a deadline. Private to the server.
#pragma once

#include "api/backend/context.hpp"
#include "api/backend/operation_waits.hpp"
#include "api/http/request_counts.hpp"
#include "api/http/worker_pool.hpp"

#include <kj/async-io.h>
#include <kj/compat/http.h>

namespace troupe::api {

/// The state that all connections share. Outlives them and the worker threads.
struct shared_state {
  shared_state(server_settings, backend&);

  server_settings settings;
  request_counts counts;
  std::atomic<bool> stopping = false;
  context handler_context;
  // Last, so that their threads end before the members above, which they use.
  operation_waits waits;
  worker_pool readers;
  worker_pool log_readers;
};

/// The request headers that the server reads.
struct header_table {
  header_table();

  kj::HttpHeaderTable::Builder builder;
  kj::HttpHeaderId authorization;
  kj::Own<kj::HttpHeaderTable> table;
};

/// Serves one connection.
class http_service final : public kj::HttpService {
public:
  http_service(shared_state& shared, const header_table& headers, kj::Timer& timer,
               bool loopback_peer);

  kj::Promise<void> request(kj::HttpMethod method, kj::StringPtr url,
                            const kj::HttpHeaders& headers, kj::AsyncInputStream& body,
                            Response& sink) override;

private:
  kj::Promise<response> answered(api::request asked, bool trusted, kj::AsyncInputStream& body);
  kj::Promise<response> handled(api::request asked);
  bool has_token(const kj::HttpHeaders& headers) const;

  shared_state& shared_;
  const header_table& headers_;
  kj::Timer& timer_;
  bool loopback_peer_;
};

/// Answers with a google.rpc.Status also where a request is too broken to reach a handler.
class protocol_errors final : public kj::HttpServerErrorHandler {
public:
  protocol_errors(shared_state& shared, const header_table& headers)
      : shared_(shared), headers_(headers) {}

  kj::Promise<void> handleClientProtocolError(kj::HttpHeaders::ProtocolError problem,
                                              kj::HttpService::Response& sink) override;
  kj::Promise<void> handleApplicationError(kj::Exception problem,
                                           kj::Maybe<kj::HttpService::Response&> sink) override;

private:
  shared_state& shared_;
  const header_table& headers_;
};

} // namespace troupe::api
