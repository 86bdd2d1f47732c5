// The files that belong to this program: the shim, the C library and the Python package, in a build
// tree and in an installation.
#pragma once

#include "base/error.hpp"

#include <filesystem>

namespace troupe::host {

struct installation {
  std::filesystem::path troupe;  // this program
  std::filesystem::path shim;    // troupe-shim, which starts replicas
  std::filesystem::path library; // libtroupe.so; empty if it was not built
  /// The directory that contains the package `troupe`; empty if there is none.
  std::filesystem::path python;
};

/// Around the running program. failed_precondition: the shim is missing; the message names the
/// places that were tried.
result<installation> find_installation();

/// The same around another program: in a build tree, or under the prefix of an installation.
result<installation> installation_around(const std::filesystem::path& program);

} // namespace troupe::host
