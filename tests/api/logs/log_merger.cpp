#include "api/logs/log_merger.hpp"

#include "tests/api/direct_cluster.hpp"

namespace troupe::api::test {

namespace {

using texts = std::vector<std::string>;

/// One job with logs on n1 and n2, read page by page.
struct merged_job {
  void line(const std::string& node, int64_t nanos, const std::string& text) {
    cluster.backend.add_line(node, source.origin.job,
                             {"1/workerpool" + node.substr(1) + "-0/0", nanos, text});
  }

  /// The next page's texts, and whether there may be more.
  std::pair<texts, bool> page(size_t size, std::string_view text = "") {
    auto page = read_log_page(cluster.handler_context, {source}, *log_filter(text), size, position);
    REQUIRE(page);
    texts lines;
    for (const log_entry& entry : page->entries)
      lines.push_back(entry.text);
    return {lines, page->more};
  }

  direct_cluster cluster;
  log_source source{.origin = {.job = 7, .project = "p"}, .over = true, .nodes = {"n1", "n2"}};
  log_position position;
};

} // namespace

TEST_CASE("lines of several nodes and platform messages are merged by time") {
  merged_job job;
  job.line("n1", 1'000, "a");
  job.line("n1", 4'000, "d");
  job.line("n2", 2'000, "b");
  job.cluster.backend.add_service_log(7, 0, 3, "c");
  job.cluster.backend.add_service_log(8, 0, 3, "of another job");
  CHECK(job.page(100) == std::pair(texts{"a", "b", "c", "d"}, false));
}

TEST_CASE("pages of any size have each entry once") {
  for (size_t size : {1, 2, 3, 7, 100}) {
    CAPTURE(size);
    merged_job job;
    texts expected;
    for (int index = 0; index < 20; ++index) {
      job.line(index % 3 ? "n1" : "n2", index, std::to_string(index));
      expected.push_back(std::to_string(index));
    }
    texts read;
    for (bool more = true; more;) {
      auto [lines, left] = job.page(size);
      CHECK(lines.size() <= size);
      read.insert(read.end(), lines.begin(), lines.end());
      more = left;
    }
    CHECK(read == expected);
  }
}

TEST_CASE("a node that has more lines than one read holds keeps its place in time") {
  merged_job job;
  texts expected;
  // More than one read takes from n1, and all of them older than the one line of n2.
  for (int index = 0; index < 500; ++index) {
    job.line("n1", index, std::to_string(index));
    expected.push_back(std::to_string(index));
  }
  job.line("n2", 1'000, "last");
  expected.push_back("last");
  CHECK(job.page(1000).first == expected);
}

TEST_CASE("entries that do not match are passed over, and read only once") {
  merged_job job;
  for (int index = 0; index < 50; ++index)
    job.line("n1", index, index == 40 ? "wanted" : "other");
  auto [lines, more] = job.page(1, "textPayload=wanted");
  CHECK(lines == texts{"wanted"});
  CHECK(job.position.jobs[7].offsets["1/workerpool1-0/0"] == 40 * 6 + 7);
}

TEST_CASE("a job that runs may have more later, one that is over does not") {
  merged_job job;
  job.line("n1", 1, "a");
  job.source.over = false;
  CHECK(job.page(100) == std::pair(texts{"a"}, true));
  CHECK(job.page(100) == std::pair(texts{}, true));
  job.source.over = true;
  CHECK(job.page(100) == std::pair(texts{}, false));
}

TEST_CASE("a job that was read to its end is not read again") {
  merged_job job;
  job.line("n1", 1, "a");
  CHECK(job.page(100) == std::pair(texts{"a"}, false));
  CHECK(job.position.jobs[7].finished);
  job.line("n1", 2, "later");
  CHECK(job.page(100) == std::pair(texts{}, false));
}

TEST_CASE("a silent node is named once, and its lines follow when it answers") {
  merged_job job;
  job.line("n1", 1, "a");
  job.line("n2", 2, "b");
  job.cluster.backend.silence("n2", true);
  auto [lines, more] = job.page(100);
  REQUIRE(lines.size() == 2);
  CHECK(lines[0] == "a");
  CHECK(lines[1].contains("node n2"));
  CHECK_FALSE(job.position.jobs[7].finished); // its lines are still to be read
  CHECK(job.page(100).first.empty());
  job.cluster.backend.silence("n2", false);
  CHECK(job.page(100).first == texts{"b"});
  CHECK(job.position.jobs[7].finished);
}

TEST_CASE("a damaged platform message is an error that names it") {
  merged_job job;
  job.cluster.backend.put(store::family::service_logs, store::key_of(7) + "/0000000003",
                          "not a frame");
  auto page = read_log_page(job.cluster.handler_context, {job.source}, filter(), 10, job.position);
  REQUIRE_FALSE(page);
  CHECK(page.error().message.contains("stored service log"));
}

} // namespace troupe::api::test
