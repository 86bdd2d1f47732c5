#include "actors/batches.hpp"

#include <iterator>

namespace troupe::actors {

void append(store::batch& joined, store::batch next) {
  for (auto& range : next.range_deletes) {
    std::erase_if(joined.writes, [&](const store::write& write) {
      return write.where == range.where && write.key >= range.first && write.key < range.last;
    });
    joined.range_deletes.push_back(std::move(range));
  }
  joined.writes.insert(joined.writes.end(), std::make_move_iterator(next.writes.begin()),
                       std::make_move_iterator(next.writes.end()));
}

} // namespace troupe::actors
