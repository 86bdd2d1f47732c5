#include "python/c10d/process_group.hpp"

#include <algorithm>
#include <cstring>
#include <numeric>

namespace troupe::backend {
namespace {

using ::c10d::OpType;

uint8_t* bytes_of(const at::Tensor& memory) { return memory.data_ptr<uint8_t>(); }

} // namespace

process_group::process_group(troupe_comm* comm, bool owned, int rank, int size,
                             std::chrono::milliseconds timeout)
    : ProcessGroup(rank, size), channel_(channel::open(comm, owned)), timeout_(timeout) {
  init();
}

process_group::~process_group() { channel_->close(timeout_); }

void process_group::choose_wire(int wire) { channel_->choose_wire(static_cast<troupe_wire>(wire)); }

process_group::pending process_group::start(operation about, const starter& begin,
                                            std::function<void()> finish) {
  const auto timeout = about.timeout.count() > 0 ? about.timeout : timeout_;
  auto result = c10::make_intrusive<work>(work::description{rank_, size_, about.kind, about.title,
                                                            std::move(about.inputs),
                                                            std::move(about.outputs), timeout},
                                          channel_);
  channel_->submit(begin, std::move(finish), result);
  return result;
}

process_group::pending process_group::collect(operation about, const at::Tensor& mine,
                                              std::function<void(const at::Tensor&)> use) {
  const auto rows = bytes_of_memory(mine.nbytes() * static_cast<size_t>(size_))
                        .view({size_, static_cast<int64_t>(mine.nbytes())});
  return start(
      std::move(about),
      [&](troupe_comm* comm, troupe_request** request) {
        return troupe_iallgather(comm, mine.data_ptr(), rows.data_ptr(), mine.nbytes(),
                                 TROUPE_UINT8, TROUPE_HOST, request);
      },
      [mine, rows, use = std::move(use)] { use(rows); });
}

process_group::pending process_group::combine(operation about, const staged& input,
                                              const staged& output, const ::c10d::ReduceOp& op,
                                              std::function<void()> finish) {
  const auto combination = reduction_for(about.title, input.array(), op);
  if (combination.bitwise) {
    const auto type = input.array().scalar_type();
    return collect(std::move(about), input.array(),
                   [output, op, type, finish = std::move(finish)](const at::Tensor& rows) {
                     fold_bitwise(rows.view(type), output.array(), op);
                     finish();
                   });
  }
  return start(
      std::move(about),
      [&](troupe_comm* comm, troupe_request** request) {
        return troupe_iallreduce(comm, input.data(), output.data(), input.count(), combination.type,
                                 combination.op, TROUPE_HOST, request);
      },
      [input, output, finish = std::move(finish)] { finish(); });
}

process_group::pending process_group::allreduce(tensors& arrays,
                                                const ::c10d::AllreduceOptions& options) {
  constexpr auto title = "troupe:all_reduce";
  const auto array = staged::with_content(single(title, arrays));
  return combine({OpType::ALLREDUCE, title, options.timeout, arrays, arrays}, array, array,
                 options.reduceOp, [array] { array.back(); });
}

process_group::pending
process_group::allreduce_coalesced(tensors& arrays,
                                   const ::c10d::AllreduceCoalescedOptions& options) {
  constexpr auto title = "troupe:all_reduce_coalesced";
  if (arrays.empty())
    throw failure(c10::str(title, ": INVALID_ARGUMENT: no tensors; expected at least one"));
  for (const auto& one : arrays)
    if (one.scalar_type() != arrays[0].scalar_type())
      throw failure(c10::str(title, ": INVALID_ARGUMENT: tensors of ", arrays[0].scalar_type(),
                             " and ", one.scalar_type(), "; expected one type"));
  // One operation for all: many small ones would each take a round trip.
  const auto packed = bytes_of_memory(bytes_in(arrays));
  pack(arrays, bytes_of(packed));
  const auto array = staged::with_content(packed.view(arrays[0].scalar_type()));
  return combine({OpType::ALLREDUCE_COALESCED, title, options.timeout, arrays, arrays}, array,
                 array, options.reduceOp, [packed, to = arrays] { unpack(bytes_of(packed), to); });
}

process_group::pending process_group::reduce(tensors& arrays,
                                             const ::c10d::ReduceOptions& options) {
  constexpr auto title = "troupe:reduce";
  const auto array = staged::with_content(single(title, arrays));
  operation about{OpType::REDUCE, title, options.timeout, arrays, arrays};
  if (root_of(title, options.rootRank) == rank_)
    return combine(std::move(about), array, array, options.reduceOp, [array] { array.back(); });
  const auto discarded = staged::for_output(at::empty_like(array.array()));
  return combine(std::move(about), array, discarded, options.reduceOp, [] {});
}

process_group::pending process_group::broadcast(tensors& arrays,
                                                const ::c10d::BroadcastOptions& options) {
  constexpr auto title = "troupe:broadcast";
  const auto root = root_of(title, options.rootRank);
  const auto& tensor = single(title, arrays);
  const bool sends = root == rank_;
  const auto array = sends ? staged::with_content(tensor) : staged::for_output(tensor);
  return start(
      {OpType::BROADCAST, title, options.timeout, arrays, arrays},
      [&](troupe_comm* comm, troupe_request** request) {
        return troupe_ibroadcast(comm, array.data(), array.bytes(), TROUPE_UINT8,
                                 static_cast<uint32_t>(root), TROUPE_HOST, request);
      },
      [array, sends] {
        if (!sends) array.back();
      });
}

process_group::pending process_group::allgather(std::vector<tensors>& outputs, tensors& inputs,
                                                const ::c10d::AllgatherOptions& options) {
  constexpr auto title = "troupe:all_gather";
  const auto& tensor = single(title, inputs);
  check_list(title, outputs);
  check_alike(title, tensor, outputs[0]);
  return collect({OpType::ALLGATHER, title, options.timeout, inputs, outputs[0]},
                 staged::with_content(tensor).array(),
                 [to = outputs[0]](const at::Tensor& rows) { unpack(bytes_of(rows), to); });
}

process_group::pending process_group::_allgather_base(at::Tensor& output, at::Tensor& input,
                                                      const ::c10d::AllgatherOptions& options) {
  constexpr auto title = "troupe:_all_gather_base";
  if (output.scalar_type() != input.scalar_type() || output.numel() != input.numel() * size_)
    throw failure(c10::str(title, ": INVALID_ARGUMENT: the output holds ", output.numel(), " ",
                           output.scalar_type(), "; expected ", input.numel() * size_, " ",
                           input.scalar_type(), ", ", size_, " times the input"));
  const auto from = staged::with_content(input);
  const auto to = staged::for_output(output);
  return start(
      {OpType::_ALLGATHER_BASE, title, options.timeout, {input}, {output}},
      [&](troupe_comm* comm, troupe_request** request) {
        return troupe_iallgather(comm, from.data(), to.data(), from.bytes(), TROUPE_UINT8,
                                 TROUPE_HOST, request);
      },
      [from, to] { to.back(); });
}

process_group::pending process_group::allgather_coalesced(std::vector<tensors>& outputs,
                                                          tensors& inputs,
                                                          const ::c10d::AllgatherOptions& options) {
  constexpr auto title = "troupe:all_gather_coalesced";
  if (outputs.size() != static_cast<size_t>(size_))
    throw failure(c10::str(title, ": INVALID_ARGUMENT: ", outputs.size(),
                           " lists of outputs; expected one per rank, ", size_));
  tensors together;
  for (const auto& list : outputs) {
    if (list.size() != inputs.size())
      throw failure(c10::str(title, ": INVALID_ARGUMENT: a list of ", list.size(),
                             " outputs; expected as many as inputs, ", inputs.size()));
    for (size_t i = 0; i < list.size(); ++i)
      check_alike(title, inputs[i], {list[i]});
    together.insert(together.end(), list.begin(), list.end());
  }
  const auto packed = bytes_of_memory(bytes_in(inputs));
  pack(inputs, bytes_of(packed));
  return collect({OpType::ALLGATHER_COALESCED, title, options.timeout, inputs, together}, packed,
                 [to = together](const at::Tensor& rows) { unpack(bytes_of(rows), to); });
}

process_group::pending process_group::gather(std::vector<tensors>& outputs, tensors& inputs,
                                             const ::c10d::GatherOptions& options) {
  constexpr auto title = "troupe:gather";
  const auto& tensor = single(title, inputs);
  const auto mine = staged::with_content(tensor).array();
  if (root_of(title, options.rootRank) != rank_)
    return collect({OpType::GATHER, title, options.timeout, inputs, {}}, mine,
                   [](const at::Tensor&) {});
  check_list(title, outputs);
  check_alike(title, tensor, outputs[0]);
  return collect({OpType::GATHER, title, options.timeout, inputs, outputs[0]}, mine,
                 [to = outputs[0]](const at::Tensor& rows) { unpack(bytes_of(rows), to); });
}

process_group::pending process_group::scatter(tensors& outputs, std::vector<tensors>& inputs,
                                              const ::c10d::ScatterOptions& options) {
  constexpr auto title = "troupe:scatter";
  const auto root = root_of(title, options.rootRank);
  const auto& tensor = single(title, outputs);
  const auto parts = bytes_of_memory(tensor.nbytes() * static_cast<size_t>(size_));
  if (root == rank_) {
    check_list(title, inputs);
    check_alike(title, tensor, inputs[0]);
    pack(inputs[0], bytes_of(parts));
  }
  return start(
      {OpType::SCATTER, title, options.timeout, root == rank_ ? inputs[0] : tensors(), outputs},
      [&](troupe_comm* comm, troupe_request** request) {
        return troupe_ibroadcast(comm, parts.data_ptr(), parts.nbytes(), TROUPE_UINT8,
                                 static_cast<uint32_t>(root), TROUPE_HOST, request);
      },
      [parts, to = outputs, at = static_cast<size_t>(rank_) * tensor.nbytes()] {
        unpack(bytes_of(parts) + at, to);
      });
}

process_group::pending process_group::reduce_scatter(tensors& outputs, std::vector<tensors>& inputs,
                                                     const ::c10d::ReduceScatterOptions& options) {
  constexpr auto title = "troupe:reduce_scatter";
  auto output = single(title, outputs);
  check_list(title, inputs);
  check_alike(title, output, inputs[0]);
  const auto packed = bytes_of_memory(bytes_in(inputs[0]));
  pack(inputs[0], bytes_of(packed));
  auto input = packed.view(output.scalar_type());
  return _reduce_scatter_base(output, input, options);
}

process_group::pending
process_group::_reduce_scatter_base(at::Tensor& output, at::Tensor& input,
                                    const ::c10d::ReduceScatterOptions& options) {
  constexpr auto title = "troupe:reduce_scatter";
  if (output.scalar_type() != input.scalar_type() || input.numel() != output.numel() * size_)
    throw failure(c10::str(title, ": INVALID_ARGUMENT: the input holds ", input.numel(), " ",
                           input.scalar_type(), "; expected ", output.numel() * size_, " ",
                           output.scalar_type(), ", ", size_, " times the output"));
  const auto from = staged::with_content(input);
  const auto to = staged::for_output(output);
  const auto combination = reduction_for(title, input, options.reduceOp);
  if (combination.bitwise)
    throw failure(c10::str(title, ": UNIMPLEMENTED: bitwise operators; use all_reduce"));
  return start(
      {OpType::REDUCE_SCATTER, title, options.timeout, {input}, {output}},
      [&](troupe_comm* comm, troupe_request** request) {
        return troupe_ireduce_scatter(comm, from.data(), to.data(), to.count(), combination.type,
                                      combination.op, TROUPE_HOST, request);
      },
      [from, to] { to.back(); });
}

// Row r: the bytes that rank r has for each rank, then those that it expects of each rank.
std::vector<int64_t> process_group::exchanged_sizes(const tensors& outputs, const tensors& inputs) {
  const auto mine = at::empty({2 * size_}, at::TensorOptions().dtype(c10::kLong));
  auto* const sizes = mine.data_ptr<int64_t>();
  for (int rank = 0; rank < size_; ++rank) {
    sizes[rank] = static_cast<int64_t>(inputs[static_cast<size_t>(rank)].nbytes());
    sizes[size_ + rank] = static_cast<int64_t>(outputs[static_cast<size_t>(rank)].nbytes());
  }
  // Shared, since the operation outlives this call where waiting for it fails.
  const auto all = std::make_shared<std::vector<int64_t>>(2 * size_ * size_);
  collect({OpType::ALLTOALL, "troupe:all_to_all", {}, {}, {}}, mine, [all](const at::Tensor& rows) {
    std::memcpy(all->data(), rows.data_ptr(), rows.nbytes());
  })->wait();
  return *all;
}

process_group::pending process_group::alltoall(tensors& outputs, tensors& inputs,
                                               const ::c10d::AllToAllOptions& options) {
  constexpr auto title = "troupe:all_to_all";
  check_list(title, {outputs});
  check_list(title, {inputs});
  // All ranks see all sizes, so that either all of them refuse or none does.
  const auto sizes = exchanged_sizes(outputs, inputs);
  const auto size_from = [&](int from, int to) { return sizes[2 * size_ * from + to]; };
  int64_t longest = 0;
  for (int from = 0; from < size_; ++from) {
    int64_t sum = 0;
    for (int to = 0; to < size_; ++to) {
      const auto expected = sizes[2 * size_ * to + size_ + from];
      if (size_from(from, to) != expected)
        throw failure(c10::str(title, ": INVALID_ARGUMENT: rank ", from, " has ",
                               size_from(from, to), " bytes for rank ", to, ", which expects ",
                               expected));
      sum += expected;
    }
    longest = std::max(longest, sum);
  }
  std::vector<int64_t> offsets; // of this rank's part among the bytes of each
  for (int from = 0; from < size_; ++from) {
    int64_t before = 0;
    for (int to = 0; to < rank_; ++to)
      before += size_from(from, to);
    offsets.push_back(before);
  }
  const auto packed = bytes_of_memory(static_cast<size_t>(longest));
  pack(inputs, bytes_of(packed));
  return collect({OpType::ALLTOALL, title, options.timeout, inputs, outputs}, packed,
                 [to = outputs, offsets, longest](const at::Tensor& rows) {
                   for (size_t from = 0; from < to.size(); ++from)
                     unpack(bytes_of(rows) + static_cast<int64_t>(from) * longest + offsets[from],
                            {to[from]});
                 });
}

process_group::pending process_group::alltoall_base(at::Tensor& output, at::Tensor& input,
                                                    std::vector<int64_t>& output_splits,
                                                    std::vector<int64_t>& input_splits,
                                                    const ::c10d::AllToAllOptions& options) {
  const auto parts = [this](const at::Tensor& whole, const std::vector<int64_t>& splits) {
    auto rows = splits;
    if (rows.empty()) rows.assign(static_cast<size_t>(size_), whole.size(0) / size_);
    if (rows.size() != static_cast<size_t>(size_)
        || std::accumulate(rows.begin(), rows.end(), int64_t{0}) != whole.size(0))
      throw failure(c10::str("troupe:all_to_all: INVALID_ARGUMENT: ", whole.size(0),
                             " rows do not split into ", rows, "; expected ", size_,
                             " numbers that add up to the rows"));
    tensors out;
    int64_t begin = 0;
    for (const auto count : rows) {
      out.push_back(whole.narrow(0, begin, count));
      begin += count;
    }
    return out;
  };
  const at::NoGradGuard no_grad;
  auto to = parts(output, output_splits);
  auto from = parts(input, input_splits);
  return alltoall(to, from, options);
}

process_group::pending process_group::barrier(const ::c10d::BarrierOptions& options) {
  return start({OpType::BARRIER, "troupe:barrier", options.timeout, {}, {}}, troupe_ibarrier,
               [] {});
}

// The communicator names ranks that do not come anyway.
void process_group::monitoredBarrier(const ::c10d::BarrierOptions& options, bool) {
  barrier(options)->wait();
}

process_group::pending process_group::send(tensors&, int, int) { refuse_messages("send"); }
process_group::pending process_group::recv(tensors&, int, int) { refuse_messages("recv"); }
process_group::pending process_group::recvAnysource(tensors&, int) { refuse_messages("recv"); }

void process_group::refuse_messages(const char* operation) const {
  throw failure(c10::str("troupe:", operation,
                         ": UNIMPLEMENTED: the backend troupe has collectives only; send "
                         "point-to-point messages in a group of another backend, such as "
                         "torch.distributed.new_group(backend=\"gloo\")"));
}

int process_group::root_of(const char* operation, int64_t root) const {
  if (root < 0 || root >= size_)
    throw failure(c10::str(operation, ": INVALID_ARGUMENT: the root is ", root, "; expected 0 to ",
                           size_ - 1));
  return static_cast<int>(root);
}

void process_group::check_list(const char* operation, const std::vector<tensors>& lists) const {
  if (lists.size() != 1 || lists[0].size() != static_cast<size_t>(size_))
    throw failure(c10::str(operation, ": INVALID_ARGUMENT: ", lists.size(), " lists, the first of ",
                           lists.empty() ? 0 : lists[0].size(),
                           " tensors; expected one list of a tensor per rank, ", size_));
}

} // namespace troupe::backend
