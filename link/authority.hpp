// A cluster's own certificate authority: makes the files that link::identity names. Keys are EC
// P-256, files of keys 0600.
#pragma once

#include "base/error.hpp"
#include "link/identity.hpp"

#include <string>
#include <vector>

namespace troupe::link {

/// What a certificate may be used for.
struct roles {
  bool server = true;
  bool client = true;
};

struct issue_options {
  roles may_be;
  int days = 365;
  bool replace = false;              // an existing certificate of that name, to renew it
  std::filesystem::path output = {}; // empty: the authority's own directory
};

/// Makes authority.pem and authority-key.pem in the directory. already_exists: one of them is
/// there.
result<> create_authority(const std::filesystem::path& directory, int days = 3650);

/// Makes <name>.pem and <name>-key.pem, signed by the authority in the directory. `name` is what
/// the peers see and check (letters, digits, '.', '_' and '-', at most 63); `hosts` are further DNS
/// names and IP addresses.
result<> issue(const std::filesystem::path& directory, const std::string& name,
               const std::vector<std::string>& hosts, const issue_options& options = {});

/// The files that issue() made.
identity identity_of(const std::filesystem::path& directory, const std::string& name);

} // namespace troupe::link
