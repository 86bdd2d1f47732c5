// Where this program's companions are: the shim, the C library and the Python package, both in a
// build tree and installed.
#pragma once

#include "base/error.hpp"

#include <filesystem>

namespace troupe::host {

struct installation {
  std::filesystem::path troupe;  // this program
  std::filesystem::path shim;    // troupe-shim, which starts replicas
  std::filesystem::path library; // libtroupe.so; empty if it was not built
  std::filesystem::path
      python; // the directory that holds the package `troupe`; empty if there is none
};

/// Errors: failed_precondition if the shim is nowhere, naming the places that were tried.
result<installation> find_installation();

} // namespace troupe::host
