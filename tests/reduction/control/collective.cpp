#include "reduction/control/collective.hpp"

#include <doctest/doctest.h>

#include <vector>

namespace troupe::reduction::test {
namespace {

/// Float32 elements in chunks of two.
shape form_of(collective kind, uint64_t count) {
  return {kind, passing::normal, dtype::float32, reduce_op::sum, 0, count, 8};
}

/// How often each element of an array of `length` is covered by the ranges of `rank`.
template <class Range>
std::vector<int> covered(const shape& form, uint32_t members, uint32_t rank, uint64_t length,
                         Range range) {
  std::vector<int> out(length);
  for (uint64_t chunk = 0; chunk < chunk_total(form, members); ++chunk) {
    const element_range each = range(piece_of(form, members, rank, chunk));
    for (uint64_t i = 0; i < each.count; ++i)
      ++out.at(each.start + i);
  }
  return out;
}

const auto sent = [](const piece& part) { return part.sent; };
const auto received = [](const piece& part) { return part.received; };

} // namespace

TEST_CASE("the chunks of an all-reduce send and receive every element once") {
  const auto form = form_of(collective::allreduce, 5);
  CHECK(chunk_total(form, 3) == 3);
  CHECK(covered(form, 3, 1, 5, sent) == std::vector<int>(5, 1));
  CHECK(covered(form, 3, 1, 5, received) == std::vector<int>(5, 1));
}

TEST_CASE("a reduce-scatter sends every rank's block and receives the rank's own") {
  const auto form = form_of(collective::reduce_scatter, 5);
  CHECK(chunk_total(form, 3) == 9);
  CHECK(covered(form, 3, 1, 15, sent) == std::vector<int>(15, 1));
  CHECK(covered(form, 3, 1, 5, received) == std::vector<int>(5, 1));
}

TEST_CASE("an all-gather sends the own block and receives the others'") {
  const auto form = form_of(collective::allgather, 2);
  CHECK(covered(form, 3, 1, 2, sent) == std::vector<int>(2, 1));
  CHECK(covered(form, 3, 1, 6, received) == std::vector<int>{1, 1, 0, 0, 1, 1});
}

TEST_CASE("only the root of a broadcast sends, and only the others receive") {
  auto form = form_of(collective::broadcast, 3);
  form.root = 2;
  CHECK(covered(form, 3, 2, 3, sent) == std::vector<int>(3, 1));
  CHECK(covered(form, 3, 2, 3, received) == std::vector<int>(3, 0));
  CHECK(covered(form, 3, 0, 3, sent) == std::vector<int>(3, 0));
  CHECK(covered(form, 3, 0, 3, received) == std::vector<int>(3, 1));
}

TEST_CASE("an empty array has one chunk, in which ranks meet and send nothing") {
  const auto form = form_of(collective::allreduce, 0);
  CHECK(chunk_total(form, 3) == 1);
  CHECK(piece_of(form, 3, 0, 0).sent.count == 0);
}

TEST_CASE("when a result is passed on, the rank that has it sends and all receive") {
  auto form = form_of(collective::allreduce, 4);
  form.mode = passing::copy;
  form.root = 1;
  CHECK(piece_of(form, 3, 1, 0).sent.count == 2);
  CHECK(piece_of(form, 3, 0, 0).sent.count == 0);
  CHECK(piece_of(form, 3, 0, 0).received.count == 2);
}

} // namespace troupe::reduction::test
