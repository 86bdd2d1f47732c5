// Frames between processes: Cap'n Proto RPC over TLS with certificates on both sides. A link knows
// nothing of what is in a frame. One end listens (server), the other dials (client); both then hold
// a session.
#pragma once

#include "link/client.hpp"
#include "link/frame.hpp"
#include "link/identity.hpp"
#include "link/limits.hpp"
#include "link/server.hpp"
#include "link/session.hpp"
