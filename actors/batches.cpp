#include "actors/batches.hpp"

#include <iterator>

namespace troupe::actors {

void append(store::batch& all, store::batch next) {
  for (auto& range : next.range_deletes) {
    std::erase_if(all.writes, [&](const store::write& write) {
      return write.where == range.where && write.key >= range.first && write.key < range.last;
    });
    all.range_deletes.push_back(std::move(range));
  }
  all.writes.insert(all.writes.end(), std::make_move_iterator(next.writes.begin()),
                    std::make_move_iterator(next.writes.end()));
}

} // namespace troupe::actors
