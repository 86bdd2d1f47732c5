// What the tests of links share: certificates made once, and a server and a client that write down
// what happens to them.
#pragma once

#include "link/authority.hpp"
#include "link/link.hpp"

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::link {

/// Ours: controller, agent, other. Theirs, another authority: controller, agent.
const std::filesystem::path& ours();
const std::filesystem::path& theirs();

/// A frame of kind 0 with this payload.
frame frame_of(std::string_view text);

/// Short where a test waits for it, long where a busy machine must not trip over it.
limits quick();

/// A log of strings that a test can wait on.
class record {
public:
  void add(std::string entry);
  /// False when `count` entries are not there within the patience of a test.
  bool wait(size_t count) const;
  bool wait_for_entry_with(const std::string& part,
                           std::chrono::milliseconds patience = std::chrono::seconds(20)) const;
  std::vector<std::string> all() const;
  size_t size() const { return all().size(); }

private:
  template <class Ready>
  bool wait_until(Ready ready, std::chrono::milliseconds patience) const;

  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::vector<std::string> entries_;
};

struct listener {
  explicit listener(limits bounds = quick(), std::string address = "127.0.0.1:0",
                    const std::filesystem::path& authority = ours());

  std::string address() const;
  std::shared_ptr<session> peer(size_t index = 0) const;

  record joined;   // "name: hello"
  record received; // the frames' text; only sizes of those above 100 bytes
  record closed;   // messages
  record turned_away;
  mutable std::mutex mutex;
  std::vector<std::shared_ptr<session>> peers;
  std::vector<errc> closed_codes;
  /// Set before anyone dials. An empty answer leaves it to the listener.
  std::function<result<shared_bytes>(std::shared_ptr<session>, shared_bytes)> admit;
  bool echo = false;
  std::unique_ptr<server> end;
};

struct dialler {
  explicit dialler(const std::string& address, limits bounds = quick(),
                   const std::string& name = "agent",
                   const std::filesystem::path& authority = ours(),
                   const std::string& expected = "controller");

  /// The session of the latest welcome.
  std::shared_ptr<session> peer() const;

  record welcomes;
  record received;
  record closed;
  record failed;
  mutable std::mutex mutex;
  std::shared_ptr<session> latest;
  std::unique_ptr<client> end;
};

} // namespace troupe::link
