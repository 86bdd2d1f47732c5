// Tensors as libtroupe sees them: contiguous arrays in host memory. Everything that throws here
// throws failure, and says which tensor is wrong and what was expected.
#pragma once

#include "reduction/api/troupe.h"

#include <torch/csrc/distributed/c10d/Types.hpp>
#include <vector>

namespace troupe::backend {

using tensors = std::vector<at::Tensor>;

// The array that stands for a tensor: the tensor itself if it is contiguous, otherwise a copy,
// which back() moves to the tensor once it holds the result.
class staged {
public:
  static staged with_content(const at::Tensor& tensor);
  // For a tensor whose content does not matter.
  static staged for_output(const at::Tensor& tensor);

  const at::Tensor& array() const { return array_; }
  void* data() const { return array_.data_ptr(); }
  size_t count() const { return static_cast<size_t>(array_.numel()); }
  size_t bytes() const { return array_.nbytes(); }
  void back() const;

private:
  staged(at::Tensor tensor, at::Tensor array)
      : tensor_(std::move(tensor)), array_(std::move(array)) {}
  at::Tensor tensor_, array_;
};

// How values are combined. libtroupe has no bitwise operators on integers: for these, arrays are
// gathered and folded on every rank.
struct reduction {
  troupe_dtype type = TROUPE_FLOAT32;
  troupe_op op = TROUPE_SUM;
  bool bitwise = false;
};
reduction reduction_for(const char* operation, const at::Tensor& tensor,
                        const ::c10d::ReduceOp& op);
// rows[0] op rows[1] op ..., into `into`; `rows` holds them one after the other.
void fold_bitwise(const at::Tensor& rows, const at::Tensor& into, const ::c10d::ReduceOp& op);

// An uninitialised array of so many bytes.
at::Tensor bytes_of_memory(size_t bytes);
size_t bytes_in(const tensors& list);
// The content of tensors one after the other, without gaps, and back.
void pack(const tensors& from, uint8_t* to);
void unpack(const uint8_t* from, const tensors& to);

// Throws unless all of `others` have the type and the number of elements of `like`.
void check_alike(const char* operation, const at::Tensor& like, const tensors& others);
// The one tensor of a list, as c10d passes it.
const at::Tensor& single(const char* operation, const tensors& list);

} // namespace troupe::backend
