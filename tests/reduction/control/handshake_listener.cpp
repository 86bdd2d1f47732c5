#include "reduction/control/handshake_listener.hpp"

#include "tests/reduction/control/wires.hpp"

#include <doctest/doctest.h>

#include <poll.h>

namespace troupe::reduction::test {
namespace {

/// A listener that knows the token "secret" of "job-1", and what it has admitted.
struct listening {
  listening()
      : listener({5'000,
                  [](const std::string& job) {
                    return job == "job-1" ? std::optional<std::string>("secret") : std::nullopt;
                  },
                  [this](handshake_listener::candidate& newcomer) -> std::optional<rejection> {
                    if (objection) return objection;
                    admitted.push_back(std::move(newcomer));
                    return std::nullopt;
                  }},
                 nullptr) {
    REQUIRE(listener.listen({"127.0.0.1", 0}));
  }
  caller call() {
    return caller::to(listener.address(), [this] { listener.serve(steady_clock::now()); });
  }
  std::vector<handshake_listener::candidate> admitted;
  std::optional<rejection> objection;
  handshake_listener listener;
};

rejection refused(caller& from) {
  const auto answer = from.next();
  REQUIRE(answer);
  REQUIRE(answer->type == frame_type::reject);
  return *decode_rejection(answer->payload);
}

} // namespace

TEST_CASE("a caller that proves the job's token is admitted as its hello says") {
  listening at;
  auto rank = at.call();
  rank.introduce(hello_of(1, 2), "secret");
  while (at.admitted.empty())
    at.listener.serve(steady_clock::now());
  CHECK(at.admitted[0].identity.rank == 1);
  CHECK(at.admitted[0].identity.job == "job-1");
  CHECK(at.admitted[0].from.starts_with("127.0.0.1:"));
  // The connection is the owner's now.
  at.admitted[0].control.send(frame_type::welcome, {});
  CHECK(rank.next()->type == frame_type::welcome);
}

TEST_CASE("a caller with a wrong token is refused and not admitted") {
  listening at;
  auto rank = at.call();
  rank.introduce(hello_of(1, 2), "guess");
  CHECK(refused(rank).code == errc::unauthenticated);
  CHECK(!rank.next());
  CHECK(at.admitted.empty());
}

TEST_CASE("an unknown job is refused in the same words as a wrong token") {
  listening at;
  auto guesses = at.call();
  guesses.introduce(hello_of(0, 2), "guess");
  auto strays = at.call();
  auto other = hello_of(0, 2);
  other.job = "job-2";
  strays.introduce(other, "secret");
  const auto of_token = refused(guesses), of_job = refused(strays);
  CHECK(of_job.code == of_token.code);
  CHECK(of_job.reason == of_token.reason);
  CHECK(at.admitted.empty());
}

TEST_CASE("an objection of the owner reaches the caller") {
  listening at;
  at.objection = rejection{true, errc::already_exists, "rank 1 is connected already"};
  auto rank = at.call();
  rank.introduce(hello_of(1, 2), "secret");
  const auto answer = refused(rank);
  CHECK(answer.retry);
  CHECK(answer.code == errc::already_exists);
  CHECK(answer.reason == "rank 1 is connected already");
}

TEST_CASE("a caller whose first frame is no hello is dropped without an answer") {
  listening at;
  auto stranger = at.call();
  REQUIRE(stranger.next()->type == frame_type::challenge);
  stranger.send(frame_type::goodbye);
  CHECK(!stranger.next());
}

TEST_CASE("a caller that says nothing is dropped at the deadline and not before") {
  listening at;
  auto silent = at.call();
  REQUIRE(silent.next()->type == frame_type::challenge);
  const auto fds = [&] {
    std::vector<pollfd> out;
    at.listener.add_poll_fds(out);
    return out.size();
  };
  at.listener.serve(steady_clock::now() + milliseconds(4'000));
  CHECK(fds() == 2); // the listener and the caller
  at.listener.serve(steady_clock::now() + milliseconds(5'001));
  CHECK(fds() == 1);
}

TEST_CASE("text from others loses control characters and quotes, and its end when it is long") {
  CHECK(printable("a\"b\nc") == "a?b?c");
  CHECK(printable(std::string(3000, 'x')).size() == 2048);
}

} // namespace troupe::reduction::test
