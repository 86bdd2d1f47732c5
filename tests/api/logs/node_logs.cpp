#include "api/logs/node_logs.hpp"

#include "tests/api/fake_backend.hpp"

#include <doctest/doctest.h>

namespace troupe::api::test {

namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

node_query query_of(const std::string& node, uint64_t job) {
  return {node, wire::frame<wire::LogQuery>::build([&](wire::LogQuery::Builder query) {
            query.setJobId(job);
            query.setEntriesMax(100);
          })};
}

std::string first_line(const node_answer& answer) {
  REQUIRE(answer);
  REQUIRE(*answer);
  auto entries = (***answer).getEntries();
  return entries.size() == 0 ? "" : wire::str(entries[0].getLine());
}

/// A cluster whose nodes never answer.
class silent_backend final : public backend {
public:
  void execute(wire::frame<wire::Command>,
               std::function<void(wire::frame<wire::Outcome>)>) override {}
  void read_logs(std::string, wire::frame<wire::LogQuery>,
                 std::function<void(result<wire::frame<wire::LogChunk>>)> answer) override {
    late_answers.push_back(std::move(answer));
  }
  const store::database& database() const override { return *store_; }

  std::vector<std::function<void(result<wire::frame<wire::LogChunk>>)>> late_answers;

private:
  std::unique_ptr<store::database> store_ = store::in_memory();
};

} // namespace

TEST_CASE("each node's answer stands where its query stood") {
  fake_backend backend;
  backend.add_line("n1", 7, {"1/workerpool0-0/0", 1, "of n1"});
  backend.add_line("n2", 7, {"1/workerpool1-0/0", 1, "of n2"});
  backend.silence("n3", true);
  std::atomic<bool> stopping = false;
  auto answers = read_nodes(backend, {query_of("n2", 7), query_of("n3", 7), query_of("n1", 7)},
                            steady_clock::now() + 1h, stopping);
  REQUIRE(answers.size() == 3);
  CHECK(first_line(answers[0]) == "of n2");
  REQUIRE(answers[1]);
  CHECK_FALSE(*answers[1]);
  CHECK(first_line(answers[2]) == "of n1");
}

TEST_CASE("no queries need no time") {
  silent_backend backend;
  std::atomic<bool> stopping = false;
  CHECK(read_nodes(backend, {}, steady_clock::now() + 1h, stopping).empty());
}

TEST_CASE("a node that does not answer before the deadline has no answer") {
  silent_backend backend;
  std::atomic<bool> stopping = false;
  auto answers = read_nodes(backend, {query_of("n1", 7)}, steady_clock::now(), stopping);
  REQUIRE(answers.size() == 1);
  CHECK_FALSE(answers[0]);
  backend.late_answers.at(0)(fail(errc::unavailable, "late")); // is ignored
}

TEST_CASE("a server that stops does not wait for nodes") {
  silent_backend backend;
  std::atomic<bool> stopping = true;
  auto answers = read_nodes(backend, {query_of("n1", 7)}, steady_clock::now() + 1h, stopping);
  CHECK_FALSE(answers.at(0));
}

} // namespace troupe::api::test
