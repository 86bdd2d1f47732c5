#include "bench/peers/meeting.hpp"

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <linux/futex.h>
#include <sstream>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <thread>
#include <unistd.h>
#include <utility>

namespace troupe::bench {

namespace {

// A descriptor that closes itself.
struct file {
  int fd;
  ~file() {
    if (fd >= 0) close(fd);
  }
};

std::unexpected<error> system_failure(const std::string& call, const std::string& path) {
  return fail(errc::unknown, "meeting of the ranks: {} '{}': {}", call, path, strerror(errno));
}

} // namespace

// A new file is all zeros, so no rank has to prepare it.
struct meeting_point::shared {
  std::atomic<uint32_t> arrived;
  std::atomic<uint32_t> round; // what sleepers wait on
};

result<meeting_point> meeting_point::open(const std::string& folder, uint32_t world_size) {
  std::string path = folder + "/barrier";
  file opened{::open(path.c_str(), O_RDWR | O_CREAT, 0600)};
  if (opened.fd < 0) return system_failure("cannot open", path);
  if (ftruncate(opened.fd, sizeof(shared)) != 0) return system_failure("cannot prepare", path);
  void* mapped = mmap(nullptr, sizeof(shared), PROT_READ | PROT_WRITE, MAP_SHARED, opened.fd, 0);
  if (mapped == MAP_FAILED) return system_failure("cannot map", path);
  return meeting_point(static_cast<shared*>(mapped), world_size);
}

meeting_point::meeting_point(meeting_point&& other) noexcept
    : page_(std::exchange(other.page_, nullptr)), world_size_(other.world_size_) {}

meeting_point::~meeting_point() {
  if (page_) munmap(page_, sizeof(shared));
}

void meeting_point::wait(const std::function<bool()>& progress) {
  // Not std::atomic's own waiting: that is only for threads of one process.
  auto* word = reinterpret_cast<uint32_t*>(&page_->round);
  uint32_t round = page_->round.load();
  if (page_->arrived.fetch_add(1) + 1 == world_size_) {
    page_->arrived = 0;
    page_->round.fetch_add(1);
    syscall(SYS_futex, word, FUTEX_WAKE, INT32_MAX, nullptr, nullptr, 0);
    return;
  }
  while (page_->round.load() == round)
    if (!progress()) syscall(SYS_futex, word, FUTEX_WAIT, round, nullptr, nullptr, 0);
}

result<> publish(const std::string& folder, const std::string& name, const std::string& text) {
  std::string path = folder + "/" + name;
  std::ofstream(path + ".part") << text;
  // Readers see all of it or nothing.
  if (std::rename((path + ".part").c_str(), path.c_str()) != 0)
    return system_failure("cannot write", path);
  return {};
}

result<std::string> look_up(const std::string& folder, const std::string& name) {
  std::string path = folder + "/" + name;
  auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!std::filesystem::exists(path)) {
    if (std::chrono::steady_clock::now() > deadline)
      return fail(errc::deadline_exceeded, "meeting of the ranks: nobody wrote '{}' within 60 s",
                  path);
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

} // namespace troupe::bench
