#include "tests/reduction/control/wires.hpp"

#include <doctest/doctest.h>

#include <thread>

namespace troupe::reduction::test {

wire::wire() {
  const auto listener = listen_on({"127.0.0.1", 0});
  REQUIRE(listener);
  auto made = frame_socket::connect_to(local_address(listener->value()));
  REQUIRE(made);
  there = std::move(*made);
  auto accepted = accept_one(listener->value());
  while (!accepted)
    accepted = accept_one(listener->value());
  here = frame_socket(std::move(accepted->first));
}

caller::caller(frame_socket control, std::function<void()> serve)
    : control_(std::move(control)), serve_(std::move(serve)) {}

caller caller::to(const socket_address& address, std::function<void()> serve) {
  auto made = frame_socket::connect_to(address);
  REQUIRE(made);
  return caller(std::move(*made), std::move(serve));
}

std::optional<frame> caller::next() {
  const auto deadline = steady_clock::now() + std::chrono::seconds(10);
  while (true) {
    serve_();
    for (auto& each : control_.receive(max_trusted_frame_bytes))
      if (each.type != frame_type::heartbeat) received_.push_back(std::move(each));
    if (!received_.empty()) {
      auto out = std::move(received_.front());
      received_.pop_front();
      return out;
    }
    if (control_.lost() || steady_clock::now() > deadline) return std::nullopt;
    std::this_thread::sleep_for(milliseconds(1));
  }
}

void caller::introduce(hello identity, std::string_view token) {
  const auto asked = next();
  REQUIRE(asked);
  REQUIRE(asked->type == frame_type::challenge);
  const auto question = decode_challenge(asked->payload);
  REQUIRE(question);
  own_nonce_ = identity.worker_nonce = fresh_nonce();
  control_.send(frame_type::hello, encode(identity, question->server_nonce, token));
}

hello hello_of(uint32_t rank, uint32_t world_size) {
  hello out;
  out.rank = rank;
  out.world_size = world_size;
  out.job = "job-1";
  out.place = "host a pid " + std::to_string(rank);
  out.lanes = {byte_vector(3)};
  return out;
}

} // namespace troupe::reduction::test
