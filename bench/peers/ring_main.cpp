// The peer that all-reduces by a plain ring over TCP.
#include "bench/peers/ring.hpp"

namespace {

using namespace troupe;

result<> run(int argc, char** argv) {
  auto options = bench::parse_harness_options(argc, argv, "ring");
  if (!options) return std::unexpected(options.error());
  auto member = bench::membership_from_env();
  if (!member) return std::unexpected(member.error());
  auto joined = bench::ring_peer::join(*member);
  if (!joined) return std::unexpected(joined.error());
  return bench::run_harness(**joined, *options);
}

} // namespace

int main(int argc, char** argv) { return troupe::bench::finish(run(argc, argv), "peer-ring"); }
