#include "api/backend/operation_waits.hpp"

#include "api/backend/lookup.hpp"

namespace troupe::api {

namespace {

constexpr std::chrono::milliseconds look_every_ms{10};

} // namespace

operation_waits::operation_waits(const store::database& database, const std::atomic<bool>& stopping)
    : database_(database), stopping_(stopping), thread_([this] { run(); }) {}

operation_waits::~operation_waits() {
  {
    mutex_lock lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void operation_waits::add(wait added) {
  {
    mutex_lock lock(mutex_);
    added_.push_back(std::move(added));
  }
  changed_.notify_all();
}

void operation_waits::run() {
  std::vector<wait> waiting;
  for (bool owned = true; owned;) {
    owned = collect(waiting);
    auto now = std::chrono::steady_clock::now();
    std::erase_if(waiting, [&](wait& one) {
      if (!owned || stopping_ || now >= one.deadline) one.deadline = {};
      return try_to_answer(one);
    });
  }
}

bool operation_waits::collect(std::vector<wait>& waiting) {
  mutex_lock lock(mutex_);
  auto next_look = std::chrono::steady_clock::now() + look_every_ms;
  bool in_time = true;
  while (in_time && !ending_ && added_.empty())
    if (waiting.empty())
      lock.wait(changed_);
    else
      in_time = lock.wait_until(changed_, next_look);
  for (wait& one : added_)
    waiting.push_back(std::move(one));
  added_.clear();
  return !ending_;
}

bool operation_waits::try_to_answer(const wait& one) const {
  auto found = stored<wire::Operation>(database_, store::family::operations, one.key);
  if (!found) return one.reply(error_response(found.error())), true;
  if (!*found)
    return one.reply(error_response({errc::not_found, "the operation does not exist any more"})),
           true;
  bool over = one.deadline == std::chrono::steady_clock::time_point();
  if (!over && !(**found)->getDone()) return false;
  one.reply(json_response(wire::to_json<wire::Operation>(***found, one.json)));
  return true;
}

} // namespace troupe::api
