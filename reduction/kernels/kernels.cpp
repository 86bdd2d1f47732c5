#include "reduction/kernels/kernels.hpp"

#include "reduction/kernels/kernels_isa.hpp"

#include <atomic>
#include <cstdlib>
#include <cstring>

namespace troupe::reduction {
namespace {

bool processor_has([[maybe_unused]] kernel_isa isa) {
#ifdef __x86_64__
  __builtin_cpu_init();
  switch (isa) {
  case kernel_isa::portable:
    return true;
  case kernel_isa::avx2:
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("f16c");
  case kernel_isa::avx512:
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")
           && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
  }
#endif
  return isa == kernel_isa::portable;
}

kernel_isa first_choice() {
  const char* const wish = std::getenv("TROUPE_ISA");
  auto best = kernel_isa::portable;
  for (const auto isa : {kernel_isa::portable, kernel_isa::avx2, kernel_isa::avx512}) {
    if (!processor_has(isa)) continue;
    if (wish && wish == name_of(isa)) return isa;
    best = isa;
  }
  return best;
}

std::atomic<kernel_isa>& chosen_isa() {
  static std::atomic<kernel_isa> isa = first_choice();
  return isa;
}

const isa_kernels& kernels() {
#ifdef __x86_64__
  switch (chosen_isa().load(std::memory_order_relaxed)) {
  case kernel_isa::avx512:
    return avx512_kernels;
  case kernel_isa::avx2:
    return avx2_kernels;
  case kernel_isa::portable:
    break;
  }
#endif
  return portable_kernels;
}

/// Libraries that are linked with -ffast-math flush subnormals in every thread that they can, and
/// programs may do so on purpose. Results must not depend on it.
class default_rounding {
#ifdef __x86_64__
  static constexpr unsigned defaults = 0x1f80, flags = 0x3f;

public:
  default_rounding() : before_(__builtin_ia32_stmxcsr()) {
    if ((before_ & ~flags) != defaults) __builtin_ia32_ldmxcsr(defaults);
  }
  ~default_rounding() {
    if ((before_ & ~flags) != defaults) __builtin_ia32_ldmxcsr(before_);
  }
  default_rounding(const default_rounding&) = delete;
  default_rounding& operator=(const default_rounding&) = delete;

private:
  unsigned before_;
#else
public:
  default_rounding() {} // not trivial, so that an object counts as used
#endif
};

void average_int64(std::span<const void* const> inputs, void* out, size_t count) {
  auto* const result = static_cast<int64_t*>(out);
  for (size_t i = 0; i < count; ++i) {
    __int128 sum = 0;
    for (const void* const input : inputs) {
      int64_t value;
      std::memcpy(&value, static_cast<const char*>(input) + i * sizeof value, sizeof value);
      sum += value;
    }
    result[i] = static_cast<int64_t>(sum / static_cast<__int128>(inputs.size()));
  }
}

} // namespace

void reduce(dtype type, reduce_op op, std::span<const void* const> inputs, void* out,
            size_t count) {
  if (type == dtype::int64 && op == reduce_op::avg) return average_int64(inputs, out, count);
  const default_rounding guard;
  kernels().reduce(type, op, inputs.data(), inputs.size(), out, count);
}

void narrow(dtype to, const float* in, void* out, size_t count) {
  const default_rounding guard;
  kernels().narrow(to, in, out, count);
}

void widen(dtype from, const void* in, float* out, size_t count) {
  const default_rounding guard;
  kernels().widen(from, in, out, count);
}

kernel_isa active_isa() { return chosen_isa().load(std::memory_order_relaxed); }

bool use_isa(kernel_isa isa) {
  if (!processor_has(isa)) return false;
  chosen_isa().store(isa, std::memory_order_relaxed);
  return true;
}

} // namespace troupe::reduction
