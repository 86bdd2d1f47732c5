// The collectives beside all-reduce, groups, shared reducers, threads, and ranks that combine
// chunks themselves.
#include "tests/reduction/fixture.hpp"

#include <doctest/doctest.h>

#include <cstring>
#include <numeric>

namespace troupe::reduction::test {
namespace {

reducer_options small_chunks(uint32_t world_size) {
  auto out = default_options(world_size);
  out.chunk_bytes = 4096;
  out.slots = 3;
  return out;
}

int32_t element(uint32_t rank, size_t index) {
  return static_cast<int32_t>(rank * 1'000'003U + index * 7U);
}

std::vector<int32_t> elements(uint32_t rank, size_t count) {
  std::vector<int32_t> out(count);
  for (size_t i = 0; i < count; ++i)
    out[i] = element(rank, i);
  return out;
}

const size_t counts[] = {0, 1, 3, 1024, 5000, 50'001};

void check_all(troupe_comm* comm, const std::vector<uint32_t>& ranks) {
  const uint32_t rank = troupe_rank(comm), n = troupe_world_size(comm);
  REQUIRE(n == ranks.size());
  for (const auto count : counts) {
    CAPTURE(count);
    const auto mine = elements(ranks[rank], count);

    std::vector<int32_t> all(n * count), expected;
    for (const auto other : ranks)
      for (const auto value : elements(other, count))
        expected.push_back(value);
    CHECK(troupe_allgather(comm, mine.data(), all.data(), count, TROUPE_INT32, TROUPE_HOST)
          == TROUPE_OK);
    CHECK(all == expected);
    // In place.
    std::vector<int32_t> again(n * count);
    std::copy(mine.begin(), mine.end(), again.begin() + static_cast<ptrdiff_t>(rank * count));
    CHECK(troupe_allgather(comm, again.data() + rank * count, again.data(), count, TROUPE_INT32,
                           TROUPE_HOST)
          == TROUPE_OK);
    CHECK(again == expected);

    for (uint32_t root = 0; root < n; ++root) {
      auto array = mine;
      CHECK(troupe_broadcast(comm, array.data(), count, TROUPE_INT32, root, TROUPE_HOST)
            == TROUPE_OK);
      CHECK(array == elements(ranks[root], count));
    }

    const auto input = elements(ranks[rank], n * count);
    std::vector<int32_t> output(count), sums(count);
    for (size_t i = 0; i < count; ++i)
      for (const auto other : ranks)
        sums[i] += element(other, rank * count + i);
    CHECK(troupe_reduce_scatter(comm, input.data(), output.data(), count, TROUPE_INT32, TROUPE_SUM,
                                TROUPE_HOST)
          == TROUPE_OK);
    CHECK(output == sums);
    auto in_place = input;
    CHECK(troupe_reduce_scatter(comm, in_place.data(), in_place.data() + rank * count, count,
                                TROUPE_INT32, TROUPE_SUM, TROUPE_HOST)
          == TROUPE_OK);
    CHECK(std::equal(sums.begin(), sums.end(),
                     in_place.begin() + static_cast<ptrdiff_t>(rank * count)));
    CHECK(troupe_barrier(comm) == TROUPE_OK);
  }
}

std::vector<uint32_t> first_ranks(uint32_t n) {
  std::vector<uint32_t> out(n);
  std::iota(out.begin(), out.end(), 0U);
  return out;
}

} // namespace

TEST_CASE(
    "every collective gives every rank the right arrays, for any number of ranks and reducers") {
  for (const uint32_t n : {1U, 2U, 3U})
    for (const uint32_t k : {1U, 3U}) {
      CAPTURE(n);
      CAPTURE(k);
      reducer_threads tier(k, small_chunks(n));
      on_ranks(tier.list(), n,
               [&](troupe_comm* comm, uint32_t) { check_all(comm, first_ranks(n)); });
    }
}

TEST_CASE("groups work side by side, each in its own order of ranks") {
  reducer_threads tier(2, small_chunks(4));
  on_ranks(tier.list(), 4, [](troupe_comm* comm, uint32_t rank) {
    const std::vector<uint32_t> halves[] = {{2, 0}, {1, 3}};
    const auto& half = halves[rank % 2];
    troupe_comm *mine = nullptr, *most = nullptr;
    REQUIRE(troupe_group(comm, 1 + rank % 2, half.data(), 2, &mine) == TROUPE_OK);
    CHECK(troupe_rank(mine) == (half[0] == rank ? 0 : 1));
    check_all(mine, half);
    const std::vector<uint32_t> three{3, 1, 0};
    if (rank != 2) {
      REQUIRE(troupe_group(comm, 7, three.data(), 3, &most) == TROUPE_OK);
      // Operations of different groups are under way at once, started in different orders.
      float a = 1, b = 1;
      troupe_request *on_half = nullptr, *on_three = nullptr;
      const auto start = [&](troupe_comm* group, float* value, troupe_request** request) {
        CHECK(troupe_iallreduce(group, value, value, 1, TROUPE_FLOAT32, TROUPE_SUM, TROUPE_HOST,
                                request)
              == TROUPE_OK);
      };
      if (rank == 0) {
        start(most, &b, &on_three);
        start(mine, &a, &on_half);
      } else {
        start(mine, &a, &on_half);
        start(most, &b, &on_three);
      }
      CHECK(troupe_wait(on_three) == TROUPE_OK);
      CHECK(troupe_wait(on_half) == TROUPE_OK);
      CHECK(a == 2);
      CHECK(b == 3);
      CHECK(troupe_finalize(most) == TROUPE_OK);
    } else {
      float a = 1;
      CHECK(troupe_allreduce(mine, &a, &a, 1, TROUPE_FLOAT32, TROUPE_SUM, TROUPE_HOST)
            == TROUPE_OK);
      CHECK(a == 2);
    }
    CHECK(troupe_finalize(mine) == TROUPE_OK);
    check_all(comm, {0, 1, 2, 3});
  });
}

TEST_CASE("invalid groups are rejected") {
  reducer_threads tier(1, default_options(2));
  on_ranks(tier.list(), 2, [](troupe_comm* comm, uint32_t rank) {
    troupe_comm* made = nullptr;
    const auto refused = [&](uint32_t id, std::vector<uint32_t> ranks) {
      return troupe_group(comm, id, ranks.data(), static_cast<uint32_t>(ranks.size()), &made)
                 == TROUPE_INVALID_ARGUMENT
             && made == nullptr;
    };
    CHECK(refused(0, {0, 1}));
    CHECK(refused(1, {}));
    CHECK(refused(1, {0, 1, 2}));
    CHECK(refused(1, {rank, rank}));
    CHECK(refused(1, {1 - rank}));
    const uint32_t both[] = {0, 1};
    REQUIRE(troupe_group(comm, 1, both, 2, &made) == TROUPE_OK);
    troupe_comm* twice = nullptr;
    CHECK(troupe_group(comm, 1, both, 2, &twice) == TROUPE_ALREADY_EXISTS);
    CHECK(troupe_finalize(made) == TROUPE_OK);
  });
}

TEST_CASE("a shared reducer serves jobs that do not touch each other") {
  reducer_options options;
  options.bind_address = "127.0.0.1";
  options.shared_key = "key";
  reducer_threads tier(1, options);
  const auto run_job = [&](const std::string& job, uint32_t n, bool dies) {
    std::vector<std::jthread> threads;
    for (uint32_t rank = 0; rank < n; ++rank)
      threads.emplace_back([&, rank] {
        rank_settings settings{tier.list(), job, job_token("key", job), 0, rank, n};
        troupe_comm* comm = nullptr;
        REQUIRE(open_rank(settings, &comm) == TROUPE_OK);
        for (int round = 0; round < 200; ++round) {
          float value = static_cast<float>(round);
          // The ranks of one job end in disagreement.
          const bool wrong = dies && round == 50 && rank == 0;
          const auto status = wrong ? troupe_barrier(comm)
                                    : troupe_allreduce(comm, &value, &value, 1, TROUPE_FLOAT32,
                                                       TROUPE_SUM, TROUPE_HOST);
          if (status != TROUPE_OK) {
            CHECK(dies);
            break;
          }
          CHECK(value == static_cast<float>(round) * (wrong ? 1.0F : static_cast<float>(n)));
        }
        CHECK(troupe_finalize(comm) == TROUPE_OK);
      });
  };
  {
    std::jthread good([&] { run_job("good", 3, false); });
    std::jthread bad([&] { run_job("bad", 2, true); });
  }
  run_job("later", 2, false);
  // The token of another job is refused.
  rank_settings thief{tier.list(), "good", job_token("key", "bad"), 0, 0, 1};
  troupe_comm* comm = nullptr;
  CHECK(open_rank(thief, &comm) == TROUPE_UNAUTHENTICATED);
}

TEST_CASE("results are the same to the bit for any number of threads and any split") {
  constexpr uint32_t n = 3;
  constexpr size_t count = 60'001;
  const auto value = [](uint32_t rank, size_t i) {
    return std::ldexp(static_cast<float>((i * 2654435761U + rank) & 0xffffU),
                      static_cast<int>(i % 40) - 20);
  };
  std::vector<float> expected(count);
  for (size_t i = 0; i < count; ++i)
    expected[i] = value(0, i) + value(1, i) + value(2, i);
  for (const uint32_t reducers : {0U, 1U, 2U, 3U})
    for (const uint32_t threads : {1U, 2U})
      for (const double kappa : {0.5, 3.0}) {
        CAPTURE(reducers);
        CAPTURE(threads);
        CAPTURE(kappa);
        auto options = small_chunks(n);
        options.threads = threads;
        reducer_threads tier(reducers, options);
        // Without reducers the ranks meet at rank 0, wherever it listens.
        std::optional<host_port> hub;
        if (reducers == 0) {
          const auto free = listen_on({"127.0.0.1", 0});
          hub = host_port{"127.0.0.1", local_address(free->value()).port()};
        }
        std::vector<std::jthread> ranks;
        for (uint32_t rank = 0; rank < n; ++rank)
          ranks.emplace_back([&, rank] {
            communicator_options own;
            if (reducers > 0) own.reducers = *parse_host_ports(tier.list());
            own.job = "job-1";
            own.token = "secret";
            own.rank = rank;
            own.world_size = n;
            own.threads = threads;
            own.kappa = kappa;
            own.hub = hub;
            auto comm = communicator::open(own);
            REQUIRE_MESSAGE(comm, comm.error().message);
            std::vector<float> values(count);
            for (size_t i = 0; i < count; ++i)
              values[i] = value(rank, i);
            operation_call call{collective::allreduce, values.data(), values.data(), count,
                                dtype::float32};
            auto op = (*comm)->start(0, call);
            REQUIRE(op);
            CHECK((*comm)->wait(**op));
            CHECK(std::memcmp(values.data(), expected.data(), count * sizeof(float)) == 0);
            const auto stats = (*comm)->stats();
            CHECK((stats.reducer_share < 1) == (reducers == 0 || kappa < n));
            CHECK((*comm)->finalize());
          });
      }
}

} // namespace troupe::reduction::test
