// Fresh randomness for ids, tokens and secrets, from the kernel. Only shells may draw it; core/
// gets it handed in.
#pragma once

#include <cstddef>
#include <string>

namespace troupe {

/// `bytes` random bytes in lower-case hex (two characters each).
std::string random_hex(size_t bytes);

} // namespace troupe
