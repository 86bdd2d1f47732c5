// What c10d hands out for an operation under way, and the error that it throws.
#pragma once

#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>
#include <torch/csrc/distributed/c10d/Work.hpp>

namespace troupe::backend {

class channel;

// The text is libtroupe's: "UNAVAILABLE: rank 1 (host:port) ...".
class failure : public std::runtime_error {
public:
  using std::runtime_error::runtime_error;
};

// The failure of the last call on this thread, with the operation named in front.
failure last_failure(const std::string& operation, int status);

class work final : public ::c10d::Work {
public:
  struct description {
    int rank;
    int size;
    ::c10d::OpType kind;
    const char* title; // for the profiler, "troupe:all_reduce"
    std::vector<at::Tensor> inputs, outputs;
    std::chrono::milliseconds timeout; // of a wait() that is called without one
  };

  work(description about, std::shared_ptr<channel> via);

  bool wait(std::chrono::milliseconds timeout = kNoTimeout) override;
  std::vector<at::Tensor> result() override { return outputs_; }
  c10::intrusive_ptr<c10::ivalue::Future> getFuture() override { return future_; }

  const char* title() const { return title_; }
  void succeed();
  void fail(const std::exception_ptr& problem);

private:
  const int size_;
  const char* const title_;
  const std::vector<at::Tensor> outputs_;
  const std::chrono::milliseconds timeout_;
  const std::shared_ptr<channel> via_;
  c10::intrusive_ptr<c10::ivalue::Future> future_;
};

} // namespace troupe::backend
