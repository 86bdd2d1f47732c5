#include "reduction/reducer/shard_host.hpp"

#include <doctest/doctest.h>

namespace troupe::reduction::test {
namespace {

constexpr uint64_t secret_of_1 = 77;

std::unique_ptr<am_worker> worker() {
  auto made = am_worker::create({"lo"});
  REQUIRE(made);
  return std::move(*made);
}

chunk_header header_of(uint64_t secret, uint32_t sequence = 0) {
  chunk_header out;
  out.secret = secret;
  out.group = 3;
  out.sequence = out.operation = sequence;
  out.describe({collective::allreduce, passing::normal, dtype::float32, reduce_op::sum, 0, 2, 64});
  return out;
}

byte_span bytes_of(const std::vector<float>& values) { return std::as_bytes(std::span(values)); }

/// A host on rank 0, which is local, and rank 1 with a UCX worker on the same thread.
struct two_ranks {
  two_ranks()
      : host(*data, {4096, 4}, {{11, {data->address()}}, {secret_of_1, {other->address()}}},
             {[this](uint32_t rank) { attached.push_back(rank); }, [](uint32_t, const auto&) {},
              [this](error why) { troubles.push_back(std::move(why)); }, [this] { ++strangers; }}) {
    host.be_local(0, [this](const shard::outcome&, byte_span payload) {
      local_results.emplace_back(payload.begin(), payload.end());
    });
    for (const auto kind : {message::attached, message::result})
      other->on_message(kind, [this, kind](const chunk_header& header, byte_span payload) {
        received.push_back({kind, header, byte_vector(payload.begin(), payload.end())});
      });
    auto made = other->connect(data->address(), [](const std::string&) {});
    REQUIRE(made);
    endpoint = *made;
  }
  ~two_ranks() {
    other->close_endpoints();
    data->close_endpoints();
  }
  void progress_until(const std::function<bool()>& reached) {
    const auto deadline = steady_clock::now() + std::chrono::seconds(10);
    while (!reached() && steady_clock::now() < deadline) {
      other->progress();
      data->progress();
      host.catch_up();
    }
    REQUIRE(reached());
  }
  /// Rank 1 attaches, as its engine 0, and waits for the answer.
  void attach() {
    auto header = header_of(secret_of_1);
    header.operation = 0;
    other->send(*endpoint, message::attach, header, {}, {});
    progress_until([&] { return !received.empty(); });
    REQUIRE(received[0].kind == message::attached);
    received.clear();
  }
  void open_from_1(const std::vector<uint32_t>& members) {
    auto header = header_of(secret_of_1);
    header.operation = 0; // the engine
    other->send(*endpoint, message::open, header, std::as_bytes(std::span(members)), {});
  }

  struct message_received {
    message kind;
    chunk_header header;
    byte_vector payload;
  };
  std::unique_ptr<am_worker> data = worker(), other = worker();
  std::vector<uint32_t> attached;
  std::vector<error> troubles;
  int strangers = 0;
  std::vector<byte_vector> local_results;
  std::vector<message_received> received;
  am_worker::endpoint* endpoint = nullptr;
  shard_host host;
};

} // namespace

TEST_CASE("a rank that attaches with its secret is answered") {
  two_ranks at;
  at.attach();
  CHECK(at.attached == std::vector<uint32_t>{1});
  CHECK(at.host.endpoint(1, 0) != nullptr);
  CHECK(at.host.endpoint(1, 1) == nullptr);
  CHECK(at.strangers == 0);
}

TEST_CASE("messages with a secret of no rank are counted and have no effect") {
  two_ranks at;
  auto header = header_of(secret_of_1 + 1);
  header.operation = 0;
  const std::vector<uint32_t> members{0, 1};
  at.other->send(*at.endpoint, message::attach, header, {}, {});
  at.other->send(*at.endpoint, message::open, header, std::as_bytes(std::span(members)), {});
  at.other->send(*at.endpoint, message::contribution, header, {}, {});
  at.progress_until([&] { return at.strangers == 3; });
  CHECK(at.attached.empty());
  CHECK(at.host.streams() == 0);
  CHECK(at.received.empty());
}

TEST_CASE("the sum of a local and a remote rank goes to both, under the remote rank's secret") {
  two_ranks at;
  at.attach();
  at.host.open_locally(header_of(0), {0, 1});
  at.open_from_1({0, 1});
  const std::vector<float> mine{1, 2}, theirs{10, 20}, sum{11, 22};
  at.host.contribute_locally(header_of(0), bytes_of(mine));
  at.other->send(*at.endpoint, message::contribution, header_of(secret_of_1), bytes_of(theirs), {});
  at.progress_until([&] { return !at.received.empty(); });
  CHECK(at.received[0].kind == message::result);
  CHECK(at.received[0].header.secret == secret_of_1);
  CHECK(std::ranges::equal(at.received[0].payload, bytes_of(sum)));
  REQUIRE(at.local_results.size() == 1);
  CHECK(std::ranges::equal(at.local_results[0], bytes_of(sum)));
  CHECK(at.troubles.empty());
}

TEST_CASE("a group with members that do not exist, or without the rank itself, is refused") {
  for (const auto& members : {std::vector<uint32_t>{0, 2}, std::vector<uint32_t>{1}}) {
    two_ranks at;
    auto header = header_of(0);
    header.operation = 0;
    at.host.open_locally(header, members);
    REQUIRE(at.troubles.size() == 1);
    CHECK(at.troubles[0].code == errc::invalid_argument);
    CHECK(at.host.streams() == 0);
  }
}

TEST_CASE("ranks that open the same group with other members are named") {
  two_ranks at;
  at.attach();
  at.host.open_locally(header_of(0), {0, 1});
  at.open_from_1({1, 0});
  at.progress_until([&] { return !at.troubles.empty(); });
  CHECK(at.troubles[0].code == errc::failed_precondition);
  CHECK(at.troubles[0].message.find("consists of the ranks 0,1 for some, but of 1,0 for rank 1")
        != std::string::npos);
}

TEST_CASE("a stream ends when all of its members have closed it") {
  two_ranks at;
  at.attach();
  at.host.open_locally(header_of(0), {0, 1});
  at.open_from_1({0, 1});
  at.host.close_locally(header_of(0));
  CHECK(at.host.streams() == 1);
  at.other->send(*at.endpoint, message::close, header_of(secret_of_1), {}, {});
  at.progress_until([&] { return at.host.streams() == 0; });
}

TEST_CASE("a chunk that waits for a rank is reported with the rank's number") {
  two_ranks at;
  at.attach();
  at.host.open_locally(header_of(0), {0, 1});
  CHECK(!at.host.oldest_waiting());
  at.host.contribute_locally(header_of(0), bytes_of({1, 2}));
  const auto waiting = at.host.oldest_waiting();
  REQUIRE(waiting);
  CHECK(waiting->missing == std::vector<uint32_t>{1});
}

} // namespace troupe::reduction::test
