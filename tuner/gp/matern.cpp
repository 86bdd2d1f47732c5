#include "tuner/gp/matern.hpp"

#include <bit>
#include <cmath>
#include <cstdint>

namespace troupe::tuner::gp {

namespace {

#define TROUPE_INLINE [[gnu::always_inline]] inline

/// exp(-s) for s >= 0 to the last digit or two, without a branch or a table.
TROUPE_INLINE double decay_of(double s) {
  constexpr double log2e = 1.4426950408889634;
  constexpr double ln2_high = 0.693147180369123816490;
  constexpr double ln2_low = 1.90821492927058770002e-10;
  constexpr double rounding = 0x1.8p52; // adding it leaves the integer in the last bits
  const double x = s > 700 ? -700 : -s;
  const double shifted = x * log2e + rounding;
  const double k = shifted - rounding;
  const double r = (x - k * ln2_high) - k * ln2_low;
  double p = 1.0 / 479001600;
  p = p * r + 1.0 / 39916800;
  p = p * r + 1.0 / 3628800;
  p = p * r + 1.0 / 362880;
  p = p * r + 1.0 / 40320;
  p = p * r + 1.0 / 5040;
  p = p * r + 1.0 / 720;
  p = p * r + 1.0 / 120;
  p = p * r + 1.0 / 24;
  p = p * r + 1.0 / 6;
  p = p * r + 0.5;
  p = p * r + 1;
  p = p * r + 1;
  const auto power = (std::bit_cast<uint64_t>(shifted) + 1023) << 52;
  return p * std::bit_cast<double>(power);
}

struct loops {
  TROUPE_INLINE static void add(size_t count, const double* __restrict apart, double scale,
                                double* __restrict sum) {
    for (size_t i = 0; i < count; ++i) {
      const double s = apart[i] * scale;
      sum[i] += (1 + s + s * s * (1.0 / 3)) * decay_of(s);
    }
  }

  TROUPE_INLINE static void add(size_t count, const double* __restrict apart, double scale,
                                double* __restrict sum, double* __restrict decay) {
    for (size_t i = 0; i < count; ++i) {
      const double s = apart[i] * scale;
      const double e = decay_of(s);
      sum[i] += (1 + s + s * s * (1.0 / 3)) * e;
      decay[i] = (1 + s) * e;
    }
  }

  TROUPE_INLINE static void of_squares(size_t count, const double* __restrict squared,
                                       double* __restrict value, double* __restrict decay) {
    for (size_t i = 0; i < count; ++i) {
      const double s = __builtin_sqrt(squared[i]);
      const double e = decay_of(s);
      value[i] = (1 + s + squared[i] * (1.0 / 3)) * e;
      decay[i] = (1 + s) * e;
    }
  }

  TROUPE_INLINE static void squares(size_t count, const double* __restrict apart, double scale,
                                    double* __restrict squared) {
    for (size_t i = 0; i < count; ++i) {
      const double s = apart[i] * scale;
      squared[i] += s * s;
    }
  }

  TROUPE_INLINE static square_sums sums(size_t count, const double* __restrict apart,
                                        const double* __restrict a, const double* __restrict b,
                                        const double* __restrict c) {
    // One sum per lane, in a fixed order: compilers must not reorder a sum by themselves.
    constexpr size_t lanes = 16;
    double first[lanes] = {};
    double second[lanes] = {};
    const size_t whole = count - count % lanes;
    for (size_t i = 0; i < whole; i += lanes) {
      for (size_t j = 0; j < lanes; ++j) {
        const double square = apart[i + j] * apart[i + j];
        first[j] += a[i + j] * square;
        if (c) second[j] += b[i + j] * c[i + j] * square;
      }
    }
    square_sums total{0, 0};
    for (size_t i = whole; i < count; ++i) {
      const double square = apart[i] * apart[i];
      total.a += a[i] * square;
      if (c) total.bc += b[i] * c[i] * square;
    }
    for (size_t j = 0; j < lanes; ++j) {
      total.a += first[j];
      total.bc += second[j];
    }
    return total;
  }
};

struct table {
  void (*add)(size_t, const double*, double, double*);
  void (*add_with_decay)(size_t, const double*, double, double*, double*);
  void (*of_squares)(size_t, const double*, double*, double*);
  void (*squares)(size_t, const double*, double, double*);
  square_sums (*sums)(size_t, const double*, const double*, const double*, const double*);
};

#define TROUPE_LOOPS(NAME, ATTRIBUTE)                                                              \
  struct NAME {                                                                                    \
    ATTRIBUTE static void add(size_t n, const double* a, double s, double* o) {                    \
      loops::add(n, a, s, o);                                                                      \
    }                                                                                              \
    ATTRIBUTE static void add(size_t n, const double* a, double s, double* o, double* d) {         \
      loops::add(n, a, s, o, d);                                                                   \
    }                                                                                              \
    ATTRIBUTE static void of_squares(size_t n, const double* q, double* v, double* d) {            \
      loops::of_squares(n, q, v, d);                                                               \
    }                                                                                              \
    ATTRIBUTE static void squares(size_t n, const double* a, double s, double* o) {                \
      loops::squares(n, a, s, o);                                                                  \
    }                                                                                              \
    ATTRIBUTE static square_sums sums(size_t n, const double* x, const double* a, const double* b, \
                                      const double* c) {                                           \
      return c ? loops::sums(n, x, a, b, c) : loops::sums(n, x, a, b, nullptr);                    \
    }                                                                                              \
    static constexpr table all{add, add, of_squares, squares, sums};                               \
  }

TROUPE_LOOPS(plain, );
#if defined(__x86_64__)
TROUPE_LOOPS(avx2, [[gnu::target("avx2,fma")]]);
TROUPE_LOOPS(avx512, [[gnu::target("avx512f,avx512dq,fma,prefer-vector-width=512")]]);
#endif

const table& widest() {
#if defined(__x86_64__)
  static const table* const chosen =
      __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") ? &avx512::all
      : __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")       ? &avx2::all
                                                                              : &plain::all;
  return *chosen;
#else
  return plain::all;
#endif
}

} // namespace

void add_matern(size_t count, const double* apart, double scale, double* sum) {
  widest().add(count, apart, scale, sum);
}

void add_matern(size_t count, const double* apart, double scale, double* sum, double* decay) {
  widest().add_with_decay(count, apart, scale, sum, decay);
}

void matern_of_squares(size_t count, const double* squared, double* value, double* decay) {
  widest().of_squares(count, squared, value, decay);
}

void add_squares(size_t count, const double* apart, double scale, double* squared) {
  widest().squares(count, apart, scale, squared);
}

square_sums weighted_squares(size_t count, const double* apart, const double* a, const double* b,
                             const double* c) {
  return widest().sums(count, apart, a, b, c);
}

} // namespace troupe::tuner::gp
