#include "python/c10d/arrays.hpp"

#include "python/c10d/work.hpp"

#include <cstring>

namespace troupe::backend {
namespace {

void check_reachable(const at::Tensor& tensor) {
  if (!tensor.device().is_cpu())
    throw failure(c10::str("UNIMPLEMENTED: a tensor on ", tensor.device(),
                           " cannot be moved yet; copy it to the CPU first"));
  if (tensor.layout() != c10::kStrided)
    throw failure(c10::str("UNIMPLEMENTED: a tensor of layout ", tensor.layout(),
                           " cannot be moved; make it dense first (to_dense())"));
}

troupe_dtype type_for(const char* operation, c10::ScalarType type) {
  switch (type) {
  case c10::kFloat:
    return TROUPE_FLOAT32;
  case c10::kDouble:
    return TROUPE_FLOAT64;
  case c10::kHalf:
    return TROUPE_FLOAT16;
  case c10::kBFloat16:
    return TROUPE_BFLOAT16;
  case c10::kInt:
    return TROUPE_INT32;
  case c10::kLong:
    return TROUPE_INT64;
  case c10::kChar:
    return TROUPE_INT8;
  case c10::kByte:
  case c10::kBool:
    return TROUPE_UINT8;
  default:
    throw failure(c10::str(operation, ": INVALID_ARGUMENT: ", type,
                           " cannot be reduced; expected Float, Double, Half, BFloat16, Int, "
                           "Long, Char, Byte or Bool"));
  }
}

const char* name_of(::c10d::ReduceOp::RedOpType op) {
  static constexpr const char* names[] = {"SUM",  "AVG", "PRODUCT", "MIN",       "MAX",
                                          "BAND", "BOR", "BXOR",    "PREMUL_SUM"};
  return op < std::size(names) ? names[op] : "unknown";
}

[[noreturn]] void refuse(const char* operation, ::c10d::ReduceOp::RedOpType op,
                         c10::ScalarType type) {
  throw failure(c10::str(operation, ": INVALID_ARGUMENT: the operator ", name_of(op),
                         " does not work on ", type));
}

} // namespace

staged staged::with_content(const at::Tensor& tensor) {
  check_reachable(tensor);
  return {tensor, tensor.contiguous()};
}

staged staged::for_output(const at::Tensor& tensor) {
  check_reachable(tensor);
  if (tensor.is_contiguous()) return {tensor, tensor};
  return {tensor, at::empty(tensor.sizes(), tensor.options())};
}

void staged::back() const {
  if (!array_.is_same(tensor_)) tensor_.copy_(array_);
}

reduction reduction_for(const char* operation, const at::Tensor& tensor,
                        const ::c10d::ReduceOp& op) {
  using ops = ::c10d::ReduceOp;
  const auto type = tensor.scalar_type();
  const bool truth = type == c10::kBool; // stored as 0 or 1, and has to stay that
  reduction out;
  out.type = type_for(operation, type);
  switch (op.op_) {
  case ops::SUM:
    out.op = truth ? TROUPE_MAX : TROUPE_SUM;
    return out;
  case ops::PRODUCT:
    out.op = truth ? TROUPE_MIN : TROUPE_PROD;
    return out;
  case ops::MIN:
    out.op = TROUPE_MIN;
    return out;
  case ops::MAX:
    out.op = TROUPE_MAX;
    return out;
  case ops::AVG:
    if (truth) refuse(operation, op.op_, type);
    out.op = TROUPE_AVG;
    return out;
  case ops::BAND:
  case ops::BOR:
  case ops::BXOR:
    if (!c10::isIntegralType(type, true)) refuse(operation, op.op_, type);
    out.bitwise = !truth || op.op_ == ops::BXOR;
    out.op = op.op_ == ops::BAND ? TROUPE_MIN : TROUPE_MAX;
    return out;
  default:
    refuse(operation, op.op_, type);
  }
}

void fold_bitwise(const at::Tensor& rows, const at::Tensor& into, const ::c10d::ReduceOp& op) {
  const auto flat = into.view({-1});
  flat.copy_(rows[0]);
  for (int64_t row = 1; row < rows.size(0); ++row) {
    if (op.op_ == ::c10d::ReduceOp::BAND)
      flat.bitwise_and_(rows[row]);
    else if (op.op_ == ::c10d::ReduceOp::BOR)
      flat.bitwise_or_(rows[row]);
    else
      flat.bitwise_xor_(rows[row]);
  }
}

at::Tensor bytes_of_memory(size_t bytes) {
  return at::empty({static_cast<int64_t>(bytes)}, at::TensorOptions().dtype(c10::kByte));
}

size_t bytes_in(const tensors& list) {
  size_t sum = 0;
  for (const auto& one : list)
    sum += one.nbytes();
  return sum;
}

void pack(const tensors& from, uint8_t* to) {
  for (const auto& one : from) {
    const auto source = staged::with_content(one);
    if (source.bytes() > 0) std::memcpy(to, source.data(), source.bytes());
    to += source.bytes();
  }
}

void unpack(const uint8_t* from, const tensors& to) {
  for (const auto& one : to) {
    const auto target = staged::for_output(one);
    if (target.bytes() > 0) std::memcpy(target.data(), from, target.bytes());
    from += target.bytes();
    target.back();
  }
}

void check_alike(const char* operation, const at::Tensor& like, const tensors& others) {
  for (const auto& other : others) {
    check_reachable(other);
    if (other.scalar_type() != like.scalar_type() || other.numel() != like.numel())
      throw failure(c10::str(operation, ": INVALID_ARGUMENT: a tensor of ", other.numel(), " ",
                             other.scalar_type(), "; expected ", like.numel(), " ",
                             like.scalar_type(), ", as the others have"));
  }
}

const at::Tensor& single(const char* operation, const tensors& list) {
  if (list.size() != 1)
    throw failure(c10::str(operation, ": INVALID_ARGUMENT: ", list.size(),
                           " tensors; expected one, since a rank has one device"));
  return list.front();
}

} // namespace troupe::backend
