#include "tests/link/harness.hpp"

#include "tests/support/scratch.hpp"

#include <doctest/doctest.h>

#include <cstdlib>

namespace troupe::link {

namespace {

struct trust {
  trust() {
    REQUIRE(create_authority(dir.path()));
    for (auto name : {"controller", "agent", "other"})
      REQUIRE(issue(dir.path(), name, {"127.0.0.1"}));
  }
  test::scratch dir;
};

std::string shown(const shared_bytes& payload) {
  return payload.size() > 100 ? std::to_string(payload.size()) : std::string(payload.text());
}

} // namespace

frame frame_of(std::string_view text) { return {.payload = shared_bytes::copy(text)}; }

const std::filesystem::path& ours() {
  static trust made;
  return made.dir.path();
}

const std::filesystem::path& theirs() {
  static trust made;
  return made.dir.path();
}

limits quick() {
  using namespace std::chrono_literals;
  limits bounds;
  bounds.heartbeat = 100ms;
  bounds.silence = 5s;
  bounds.handshake = 5s;
  bounds.redial_first = 10ms;
  bounds.redial_last = 50ms;
  return bounds;
}

void record::add(std::string entry) {
  std::lock_guard lock(mutex_);
  entries_.push_back(std::move(entry));
  changed_.notify_all();
}

template <class Ready>
bool record::wait_until(Ready ready, std::chrono::milliseconds patience) const {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, patience, ready);
}

bool record::wait(size_t count) const {
  return wait_until([&] { return entries_.size() >= count; }, std::chrono::seconds(20));
}

bool record::wait_for_entry_with(const std::string& part,
                                 std::chrono::milliseconds patience) const {
  return wait_until(
      [&] {
        for (const auto& entry : entries_)
          if (entry.find(part) != std::string::npos) return true;
        return false;
      },
      patience);
}

std::vector<std::string> record::all() const {
  std::lock_guard lock(mutex_);
  return entries_;
}

listener::listener(limits bounds, std::string address, const std::filesystem::path& authority) {
  server_events on;
  on.joined = [this](std::shared_ptr<session> peer, shared_bytes hello) -> result<shared_bytes> {
    if (admit)
      if (auto answer = admit(peer, hello); !answer || answer->size() > 0) return answer;
    auto entry = fmt::format("{}: {}", peer->peer_name(), hello.text());
    {
      std::lock_guard lock(mutex);
      peers.push_back(peer);
    }
    joined.add(entry);
    return shared_bytes::copy("welcome " + entry);
  };
  on.received = [this](session& peer, frame arrived) {
    received.add(shown(arrived.payload));
    if (echo) peer.send(arrived);
  };
  on.closed = [this](session&, error reason) {
    {
      std::lock_guard lock(mutex);
      closed_codes.push_back(reason.code);
    }
    closed.add(reason.message);
  };
  on.turned_away = [this](std::string line) { turned_away.add(line); };
  auto made = server::listen(address, identity_of(authority, "controller"), std::move(on), bounds);
  REQUIRE_MESSAGE(made, made.error().message);
  end = std::move(*made);
}

std::string listener::address() const { return fmt::format("127.0.0.1:{}", end->port()); }

std::shared_ptr<session> listener::peer(size_t index) const {
  std::lock_guard lock(mutex);
  return peers.at(index);
}

dialler::dialler(const std::string& address, limits bounds, const std::string& name,
                 const std::filesystem::path& authority, const std::string& expected) {
  client_events on;
  on.welcome = [this](std::shared_ptr<session> peer, shared_bytes text) {
    {
      std::lock_guard lock(mutex);
      latest = peer;
    }
    welcomes.add(std::string(text.text()));
  };
  on.received = [this](session&, frame arrived) { received.add(shown(arrived.payload)); };
  on.closed = [this](session&, error reason) { closed.add(reason.message); };
  on.failed = [this](const error& reason) {
    failed.add(fmt::format("{} {}", name_of(reason.code), reason.message));
  };
  auto made = client::dial(
      address, expected, identity_of(authority, name), [] { return shared_bytes::copy("hello"); },
      std::move(on), bounds);
  REQUIRE_MESSAGE(made, made.error().message);
  end = std::move(*made);
}

std::shared_ptr<session> dialler::peer() const {
  std::lock_guard lock(mutex);
  return latest;
}

} // namespace troupe::link
