// For a process that makes suggestions, before the first.
#pragma once

#include <malloc.h>

namespace troupe::tuner::gp {

/// Lets the allocator keep what is freed, up to 32 MiB an arena. A fit allocates and frees the same
/// few MiB dozens of times; giving them back to the kernel and faulting them in again each time
/// took a tenth of a suggestion.
inline void keep_freed_memory() {
#ifdef __GLIBC__
  constexpr int most = 32 << 20;
  ::mallopt(M_TRIM_THRESHOLD, most);
  ::mallopt(M_MMAP_THRESHOLD, most);
#endif
}

} // namespace troupe::tuner::gp
