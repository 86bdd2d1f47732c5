// The c10d backend `troupe`: the collectives of torch.distributed over libtroupe's.
//
// Most map one to one. Those that libtroupe lacks are made of those that it has:
//   reduce              all-reduce, whose result the other ranks discard
//   gather              all-gather, likewise
//   scatter             broadcast of everything, of which each rank keeps its part
//   all-to-all          all-gather of everything, likewise; the sizes are gathered first
//   BAND, BOR, BXOR     all-gather, folded on each rank (on bool BAND is MIN and BOR is MAX)
// Values that are only moved may have any type: they travel as bytes. Point-to-point messages are
// rejected: a rank has connections to reducers, and operations have the order of their group.
#pragma once

#include "python/c10d/arrays.hpp"
#include "python/c10d/channel.hpp"

#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>

namespace troupe::backend {

class process_group final : public ::c10d::ProcessGroup {
public:
  using pending = c10::intrusive_ptr<::c10d::Work>;

  // `owned`: the communicator is a group's, which ends with this object.
  process_group(troupe_comm* comm, bool owned, int rank, int size,
                std::chrono::milliseconds timeout);
  ~process_group() override;

  const std::string getBackendName() const override { return "troupe"; }
  void choose_wire(int wire);

  pending broadcast(tensors& arrays, const ::c10d::BroadcastOptions& options) override;
  pending allreduce(tensors& arrays, const ::c10d::AllreduceOptions& options) override;
  pending allreduce_coalesced(tensors& arrays,
                              const ::c10d::AllreduceCoalescedOptions& options) override;
  pending reduce(tensors& arrays, const ::c10d::ReduceOptions& options) override;
  pending allgather(std::vector<tensors>& outputs, tensors& inputs,
                    const ::c10d::AllgatherOptions& options) override;
  pending _allgather_base(at::Tensor& output, at::Tensor& input,
                          const ::c10d::AllgatherOptions& options) override;
  pending allgather_coalesced(std::vector<tensors>& outputs, tensors& inputs,
                              const ::c10d::AllgatherOptions& options) override;
  pending gather(std::vector<tensors>& outputs, tensors& inputs,
                 const ::c10d::GatherOptions& options) override;
  pending scatter(tensors& outputs, std::vector<tensors>& inputs,
                  const ::c10d::ScatterOptions& options) override;
  pending reduce_scatter(tensors& outputs, std::vector<tensors>& inputs,
                         const ::c10d::ReduceScatterOptions& options) override;
  pending _reduce_scatter_base(at::Tensor& output, at::Tensor& input,
                               const ::c10d::ReduceScatterOptions& options) override;
  pending alltoall(tensors& outputs, tensors& inputs,
                   const ::c10d::AllToAllOptions& options) override;
  pending alltoall_base(at::Tensor& output, at::Tensor& input, std::vector<int64_t>& output_splits,
                        std::vector<int64_t>& input_splits,
                        const ::c10d::AllToAllOptions& options) override;
  pending barrier(const ::c10d::BarrierOptions& options) override;
  void monitoredBarrier(const ::c10d::BarrierOptions& options, bool wait_all_ranks) override;

  pending send(tensors& arrays, int to, int tag) override;
  pending recv(tensors& arrays, int from, int tag) override;
  pending recvAnysource(tensors& arrays, int tag) override;

private:
  struct operation {
    ::c10d::OpType kind;
    const char* title;
    std::chrono::milliseconds timeout;
    tensors inputs, outputs;
  };
  pending start(operation about, const starter& begin, std::function<void()> finish);
  // output = the arrays of all ranks, combined.
  pending combine(operation about, const staged& input, const staged& output,
                  const ::c10d::ReduceOp& op, std::function<void()> finish);
  // Every rank's `mine`, an array of bytes; `use` gets them, one row per rank.
  pending collect(operation about, const at::Tensor& mine,
                  std::function<void(const at::Tensor& rows)> use);
  std::vector<int64_t> exchanged_sizes(const tensors& outputs, const tensors& inputs);
  [[noreturn]] void refuse_messages(const char* operation) const;
  int root_of(const char* operation, int64_t root) const;
  void check_list(const char* operation, const std::vector<tensors>& lists) const;

  const std::shared_ptr<channel> channel_;
  const std::chrono::milliseconds timeout_;
};

} // namespace troupe::backend
