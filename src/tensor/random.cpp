#include "cairn/tensor/random.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "cairn/base/threads.h"
#include "cairn/math/functions.h"

namespace cairn {
namespace {

constexpr int64_t grain = 1 << 12;
constexpr int64_t group = 16;  // blocks made at once

// y = the numbers that f(words, numbers) makes of each group of random blocks, `per_block` numbers a block.
template <class S, int per_block, class F>
void fill(const Tensor& y, Generator& generator, F f) {
  const int64_t n = y.numel(), blocks = (n + per_block - 1) / per_block;
  const Generator::Reserved r = generator.reserve(static_cast<uint64_t>(blocks));
  S* p = y.pointer<S>();
  parallel_for((blocks + group - 1) / group, grain / group, [&](int64_t begin, int64_t end) {
    for (int64_t g = begin; g < end; ++g) {
      alignas(64) uint32_t words[4 * group];
      alignas(64) S numbers[per_block * group];
      r.stream.sixteen_blocks(r.position + static_cast<uint64_t>(g * group), words);
      f(words, numbers);
      std::copy_n(numbers, std::min(per_block * group, n - g * per_block * group), p + g * per_block * group);
    }
  });
}

void fill_uniform(const char* operation, const Tensor& y, double low, double high, Generator& generator) {
  visit_float(operation, y.dtype(), [&]<class S>() {
    const S from = static_cast<S>(low), width = static_cast<S>(high - low);
    require<ValueError>(std::isfinite(width), operation, "high - low must be finite in the tensor's dtype", y,
                        given("low", low), given("high", high));
    // Rounding can reach the excluded end.
    const S last = low < high ? std::nextafter(static_cast<S>(high), from) : from;
    constexpr int per_block = std::is_same_v<S, float> ? 4 : 2;
    fill<S, per_block>(y, generator, [=](const uint32_t* words, S* v) {
      for (int i = 0; i < per_block * group; ++i) {
        S u;
        if constexpr (per_block == 4)
          u = uniform_float(words[i]);
        else
          u = uniform_double(words[2 * i], words[2 * i + 1]);
        v[i] = std::min(from + width * u, last);
      }
    });
  });
}

// Box and Muller, as normal_pair, in the dtype's own precision and on lanes.
void fill_normal(const char* operation, const Tensor& y, double mean, double std, Generator& generator) {
  visit_float(operation, y.dtype(), [&]<class S>() {
    using L = Lanes<S>;
    fill<S, 4>(y, generator, [=](const uint32_t* words, S* v) {
      constexpr int pairs = 2 * group;
      alignas(64) S u[pairs], angle[pairs];
      for (int i = 0; i < pairs; ++i) {
        u[i] = (static_cast<S>(words[2 * i]) + 1) * S(0x1p-32);
        // As a signed number: half a turn to either side, so that the angle is rounded less.
        angle[i] = static_cast<S>(static_cast<int32_t>(words[2 * i + 1])) * S(std::numbers::pi * 0x1p-31);
      }
      for (int i = 0; i < pairs; i += L::size) {
        const L radius = sqrt(log(L::load(u + i)) * -2.0) * std, turn = L::load(angle + i);
        (radius * cos(turn) + mean).store(u + i);
        (radius * sin(turn) + mean).store(angle + i);
      }
      for (int i = 0; i < pairs; ++i) {
        v[2 * i] = u[i];
        v[2 * i + 1] = angle[i];
      }
    });
  });
}

// Runs `fill` on x, or on a row-major tensor that is then copied to where the elements of x lie.
template <class F>
Tensor& in_place(const char* operation, Tensor& x, F f) {
  visit_float(operation, x.dtype(), []<class>() {});
  x.check_in_place(operation);
  if (!x.is_contiguous()) {
    const Tensor numbers = empty(x.shape(), x.dtype());
    f(numbers);
    return x.copy_(numbers);
  }
  f(x);
  x.bump_version();
  return x;
}

}  // namespace

Tensor rand(const Shape& shape, Dtype dtype, Generator& generator) {
  visit_float("rand", dtype, []<class>() {});
  Tensor y = empty(shape, dtype);
  fill_uniform("rand", y, 0, 1, generator);
  return y;
}

Tensor randn(const Shape& shape, Dtype dtype, Generator& generator) {
  visit_float("randn", dtype, []<class>() {});
  Tensor y = empty(shape, dtype);
  fill_normal("randn", y, 0, 1, generator);
  return y;
}

Tensor randint(int64_t low, int64_t high, const Shape& shape, Dtype dtype, Generator& generator) {
  require<DtypeError>(dtype != boolean, "randint", "needs f32, f64, i64 or u8", given("dtype", dtype));
  const int64_t largest = dtype == f32 ? 1 << 24 : dtype == f64 ? int64_t{1} << 53 : dtype == u8 ? 255 : INT64_MAX;
  const int64_t smallest = dtype == u8 ? 0 : dtype == i64 ? INT64_MIN : -largest;
  require<ValueError>(low < high, "randint", "high must be larger than low", given("low", low), given("high", high));
  require<ValueError>(low >= smallest && high - 1 <= largest, "randint", "the dtype does not hold all of the range",
                      given("low", low), given("high", high), given("dtype", dtype));
  int64_t count;
  require<ValueError>(!__builtin_sub_overflow(high, low, &count), "randint",
                      "the range holds more than 2^63 - 1 numbers", given("low", low), given("high", high));
  Tensor y = empty(shape, dtype);
  const Generator::Reserved r = generator.reserve(static_cast<uint64_t>(y.numel()));
  visit_any(dtype, [&]<class S>() {
    S* p = y.pointer<S>();
    parallel_for(y.numel(), grain, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i)
        p[i] = static_cast<S>(low + r.stream.integer(r.position + static_cast<uint64_t>(i), count));
    });
  });
  return y;
}

Tensor randint(int64_t high, const Shape& shape, Dtype dtype, Generator& generator) {
  return randint(0, high, shape, dtype, generator);
}

Tensor randperm(int64_t n, Generator& generator) {
  require<ValueError>(n >= 0, "randperm", "the number of elements is negative", given("n", n));
  Tensor y = empty({n}, i64);
  int64_t* p = y.pointer<int64_t>();
  std::iota(p, p + n, int64_t{0});
  const Generator::Reserved r = generator.reserve(static_cast<uint64_t>(n));
  for (int64_t i = n - 1; i > 0; --i)  // Fisher and Yates
    std::swap(p[i], p[r.stream.integer(r.position + static_cast<uint64_t>(i), i + 1)]);
  return y;
}

Tensor& uniform_(Tensor& x, double low, double high, Generator& generator) {
  require<ValueError>(low <= high, "uniform_", "high must not be smaller than low", given("low", low),
                      given("high", high));
  return in_place("uniform_", x, [&](const Tensor& y) { fill_uniform("uniform_", y, low, high, generator); });
}

Tensor& normal_(Tensor& x, double mean, double std, Generator& generator) {
  require<ValueError>(std >= 0, "normal_", "the standard deviation is negative", given("std", std));
  return in_place("normal_", x, [&](const Tensor& y) { fill_normal("normal_", y, mean, std, generator); });
}

}  // namespace cairn
