// Gloo as one of the peers: its TCP transport, and its all-reduce as it comes, which is a ring.
// Gloo reports by exceptions; they end here.
#include "bench/peers/harness.hpp"

#include <gloo/allreduce.h>
#include <gloo/math.h>
#include <gloo/rendezvous/context.h>
#include <gloo/rendezvous/file_store.h>
#include <gloo/transport/tcp/device.h>

namespace {

using namespace troupe;

template <class Work>
result<> caught(const char* call, Work work) {
  try {
    work();
    return {};
  } catch (const std::exception& problem) {
    return fail(errc::unknown, "Gloo, {}: {}", call, problem.what());
  }
}

class gloo_peer final : public bench::peer {
public:
  result<> join(const bench::membership& member) {
    return caught("joining", [&] {
      gloo::transport::tcp::attr attributes(member.address.c_str());
      auto device = gloo::transport::tcp::CreateDevice(attributes);
      gloo::rendezvous::FileStore store(member.meeting);
      auto made = std::make_shared<gloo::rendezvous::Context>(static_cast<int>(member.rank),
                                                              static_cast<int>(member.world_size));
      made->connectFullMesh(store, device);
      context_ = made;
    });
  }

  uint32_t rank() const override { return static_cast<uint32_t>(context_->rank); }
  uint32_t world_size() const override { return static_cast<uint32_t>(context_->size); }

  result<> allreduce(std::span<float> array) override {
    return caught("all-reduce", [&] {
      gloo::AllreduceOptions options(context_);
      options.setOutput(array.data(), array.size());
      void (*sum)(void*, const void*, const void*, size_t) = &gloo::sum<float>;
      options.setReduceFunction(sum);
      gloo::allreduce(options);
    });
  }

private:
  std::shared_ptr<gloo::Context> context_;
};

result<> run(int argc, char** argv) {
  auto options = bench::parse_harness_options(argc, argv, "gloo");
  if (!options) return std::unexpected(options.error());
  auto member = bench::membership_from_env();
  if (!member) return std::unexpected(member.error());
  gloo_peer joined;
  if (auto met = joined.join(*member); !met) return met;
  return bench::run_harness(joined, *options);
}

} // namespace

int main(int argc, char** argv) { return troupe::bench::finish(run(argc, argv), "peer-gloo"); }
