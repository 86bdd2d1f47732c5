// The HTTP server of the controller: Vertex AI's REST resources, Cloud Logging's entries:list,
// metrics. It owns an event-loop thread, which only moves bytes and keeps time, and a few worker
// threads, which run the handlers. Reads see the committed state; writes are commands to the
// controller.
#pragma once

#include "api/backend/backend.hpp"
#include "api/backend/settings.hpp"

#include <memory>

namespace troupe::api {

class server {
public:
  /// Listens before it returns. `backend` outlives the server. invalid_argument: no token, or an
  /// address that cannot be; unavailable: the address cannot be listened on.
  static result<std::unique_ptr<server>> start(server_settings, backend&);

  /// Takes no new connections, lets running requests end (for a second at most), and stops.
  ~server();

  uint16_t port() const;

private:
  struct impl;
  explicit server(std::unique_ptr<impl>);
  std::unique_ptr<impl> impl_;
};

} // namespace troupe::api
