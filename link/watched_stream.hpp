// A stream that counts the bytes it reads. It sits below TLS: a large message on a thin wire gives
// no sign of life above it until it is whole.
#pragma once

#include <kj/async-io.h>

#include <cstdint>

namespace troupe::link {

/// Shared by the stream and the connection that watches it.
struct byte_count : kj::Refcounted {
  uint64_t heard = 0;
};

class watched_stream final : public kj::AsyncIoStream {
public:
  watched_stream(kj::Own<kj::AsyncIoStream> inner, kj::Own<byte_count> count)
      : inner_(kj::mv(inner)), count_(kj::mv(count)) {}

  kj::Promise<size_t> tryRead(void* buffer, size_t min_bytes, size_t max_bytes) override {
    return inner_->tryRead(buffer, min_bytes, max_bytes).then([this](size_t n) {
      count_->heard += n;
      return n;
    });
  }
  kj::Promise<void> write(const void* buffer, size_t size) override {
    return inner_->write(buffer, size);
  }
  kj::Promise<void> write(kj::ArrayPtr<const kj::ArrayPtr<const kj::byte>> pieces) override {
    return inner_->write(pieces);
  }
  kj::Promise<void> whenWriteDisconnected() override { return inner_->whenWriteDisconnected(); }
  void shutdownWrite() override { inner_->shutdownWrite(); }
  void abortRead() override { inner_->abortRead(); }

private:
  kj::Own<kj::AsyncIoStream> inner_;
  kj::Own<byte_count> count_;
};

} // namespace troupe::link
