// Open MPI as one of the peers. mpirun starts it, so rank and size are MPI's.
#include "bench/peers/harness.hpp"

#include <mpi.h>

namespace {

using namespace troupe;

class mpi_peer final : public bench::peer {
public:
  uint32_t rank() const override { return asked(MPI_Comm_rank); }
  uint32_t world_size() const override { return asked(MPI_Comm_size); }
  result<> allreduce(std::span<float> array) override {
    int status = MPI_Allreduce(MPI_IN_PLACE, array.data(), static_cast<int>(array.size()),
                               MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD);
    if (status != MPI_SUCCESS) return fail(errc::unknown, "MPI_Allreduce returned {}", status);
    return {};
  }

  // Open MPI sends only from within its functions: a rank that sleeps may hold what others wait
  // for.
  bool progress() override {
    int any = 0;
    MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, MPI_COMM_WORLD, &any, MPI_STATUS_IGNORE);
    return true;
  }

private:
  static uint32_t asked(int (*question)(MPI_Comm, int*)) {
    int answer = 0;
    question(MPI_COMM_WORLD, &answer);
    return static_cast<uint32_t>(answer);
  }
};

result<> run(int argc, char** argv) {
  auto options = bench::parse_harness_options(argc, argv, "mpi");
  if (!options) return std::unexpected(options.error());
  mpi_peer joined;
  return bench::run_harness(joined, *options);
}

} // namespace

int main(int argc, char** argv) {
  MPI_Init(nullptr, nullptr);
  auto ended = run(argc, argv);
  int status = troupe::bench::finish(ended, "peer-mpi");
  // The others would wait forever for a rank that left in disorder.
  if (status != 0) MPI_Abort(MPI_COMM_WORLD, status);
  MPI_Finalize();
  return status;
}
