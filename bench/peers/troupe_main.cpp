// libtroupe as one of the peers, through its C API. Besides the peers' own environment it needs
// TROUPE_REDUCERS, TROUPE_JOB and TROUPE_TOKEN.
#include "bench/peers/harness.hpp"
#include "reduction/api/troupe.h"

namespace {

using namespace troupe;

result<> as_result(troupe_status status) {
  if (status == TROUPE_OK) return {};
  return fail(static_cast<errc>(status), "{}: {}", troupe_error_text(status), troupe_last_error());
}

class troupe_peer final : public bench::peer {
public:
  explicit troupe_peer(troupe_comm* comm) : comm_(comm) {}
  ~troupe_peer() override { troupe_finalize(comm_); }

  uint32_t rank() const override { return troupe_rank(comm_); }
  uint32_t world_size() const override { return troupe_world_size(comm_); }
  result<> allreduce(std::span<float> array) override {
    return as_result(troupe_allreduce(comm_, array.data(), array.data(), array.size(),
                                      TROUPE_FLOAT32, TROUPE_SUM, TROUPE_HOST));
  }

private:
  troupe_comm* comm_;
};

result<> run(int argc, char** argv) {
  auto options = bench::parse_harness_options(argc, argv, "troupe");
  if (!options) return std::unexpected(options.error());
  troupe_comm* comm = nullptr;
  if (auto opened = as_result(troupe_init_from_env(&comm)); !opened) return opened;
  troupe_peer joined(comm);
  return bench::run_harness(joined, *options);
}

} // namespace

int main(int argc, char** argv) { return troupe::bench::finish(run(argc, argv), "peer-troupe"); }
