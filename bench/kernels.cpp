// How fast the reduction kernels run on one core, beside memcpy: GB/s of input bytes read, for
// inputs that lie in the cache or not, as their size has it.
#include "reduction/kernels/kernels.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace {

using namespace troupe::reduction;

constexpr size_t chunk_sizes[] = {8 << 10, 32 << 10, 64 << 10, 128 << 10, 256 << 10, 1 << 20};
constexpr size_t input_counts[] = {2, 4, 8};
constexpr size_t most_inputs = 8, largest_chunk = 1 << 20;
constexpr double sample_seconds = 0.002;
constexpr int samples = 9;

/// Zeros: no subnormals and no overflow, whatever the type. Inputs begin `misaligned_bytes` beyond
/// a cache line, as they do behind headers in network buffers, and not all in the same cache sets.
struct memory {
  explicit memory(size_t misaligned_bytes)
      : bytes((most_inputs + 2) * (largest_chunk + 4096)),
        base(reinterpret_cast<char*>((reinterpret_cast<uintptr_t>(bytes.data()) + 63) / 64 * 64)),
        misaligned_bytes(misaligned_bytes) {}
  const char* input(size_t rank) const {
    return base + rank * (largest_chunk + 320) + misaligned_bytes;
  }
  char* out() const { return base + most_inputs * (largest_chunk + 320); }

  std::vector<char> bytes;
  char* base;
  size_t misaligned_bytes;
};

template <class Work>
double seconds_of(size_t times, Work& work) {
  const auto start = std::chrono::steady_clock::now();
  for (size_t i = 0; i < times; ++i)
    work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// The median over the samples.
template <class Work>
double gigabytes_per_second(size_t bytes, Work work) {
  size_t times = 1;
  while (seconds_of(times, work) < sample_seconds)
    times *= 2;
  std::vector<double> rates;
  for (int i = 0; i < samples; ++i)
    rates.push_back(static_cast<double>(bytes * times) / seconds_of(times, work) / 1e9);
  std::nth_element(rates.begin(), rates.begin() + samples / 2, rates.end());
  return rates[samples / 2];
}

/// One line of the table: `bytes_read(chunk)` and `work(chunk)` for every chunk size.
template <class Work>
void print_row(const char* kernel, size_t inputs, const char* isa, Work work) {
  std::printf("%-18s %2zu  %-8s", kernel, inputs, isa);
  for (const size_t chunk : chunk_sizes)
    std::printf(" %8.1f", gigabytes_per_second(inputs * chunk, [&] {
                  work(chunk);
                  asm volatile("" ::: "memory"); // or the compiler might drop all but the last
                }));
  std::printf("\n");
  std::fflush(stdout);
}

void print_header() {
  std::printf("GB/s of input bytes read, one core, medians of %d\n%-18s %2s  %-8s", samples,
              "kernel", "n", "isa");
  for (const size_t chunk : chunk_sizes)
    std::printf(" %4zu KiB", chunk >> 10);
  std::printf("   per input\n");
}

template <class Body>
void for_each_isa(Body body) {
  for (unsigned isa = 0; isa < kernel_isa_count; ++isa)
    if (use_isa(static_cast<kernel_isa>(isa))) body(name_of(static_cast<kernel_isa>(isa)).data());
}

void reductions(const memory& in, reduce_op op) {
  for (unsigned type = 0; type < dtype_count; ++type) {
    const auto element = static_cast<dtype>(type);
    const auto kernel = std::string(name_of(element)) + " " + std::string(name_of(op));
    for (const size_t inputs : input_counts)
      for_each_isa([&](const char* isa) {
        std::vector<const void*> pointers;
        for (size_t rank = 0; rank < inputs; ++rank)
          pointers.push_back(in.input(rank));
        print_row(kernel.c_str(), inputs, isa, [&](size_t chunk) {
          reduce(element, op, pointers, in.out(), chunk / size_of(element));
        });
      });
  }
}

void conversions(const memory& in) {
  for (const auto type : {dtype::float16, dtype::bfloat16}) {
    const auto name = std::string(name_of(type));
    for_each_isa([&](const char* isa) {
      print_row(("narrow " + name).c_str(), 1, isa, [&](size_t chunk) {
        narrow(type, reinterpret_cast<const float*>(in.input(0)), in.out(), chunk / sizeof(float));
      });
    });
    for_each_isa([&](const char* isa) {
      print_row(("widen " + name).c_str(), 1, isa, [&](size_t chunk) {
        widen(type, in.input(0), reinterpret_cast<float*>(in.out()), chunk / size_of(type));
      });
    });
  }
}

} // namespace

int main(int argc, char** argv) {
  reduce_op op = reduce_op::sum;
  if (argc > 1) {
    unsigned found = 0;
    while (found < reduce_op_count && argv[1] != name_of(static_cast<reduce_op>(found)))
      ++found;
    if (argc > 3 || found == reduce_op_count) {
      std::fprintf(stderr, "usage: %s [sum|avg|min|max|prod [misaligned_bytes]]\n", argv[0]);
      return 2;
    }
    op = static_cast<reduce_op>(found);
  }
  const memory arrays(argc > 2 ? std::strtoul(argv[2], nullptr, 10) % 64 : 16);
  print_header();
  print_row("memcpy", 1, "libc",
            [&](size_t chunk) { std::memcpy(arrays.out(), arrays.input(0), chunk); });
  conversions(arrays);
  reductions(arrays, op);
}
