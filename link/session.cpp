#include "link/session.hpp"

#include "link/connection.hpp"
#include "link/link_loop.hpp"

#include <utility>

namespace troupe::link {

session::session(std::string peer_name, const limits& bounds, std::shared_ptr<link_loop> loop)
    : peer_name_(std::move(peer_name)), frame_bytes_max_(bounds.frame_bytes_max),
      outgoing_bytes_max_(bounds.outgoing_bytes_max), loop_(std::move(loop)) {}

void session::send(frame next) {
  if (next.payload.size() > frame_bytes_max_)
    return end(
        {errc::invalid_argument, fmt::format("a frame of {} bytes for {} is over the limit of {}",
                                             next.payload.size(), peer_name_, frame_bytes_max_)},
        true);
  bool overflow = false;
  {
    std::lock_guard lock(mutex_);
    if (!open_) return;
    overflow = unacknowledged_bytes_ + cost_of(next) > outgoing_bytes_max_;
    if (!overflow) {
      unacknowledged_bytes_ += cost_of(next);
      outgoing_.push_back(std::move(next));
      if (std::exchange(waking_, true)) return;
    }
  }
  if (overflow)
    return end({errc::resource_exhausted,
                fmt::format("{} does not keep up: more than {} bytes wait for it", peer_name_,
                            outgoing_bytes_max_)},
               false);
  wake();
}

void session::close(std::string reason) { end({errc::cancelled, std::move(reason)}, true); }

void session::end(error reason, bool flush) {
  {
    std::lock_guard lock(mutex_);
    if (!std::exchange(open_, false)) return;
    ending_ = ending{std::move(reason), flush};
    if (!flush) outgoing_.clear();
    if (std::exchange(waking_, true)) return;
  }
  wake();
}

void session::wake() {
  loop_->post([self = shared_from_this()] {
    if (self->line_) self->line_->pump();
  });
}

std::vector<frame> session::take(size_t bytes_max) {
  std::vector<frame> taken;
  size_t size = 0;
  std::lock_guard lock(mutex_);
  waking_ = false;
  while (!outgoing_.empty() && (taken.empty() || size + cost_of(outgoing_.front()) <= bytes_max)) {
    size += cost_of(outgoing_.front());
    taken.push_back(std::move(outgoing_.front()));
    outgoing_.pop_front();
  }
  return taken;
}

std::optional<session::ending> session::take_ending() {
  std::lock_guard lock(mutex_);
  waking_ = false;
  return std::exchange(ending_, std::nullopt);
}

void session::acknowledge(size_t frame_bytes) {
  std::lock_guard lock(mutex_);
  unacknowledged_bytes_ -= frame_bytes;
}

void session::shut() {
  line_ = nullptr;
  std::lock_guard lock(mutex_);
  open_ = false;
  outgoing_.clear();
}

} // namespace troupe::link
