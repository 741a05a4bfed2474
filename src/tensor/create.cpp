#include "cairn/tensor/create.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>

#include "cairn/base/threads.h"

namespace cairn {

static constexpr int64_t fill_grain = 1 << 16;  // bytes: about as long as starting a thread takes

// Throws unless the dtype can hold the value; what rounds (0.1 in f32) is held.
static void check_value(const char* operation, const Literal& v, Dtype dtype) {
  if (is_float(dtype)) return;
  const bool whole = v.natural != f32 || v.floating == std::trunc(v.floating);  // false for NaN
  if (!whole && !std::isinf(v.floating))
    fail<DtypeError>(operation, "an integer dtype does not hold a fractional value; use f32",
                     given("value", v.floating), given("dtype", dtype));
  const double low = dtype == i64 ? -0x1p63 : 0, high = dtype == i64 ? 0x1p63 : dtype == u8 ? 256 : 2;
  require<ValueError>(v.natural != f32 && dtype == i64 ? true : v.floating >= low && v.floating < high, operation,
                      "the value is out of the dtype's range", given("value", v.floating), given("dtype", dtype));
}

template <class S>
static S cast(const Literal& v) {
  if constexpr (std::is_same_v<S, bool>) return v.floating != 0;
  if (v.natural == f32 || std::is_floating_point_v<S>) return static_cast<S>(v.floating);
  return static_cast<S>(v.whole);
}

static Tensor filled(const char* operation, Tensor y, const Literal& value) {
  check_value(operation, value, y.dtype());
  visit_any(y.dtype(), [&]<class S>() {
    S* p = y.pointer<S>();
    const S v = cast<S>(value);
    parallel_for(y.numel(), fill_grain / static_cast<int64_t>(sizeof(S)),
                 [=](int64_t begin, int64_t end) { std::fill(p + begin, p + end, v); });
  });
  return y;
}

Tensor zeros(const Shape& shape, Dtype dtype) { return filled("zeros", empty(shape, dtype), 0); }
Tensor ones(const Shape& shape, Dtype dtype) { return filled("ones", empty(shape, dtype), 1); }
Tensor full(const Shape& shape, double value, Dtype dtype) { return filled("full", empty(shape, dtype), value); }

Tensor zeros_like(const Tensor& x) { return filled("zeros_like", empty_like(x), 0); }
Tensor zeros_like(const Tensor& x, Dtype dtype) { return filled("zeros_like", empty_like(x, dtype), 0); }
Tensor ones_like(const Tensor& x) { return filled("ones_like", empty_like(x), 1); }
Tensor ones_like(const Tensor& x, Dtype dtype) { return filled("ones_like", empty_like(x, dtype), 1); }
Tensor full_like(const Tensor& x, double value) { return filled("full_like", empty_like(x), value); }
Tensor full_like(const Tensor& x, double value, Dtype dtype) {
  return filled("full_like", empty_like(x, dtype), value);
}

Tensor arange(Literal end) { return arange(0, end, 1, end.natural == f32 ? f32 : i64); }
Tensor arange(Literal end, Dtype dtype) { return arange(0, end, 1, dtype); }
Tensor arange(Literal start, Literal end, Literal step) {
  const bool floating = start.natural == f32 || end.natural == f32 || step.natural == f32;
  return arange(start, end, step, floating ? f32 : i64);
}

static bool all_whole(const Literal& start, const Literal& end, const Literal& step) {
  return start.natural != f32 && end.natural != f32 && step.natural != f32;
}

// start + i · step; unsigned, as i · step alone may be above 2^63.
static int64_t whole_place(int64_t start, int64_t i, int64_t step) {
  return static_cast<int64_t>(static_cast<uint64_t>(start) + static_cast<uint64_t>(i) * static_cast<uint64_t>(step));
}

// How many numbers arange makes, rounded up; negative or NaN when step leads away from end. A double does not tell
// whole numbers above 2^53 apart.
static double count_steps(const Literal& start, const Literal& end, const Literal& step) {
  if (!all_whole(start, end, step) || step.whole == 0)
    return std::ceil((end.floating - start.floating) / step.floating);
  __extension__ using Wide = __int128;
  const Wide way = static_cast<Wide>(end.whole) - start.whole;
  const Wide full = way / step.whole, rest = way % step.whole;
  return static_cast<double>(full + (rest != 0 && (rest < 0) == (step.whole < 0)));
}

Tensor arange(Literal start, Literal end, Literal step, Dtype dtype) {
  const double count = count_steps(start, end, step);
  require<ValueError>(step.floating != 0 && count >= 0 && count < 0x1p46, "arange",
                      "step must be finite and lead from start to end", given("start", start.floating),
                      given("end", end.floating), given("step", step.floating));
  const auto n = static_cast<int64_t>(count);
  const Literal last = all_whole(start, end, step) ? Literal(whole_place(start.whole, n - 1, step.whole))
                                                   : Literal(start.floating + (count - 1) * step.floating);
  for (const Literal& v : {start, step, last})
    if (n > 0) check_value("arange", v, dtype);
  Tensor y = empty({n}, dtype);
  visit_any(dtype, [&]<class S>() {
    S* p = y.pointer<S>();
    for (int64_t i = 0; i < n; ++i) {
      if constexpr (std::is_floating_point_v<S>)
        p[i] = static_cast<S>(start.floating + static_cast<double>(i) * step.floating);
      else
        p[i] = static_cast<S>(whole_place(cast<int64_t>(start), i, cast<int64_t>(step)));
    }
  });
  return y;
}

Tensor linspace(double start, double end, int64_t steps, Dtype dtype) {
  require<ValueError>(steps >= 0, "linspace", "the number of steps is negative", given("steps", steps));
  return visit_float("linspace", dtype, [&]<class S>() {
    Tensor y = empty({steps}, dtype);
    S* p = y.pointer<S>();
    const double step = steps > 1 ? (end - start) / static_cast<double>(steps - 1) : 0;
    // From both ends, so that the last number is `end` exactly and a symmetric range is symmetric.
    for (int64_t i = 0; i < steps; ++i)
      p[i] = static_cast<S>(i < (steps + 1) / 2 ? start + static_cast<double>(i) * step
                                                : end - static_cast<double>(steps - 1 - i) * step);
    return y;
  });
}

Tensor eye(int64_t n, int64_t m, Dtype dtype) {
  if (m < 0) m = n;
  Tensor y = filled("eye", empty({n, m}, dtype), 0);
  visit_any(dtype, [&]<class S>() {
    for (int64_t i = 0; i < std::min(n, m); ++i) y.pointer<S>()[i * m + i] = static_cast<S>(1);
  });
  return y;
}

Nested::Nested(std::initializer_list<Nested> items) {
  shape_.push_back(static_cast<int64_t>(items.size()));
  int64_t position = 0;
  for (const Nested& item : items) {
    const Shape& first = items.begin()->shape_;
    if (item.shape_ != first)
      fail<ShapeError>("tensor", "a nested list is ragged: its items differ in shape", given("item 0", first),
                       given(("item " + std::to_string(position)).c_str(), item.shape_));
    const auto rank = [](Dtype d) { return d == boolean ? 0 : d == i64 ? 1 : 2; };
    if (position == 0 || rank(item.natural_) > rank(natural_)) natural_ = item.natural_;
    values_.insert(values_.end(), item.values_.begin(), item.values_.end());
    ++position;
  }
  if (items.size() > 0)
    for (int64_t n : items.begin()->shape_) shape_.push_back(n);
}

Tensor tensor(const Nested& values) { return tensor(values, values.natural()); }

Tensor tensor(const Nested& values, Dtype dtype) {
  for (const Literal& v : values.values())
    if (dtype != boolean) check_value("tensor", v, dtype);
  Tensor y = empty(values.shape(), dtype);
  visit_any(dtype, [&]<class S>() {
    std::transform(values.values().begin(), values.values().end(), y.pointer<S>(), cast<S>);
  });
  return y;
}

namespace detail {

Tensor from_memory(const void* data, size_t count, const Shape& shape, Dtype dtype) {
  require(checked_numel("from_vector", shape) == static_cast<int64_t>(count), "from_vector",
          "the shape does not hold as many numbers as were given", given("shape", shape), given("numbers", count));
  Tensor y = empty(shape, dtype);
  if (count > 0) std::memcpy(y.pointer<char>(), data, count * size_of(dtype));
  return y;
}

Tensor on_memory(void* data, const Shape& shape, Dtype dtype, std::function<void()> finished) {
  const int64_t n = checked_numel("from_blob", shape);
  require<ValueError>(data || n == 0, "from_blob", "the pointer is null", given("shape", shape));
  require<ValueError>(reinterpret_cast<uintptr_t>(data) % size_of(dtype) == 0, "from_blob",
                      "the pointer is not aligned for its element type", given("dtype", dtype));
  Ref<Storage> storage = Storage::wrap(data, static_cast<size_t>(n) * size_of(dtype), std::move(finished));
  return Tensor(Body::make(std::move(storage), shape, row_major(shape), 0, dtype));
}

}  // namespace detail

}  // namespace cairn
