// Our identity and the authority that we trust: PEM files to a TLS context. Both sides show a
// certificate of one authority, ours; the system's trust store plays no part.
#pragma once

#include "base/error.hpp"
#include "link/identity.hpp"

#include <kj/compat/tls.h>
#include <kj/exception.h>

#include <chrono>
#include <string>

namespace troupe::link {

/// The error names the file that is at fault.
result<kj::Own<kj::TlsContext>> tls_context(const identity& self);

/// The common name in the peer's verified certificate.
result<std::string> name_of(kj::PeerIdentity& peer);

/// One line, and the code that it goes by: unauthenticated where TLS refused, unavailable
/// otherwise.
error error_of(const kj::Exception& exception);
std::string text_of(const kj::Exception& exception);

/// The same for what happens before a session begins, which must not take longer than `bound`.
error error_of_arrival(const kj::Exception& exception, std::chrono::milliseconds bound);

} // namespace troupe::link
