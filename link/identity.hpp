// The files with a process's identity and the authority that it trusts, all PEM.
// link/authority.hpp makes them.
#pragma once

#include <filesystem>

namespace troupe::link {

struct identity {
  std::filesystem::path certificate;
  std::filesystem::path key;
  std::filesystem::path authority;
};

} // namespace troupe::link
