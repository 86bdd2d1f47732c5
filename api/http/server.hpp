// The HTTP server of the controller: Vertex AI's REST resources, Cloud Logging's entries:list and
// Prometheus' /metrics. It owns an event-loop thread, which moves bytes and keeps deadlines, and a
// few worker threads, which run the handlers. Reads see the committed state; writes are commands to
// the controller.
#pragma once

#include "api/backend/backend.hpp"
#include "api/backend/settings.hpp"

#include <memory>

namespace troupe::api {

class server {
public:
  /// Listens before it returns. `backend` must outlive the server. invalid_argument: there is no
  /// token. unavailable: the server cannot listen on the address.
  static result<std::unique_ptr<server>> start(server_settings, backend&);

  /// Accepts no new connections, waits at most a second for running requests, and stops.
  ~server();

  uint16_t port() const;

private:
  struct impl;
  explicit server(std::unique_ptr<impl>);
  std::unique_ptr<impl> impl_;
};

} // namespace troupe::api
