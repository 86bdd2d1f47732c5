#include "reduction/kernels/kernels.hpp"
#include "tests/reduction/fixture.hpp"

#include <doctest/doctest.h>

#include <cstring>
#include <latch>
#include <random>

namespace troupe::reduction::test {
namespace {

// Values whose sum depends on the order of addition.
std::vector<float> rank_values(uint32_t rank, size_t count) {
  std::mt19937 random(rank + 1);
  std::vector<float> out(count);
  for (auto& each : out)
    each = std::ldexp(static_cast<float>(random()), static_cast<int>(random() % 40) - 20);
  return out;
}

std::vector<float> expected_sum(uint32_t world_size, size_t count) {
  auto out = rank_values(0, count);
  for (uint32_t rank = 1; rank < world_size; ++rank) {
    const auto next = rank_values(rank, count);
    for (size_t i = 0; i < count; ++i)
      out[i] += next[i];
  }
  return out;
}

bool same_bytes(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

constexpr uint32_t chunk_bytes = 4096;
constexpr size_t chunk_floats = chunk_bytes / sizeof(float);

} // namespace

TEST_CASE("every rank gets the rank-order sum, bit for bit, for any n, k and size") {
  for (const uint32_t n : {1U, 2U, 3U, 4U})
    for (const uint32_t k : {1U, 2U, 3U}) {
      CAPTURE(n);
      CAPTURE(k);
      auto options = default_options(n);
      options.chunk_bytes = chunk_bytes;
      options.slots = 3;
      reducer_threads tier(k, options);
      on_ranks(tier.list(), n, [&](troupe_comm* comm, uint32_t rank) {
        for (const size_t count : {size_t{0}, size_t{1}, size_t{2}, chunk_floats - 1, chunk_floats,
                                   chunk_floats + 1, 7 * chunk_floats + 13, 40 * chunk_floats}) {
          auto values = rank_values(rank, count);
          const auto expected = expected_sum(n, count);
          CHECK(troupe_allreduce(comm, values.data(), values.data(), count, TROUPE_FLOAT32,
                                 TROUPE_SUM, TROUPE_HOST)
                == TROUPE_OK);
          CHECK(same_bytes(values, expected));
        }
      });
      for (uint32_t i = 0; i < k; ++i)
        CHECK(tier.outcome(i));
    }
}

TEST_CASE("the size of chunks and slots does not change a bit of the result") {
  constexpr size_t count = 100'003;
  const auto expected = expected_sum(3, count);
  for (const uint32_t size : {64U, 1024U, 65536U, 1U << 20}) {
    auto options = default_options(3);
    options.chunk_bytes = size;
    options.slots = size < 1024 ? 64 : 2;
    reducer_threads tier(2, options);
    on_ranks(tier.list(), 3, [&](troupe_comm* comm, uint32_t rank) {
      const auto input = rank_values(rank, count);
      std::vector<float> output(count);
      CHECK(troupe_allreduce(comm, input.data(), output.data(), count, TROUPE_FLOAT32, TROUPE_SUM,
                             TROUPE_HOST)
            == TROUPE_OK);
      CHECK(same_bytes(output, expected));
      CHECK(same_bytes(input, rank_values(rank, count)));
    });
  }
}

TEST_CASE("many operations of all types and operators finish in any order of waiting") {
  reducer_threads tier(2, [] {
    auto options = default_options(2);
    options.chunk_bytes = 1024;
    options.slots = 4;
    return options;
  }());
  on_ranks(tier.list(), 2, [&](troupe_comm* comm, uint32_t rank) {
    constexpr size_t count = 1500;
    struct job {
      std::vector<std::byte> mine, theirs, output;
      troupe_request* request = nullptr;
    };
    std::vector<job> jobs;
    for (unsigned type = 0; type < dtype_count; ++type)
      for (unsigned op = 0; op < reduce_op_count; ++op) {
        const auto bytes = count * size_of(static_cast<dtype>(type));
        const auto fill = [&](uint32_t seed) {
          std::mt19937 random(seed + 100 * op);
          std::vector<std::byte> out(bytes);
          for (auto& each : out)
            each = static_cast<std::byte>(random());
          return out;
        };
        jobs.push_back({fill(rank), fill(1 - rank), std::vector<std::byte>(bytes)});
      }
    for (size_t i = 0; i < jobs.size(); ++i)
      CHECK(troupe_iallreduce(comm, jobs[i].mine.data(), jobs[i].output.data(), count,
                              static_cast<troupe_dtype>(i / reduce_op_count),
                              static_cast<troupe_op>(i % reduce_op_count), TROUPE_HOST,
                              &jobs[i].request)
            == TROUPE_OK);
    for (size_t i = jobs.size(); i-- > 0;) {
      CHECK(troupe_wait(jobs[i].request) == TROUPE_OK);
      std::vector<std::byte> expected(jobs[i].output.size());
      const void* const inputs[] = {(rank == 0 ? jobs[i].mine : jobs[i].theirs).data(),
                                    (rank == 0 ? jobs[i].theirs : jobs[i].mine).data()};
      reduce(static_cast<dtype>(i / reduce_op_count), static_cast<reduce_op>(i % reduce_op_count),
             inputs, expected.data(), count);
      CHECK(jobs[i].output == expected);
    }
  });
}

TEST_CASE("troupe_test polls, and a barrier waits for the last rank") {
  reducer_threads tier(1, default_options(2));
  std::atomic<bool> second_came = false;
  on_ranks(tier.list(), 2, [&](troupe_comm* comm, uint32_t rank) {
    float value = 1;
    troupe_request* request = nullptr;
    CHECK(troupe_iallreduce(comm, &value, &value, 1, TROUPE_FLOAT32, TROUPE_SUM, TROUPE_HOST,
                            &request)
          == TROUPE_OK);
    int done = 0;
    while (done == 0)
      CHECK(troupe_test(request, &done) == TROUPE_OK);
    CHECK(value == 2);
    if (rank == 1) second_came = true;
    CHECK(troupe_barrier(comm) == TROUPE_OK);
    CHECK(second_came);
  });
}

TEST_CASE("ranks that disagree all get an error that names both calls") {
  for (const bool differ_in_type : {false, true}) {
    reducer_threads tier(2, default_options(3));
    std::latch opened(3);
    std::vector<std::jthread> threads;
    for (uint32_t rank = 0; rank < 3; ++rank)
      threads.emplace_back([&, rank] {
        rank_settings settings;
        settings.reducers = tier.list();
        settings.rank = rank;
        settings.world_size = 3;
        troupe_comm* comm = nullptr;
        REQUIRE(open_rank(settings, &comm) == TROUPE_OK);
        opened.arrive_and_wait(); // a failure would also reach ranks that still open
        std::vector<double> values(300);
        const size_t count = rank == 2 && !differ_in_type ? 200 : 100;
        const auto type = rank == 2 && differ_in_type ? TROUPE_FLOAT64 : TROUPE_FLOAT32;
        CHECK(troupe_allreduce(comm, values.data(), values.data(), count, type, TROUPE_SUM,
                               TROUPE_HOST)
              == TROUPE_FAILED_PRECONDITION);
        const std::string text = troupe_last_error();
        CAPTURE(text);
        CHECK(text.find("rank 2") != std::string::npos);
        CHECK(text.find("sum of 100 float32 elements") != std::string::npos);
        CHECK(text.find(differ_in_type ? "sum of 100 float64" : "sum of 200 float32")
              != std::string::npos);
        // From here on every call fails with the same text.
        CHECK(troupe_barrier(comm) == TROUPE_FAILED_PRECONDITION);
        CHECK(text == troupe_last_error());
        CHECK(troupe_finalize(comm) == TROUPE_OK);
      });
    threads.clear();
    CHECK(!tier.outcome(0));
    CHECK(!tier.outcome(1));
  }
}

TEST_CASE("invalid arguments are rejected and the communicator stays usable") {
  reducer_threads tier(1, default_options(1));
  on_ranks(tier.list(), 1, [&](troupe_comm* comm, uint32_t) {
    float value = 3;
    const auto call = [&](float* array, int type, int op, int memory) {
      return troupe_allreduce(comm, array, array, 1, static_cast<troupe_dtype>(type),
                              static_cast<troupe_op>(op), static_cast<troupe_memory>(memory));
    };
    CHECK(call(nullptr, TROUPE_FLOAT32, TROUPE_SUM, TROUPE_HOST) == TROUPE_INVALID_ARGUMENT);
    CHECK(call(&value, 8, TROUPE_SUM, TROUPE_HOST) == TROUPE_INVALID_ARGUMENT);
    CHECK(call(&value, TROUPE_FLOAT32, 5, TROUPE_HOST) == TROUPE_INVALID_ARGUMENT);
    CHECK(call(&value, TROUPE_FLOAT32, TROUPE_SUM, 2) == TROUPE_INVALID_ARGUMENT);
    CHECK(call(&value, TROUPE_FLOAT32, TROUPE_SUM, TROUPE_CUDA) == TROUPE_UNIMPLEMENTED);
    CHECK(std::string(troupe_last_error()).find("CUDA") != std::string::npos);
    CHECK(call(&value, TROUPE_FLOAT32, TROUPE_SUM, TROUPE_HOST) == TROUPE_OK);
    CHECK(value == 3);
    CHECK(std::string(troupe_error_text(TROUPE_UNAVAILABLE)) == "UNAVAILABLE");
  });
  CHECK(troupe_init(nullptr, nullptr) == TROUPE_INVALID_ARGUMENT);
  CHECK(troupe_finalize(nullptr) == TROUPE_OK);
}

TEST_CASE("processes sum as threads do, and reducers end when all have left") {
  process_tier tier(3, 2, 10'000, "once");
  for (auto& each : tier.ranks) {
    CHECK(each.line() == "sum 6");
    CHECK(each.wait() == 0);
  }
  for (auto& each : tier.reducers)
    CHECK(each.wait() == 0);
}

} // namespace troupe::reduction::test
