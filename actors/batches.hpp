// Joining the write batches of several steps into the one that is committed.
#pragma once

#include "store/store.hpp"

namespace troupe::actors {

/// Appends `next` to `joined`, keeping the effect of doing them one after the other: a batch deletes
/// its ranges first and writes then, so a later range delete must take the earlier writes in its
/// range with it.
void append(store::batch& joined, store::batch next);

} // namespace troupe::actors
