// How the ranks of a peer meet before each timed iteration, and learn each other's addresses: by
// files in a folder that all of them share. All ranks of a lab are on one machine, so a barrier in
// shared memory starts every peer the same way and sends nothing over the links that are measured.
#pragma once

#include "base/error.hpp"

#include <cstdint>
#include <functional>
#include <string>

namespace troupe::bench {

class meeting_point {
public:
  /// Every rank calls it; no one waits here.
  static result<meeting_point> open(const std::string& folder, uint32_t world_size);

  meeting_point(meeting_point&& other) noexcept;
  meeting_point& operator=(meeting_point&&) = delete;
  ~meeting_point();

  /// Returns when all ranks have called it. Meanwhile it calls `progress` again and again; where
  /// that returns false it sleeps.
  void wait(const std::function<bool()>& progress);

private:
  struct shared;
  meeting_point(shared* page, uint32_t world_size) : page_(page), world_size_(world_size) {}
  shared* page_;
  uint32_t world_size_;
};

/// Makes `text` known under `name`.
result<> publish(const std::string& folder, const std::string& name, const std::string& text);

/// The text that another rank published under `name`; waits for it, 60 s at most.
result<std::string> look_up(const std::string& folder, const std::string& name);

} // namespace troupe::bench
