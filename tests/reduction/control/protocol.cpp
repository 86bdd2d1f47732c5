#include "reduction/control/protocol.hpp"

#include <doctest/doctest.h>

#include <random>

namespace troupe::reduction::test {
namespace {

hello some_hello() {
  hello out;
  out.rank = 3;
  out.world_size = 8;
  out.attempt = 2;
  out.job = "job-1";
  out.place = "host a pid 1";
  out.worker_nonce = fresh_nonce();
  out.lanes = {byte_vector(200, std::byte{7}), byte_vector(3)};
  return out;
}

} // namespace

TEST_CASE("a hello arrives as it was sent, and only with the right token and nonce") {
  const auto sent = some_hello();
  const auto asked = fresh_nonce();
  const auto bytes = encode(sent, asked, "secret");
  const auto got = decode_hello(bytes, asked, "secret");
  REQUIRE(got);
  CHECK(got->rank == 3);
  CHECK(got->world_size == 8);
  CHECK(got->attempt == 2);
  CHECK(got->job == "job-1");
  CHECK(got->place == sent.place);
  CHECK(got->worker_nonce == sent.worker_nonce);
  CHECK(got->lanes == sent.lanes);
  CHECK(decode_hello(bytes, asked, "other").error().code == errc::unauthenticated);
  CHECK(decode_hello(bytes, fresh_nonce(), "secret").error().code == errc::unauthenticated);
  // Neither does the token travel.
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  CHECK(text.find("secret") == std::string_view::npos);
}

TEST_CASE("a changed or cut hello is refused, whichever byte it is") {
  const auto asked = fresh_nonce();
  const auto bytes = encode(some_hello(), asked, "secret");
  for (size_t i = 0; i < bytes.size(); ++i) {
    auto changed = bytes;
    changed[i] ^= std::byte{0x10};
    CHECK(!decode_hello(changed, asked, "secret"));
    CHECK(!decode_hello(byte_span(bytes).first(i), asked, "secret"));
  }
}

TEST_CASE("garbage is refused by every decoder") {
  std::mt19937 random(1);
  const auto asked = fresh_nonce();
  for (int round = 0; round < 2000; ++round) {
    byte_vector garbage(random() % 300);
    for (auto& each : garbage)
      each = static_cast<std::byte>(random());
    CHECK(!decode_challenge(garbage));
    CHECK(!decode_hello(garbage, asked, "secret"));
    CHECK(!decode_welcome(garbage, asked, "secret"));
    CHECK(!decode_roster(garbage, asked, "secret"));
    static_cast<void>(decode_pause(garbage)); // carries no proof: it must only not crash
    static_cast<void>(decode_progress(garbage));
    static_cast<void>(decode_resume(garbage));
  }
}

TEST_CASE("a welcome proves the reducer, and a replayed hello is not accepted as one") {
  const auto asked = fresh_nonce();
  const welcome sent{4096, 8, 99, "10.0.0.1:5", {byte_vector(5)}};
  const auto bytes = encode(sent, asked, "secret");
  const auto got = decode_welcome(bytes, asked, "secret");
  REQUIRE(got);
  CHECK(got->chunk_bytes == 4096);
  CHECK(got->slots == 8);
  CHECK(got->secret == 99);
  CHECK(got->hub == "10.0.0.1:5");
  CHECK(got->lanes == sent.lanes);
  CHECK(decode_welcome(bytes, asked, "other").error().code == errc::unauthenticated);
  CHECK(!decode_welcome(encode(some_hello(), asked, "secret"), asked, "secret"));
}

TEST_CASE("messages between the hub and the ranks arrive as they were sent") {
  const auto asked = fresh_nonce();
  roster sent;
  sent.key = fresh_nonce();
  sent.kappa = 2.5;
  sent.ranks = {{1, 2, "host a pid 1", {byte_vector(5)}}, {3, 4, "host b pid 2", {}}};
  const auto got = decode_roster(encode(sent, asked, "secret"), asked, "secret");
  REQUIRE(got);
  CHECK(got->key == sent.key);
  CHECK(got->kappa == 2.5);
  REQUIRE(got->ranks.size() == 2);
  CHECK(got->ranks[1].place == "host b pid 2");
  CHECK(!decode_roster(encode(sent, asked, "secret"), fresh_nonce(), "secret"));
  CHECK(pair_secret(sent.key, 0, 1) != pair_secret(sent.key, 1, 0));

  const auto pause = decode_pause(encode(pause_order{3, {{1, "it died"}}}));
  REQUIRE(pause);
  CHECK(pause->round == 3);
  CHECK(pause->lost.at(0).reason == "it died");
  const auto progress = decode_progress(encode(progress_report{3, {{0, 1, 17}}, {4}}));
  REQUIRE(progress);
  CHECK(progress->streams.at(0).received == 17);
  CHECK(progress->ended == std::vector<uint32_t>{4});
  const auto resume = decode_resume(encode(resume_order{3, {{0, 1, {{0, 17}, {1, 16}}}}, {}}));
  REQUIRE(resume);
  CHECK(resume->streams.at(0).received.at(1) == std::pair(1U, 16U));
}

TEST_CASE("a challenge of another protocol version is refused for its version") {
  auto bytes = encode(challenge{static_cast<uint16_t>(protocol_version + 1), fresh_nonce()});
  CHECK(decode_challenge(bytes).error().code == errc::out_of_range);
}

} // namespace troupe::reduction::test
