#include "kernels/copy.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <memory>
#include <type_traits>

#include "cairn/base/memory.h"
#include "cairn/base/threads.h"
#include "kernels/tile.h"

namespace cairn::kernels {
namespace {

constexpr int64_t grain = 1 << 15;  // elements of one task
// A transposed block: whole cache lines on both sides, and small enough for the nearest cache.
constexpr int64_t block_rows = 64, block_columns = 16;

struct Plan {
  Shape sizes;
  Strides x, y;
};

// The same copy with as few dimensions as possible, those of y in the order of memory.
Plan simplify(const Shape& shape, const Strides& xs, const Strides& ys) {
  Plan p;
  for (int d = 0; d < shape.size(); ++d) {
    if (shape[d] == 1) continue;
    int at = p.sizes.size();
    while (at > 0 && (p.y[at - 1] < ys[d] || (p.y[at - 1] == ys[d] && p.x[at - 1] < xs[d]))) --at;
    p.sizes.insert(at, shape[d]);
    p.x.insert(at, xs[d]);
    p.y.insert(at, ys[d]);
  }
  for (int d = p.sizes.size() - 1; d > 0; --d) {
    if (p.x[d - 1] != p.x[d] * p.sizes[d] || p.y[d - 1] != p.y[d] * p.sizes[d]) continue;
    p.sizes[d] *= p.sizes[d - 1];
    p.sizes.erase(d - 1);
    p.x.erase(d - 1);
    p.y.erase(d - 1);
  }
  return p;
}

// Splits dimension d into pieces of `length`, and calls f(x, y, first, count) for each piece at each index of the
// dimensions other than d and `inner`, where x and y are the offsets of that index.
template <class F>
void for_pieces(const Plan& p, int d, int inner, int64_t length, F f) {
  Plan outer;
  for (int i = 0; i < p.sizes.size(); ++i)
    if (i != d && i != inner) {
      outer.sizes.push_back(p.sizes[i]);
      outer.x.push_back(p.x[i]);
      outer.y.push_back(p.y[i]);
    }
  const int64_t n = p.sizes[d], pieces = (n + length - 1) / length;
  const int64_t work = std::min(length, n) * (d == inner ? 1 : p.sizes[inner]);
  parallel_for(outer.sizes.numel() * pieces, std::max<int64_t>(1, grain / work), [&](int64_t begin, int64_t end) {
    int64_t first = begin % pieces * length, x = 0, y = 0;
    Shape at = outer.sizes;
    for (int64_t k = outer.sizes.size() - 1, rest = begin / pieces; k >= 0; --k) {
      const int i = static_cast<int>(k);
      at[i] = rest % outer.sizes[i];
      x += at[i] * outer.x[i];
      y += at[i] * outer.y[i];
      rest /= outer.sizes[i];
    }
    for (int64_t piece = begin; piece < end; ++piece) {
      f(x, y, first, std::min(length, n - first));
      first += length;
      if (first < n) continue;
      first = 0;
      for (int i = outer.sizes.size() - 1; i >= 0; --i) {
        x += outer.x[i];
        y += outer.y[i];
        if (++at[i] < outer.sizes[i]) break;
        x -= at[i] * outer.x[i];
        y -= at[i] * outer.y[i];
        at[i] = 0;
      }
    }
  });
}

template <class S, class D>
D convert(S v) {
  if constexpr (std::is_same_v<D, bool>) return v != S(0);
  if constexpr (std::is_floating_point_v<S> && std::is_integral_v<D>) {
    // The plain cast is undefined out of range.
    constexpr bool wide = std::is_same_v<D, int64_t>;
    constexpr S low = wide ? S(-0x1p63) : S(0), high = wide ? S(0x1p63) : S(256);
    if (std::isnan(v)) return 0;
    if (v <= low) return std::numeric_limits<D>::min();
    if (v >= high) return std::numeric_limits<D>::max();
  }
  return static_cast<D>(v);
}

// A row of a conversion: x and y, where they begin in elements, their steps, and the count. One small function for each
// pair of dtypes; the walk over the rows is the same for all.
using Row = void (*)(const void* x, int64_t from, int64_t xs, void* y, int64_t to, int64_t ys, int64_t n);
template <class S, class D>
void convert_row(const void* x, int64_t from, int64_t xs, void* y, int64_t to, int64_t ys, int64_t n) {
  const S* in = static_cast<const S*>(x) + from;
  D* out = static_cast<D*>(y) + to;
  if (xs == 1 && ys == 1)
    for (int64_t i = 0; i < n; ++i) out[i] = convert<S, D>(in[i]);
  else
    for (int64_t i = 0; i < n; ++i) out[i * ys] = convert<S, D>(in[i * xs]);
}

void convert_rows(const Plan& p, Row row, const void* x, void* y) {
  const int last = p.sizes.size() - 1;
  if (last < 0) return row(x, 0, 1, y, 0, 1, 1);
  const int64_t xs = p.x[last], ys = p.y[last];
  for_pieces(p, last, last, std::min(p.sizes[last], grain), [=](int64_t xo, int64_t yo, int64_t first, int64_t count) {
    row(x, xo + first * xs, xs, y, yo + first * ys, ys, count);
  });
}

// The dimension along which neighbours in x lie, when they do not lie along the last, in which those of y do; else −1.
int across_of(const Plan& p) {
  const int last = p.sizes.size() - 1;
  int across = -1;
  for (int d = 0; d < last; ++d)
    if (p.x[d] == 1 && p.x[last] > 1 && p.y[last] == 1) across = d;
  return across >= 0 && p.sizes[across] >= 4 && p.sizes[last] >= 4 ? across : -1;
}

// y[r · y_row + c] = x[r + c · x_column] for the columns of a block and for rows from r on, as many as make whole
// squares; returns the first row that is left.
template <class T>
int64_t transpose_squares(const T* x, int64_t x_column, int64_t r, int64_t end, T* y, int64_t y_row) {
  using S = std::conditional_t<sizeof(T) == 4, float, double>;  // whatever the bits mean
  constexpr int64_t w = width<S>;
  for (; r + w <= end; r += w)
    for (int64_t c = 0; c < block_columns; c += w) {
      const S* columns[w];
      for (int64_t i = 0; i < w; ++i) columns[i] = reinterpret_cast<const S*>(x + (c + i) * x_column);
      transpose(columns, r, reinterpret_cast<S*>(y + r * y_row + c), y_row);
    }
  return r;
}

// Equal dtypes: only the width matters.
template <class T>
void move(const Plan& p, const void* from, void* into) {
  const T* x = static_cast<const T*>(from);
  T* y = static_cast<T*>(into);
  const int last = p.sizes.size() - 1, across = across_of(p);
  if (last < 0) {
    *y = *x;
    return;
  }
  const int64_t xs = p.x[last], ys = p.y[last];
  if (across < 0) {
    const auto row = [=](int64_t xo, int64_t yo, int64_t first, int64_t count) {
      const T* in = x + xo + first * xs;
      T* out = y + yo + first * ys;
      if (xs == 1 && ys == 1)
        std::memcpy(out, in, static_cast<size_t>(count) * sizeof(T));
      else if (xs == 0 && ys == 1)
        std::fill(out, out + count, *in);
      else
        for (int64_t i = 0; i < count; ++i) out[i * ys] = in[i * xs];
    };
    if (last == 0 || p.sizes[last] >= 64) return for_pieces(p, last, last, std::min(p.sizes[last], grain), row);
    // Short rows: many of them at once.
    const int64_t length = p.sizes[last], xr = p.x[last - 1], yr = p.y[last - 1];
    const auto rows = [=](int64_t xo, int64_t yo, int64_t first, int64_t count) {
      for (int64_t r = first; r < first + count; ++r)
        for (int64_t i = 0; i < length; ++i) y[yo + r * yr + i * ys] = x[xo + r * xr + i * xs];
    };
    return for_pieces(p, last - 1, last, std::max<int64_t>(1, grain / length), rows);
  }
  const int64_t columns = p.sizes[last], step = p.y[across];
  const auto block = [=](int64_t xo, int64_t yo, int64_t first, int64_t count) {
    for (int64_t c = 0; c < columns; c += block_columns) {
      const int64_t n = std::min(columns - c, block_columns), end = first + count;
      int64_t r = first;
      if constexpr (sizeof(T) >= 4)
        if (n == block_columns) r = transpose_squares(x + xo + c * xs, xs, r, end, y + yo + c, step);
      for (; r < end; ++r) {
        const T* in = x + xo + r + c * xs;
        T* out = y + yo + r * step + c;
        if (n == block_columns)  // a constant count is unrolled
          for (int64_t i = 0; i < block_columns; ++i) out[i] = in[i * xs];
        else
          for (int64_t i = 0; i < n; ++i) out[i] = in[i * xs];
      }
    }
  };
  for_pieces(p, across, last, block_rows, block);
}

void move(const Plan& p, size_t bytes, const void* x, void* y) {
  if (bytes == 1) return move<uint8_t>(p, x, y);
  if (bytes == 4) return move<uint32_t>(p, x, y);
  move<uint64_t>(p, x, y);
}

}  // namespace

void copy_strided(const Shape& shape, Dtype x_dtype, const void* x, const Strides& x_strides, Dtype y_dtype, void* y,
                  const Strides& y_strides) {
  if (shape.numel() == 0) return;
  Plan p = simplify(shape, x_strides, y_strides);
  if (x_dtype == y_dtype) return move(p, size_of(x_dtype), x, y);
  // Across its rows x is moved first, in blocks, which spares the cache, and converted where it has come to lie.
  const size_t bytes = across_of(p) < 0 ? 0 : static_cast<size_t>(p.sizes.numel()) * size_of(x_dtype);
  const std::unique_ptr<void, std::function<void(void*)>> moved(bytes > 0 ? memory::allocate(bytes) : nullptr,
                                                                [bytes](void* b) { memory::deallocate(b, bytes); });
  if (moved) {
    Plan first = p;
    for (int64_t d = p.sizes.size() - 1, step = 1; d >= 0; step *= p.sizes[static_cast<int>(d--)])
      first.y[static_cast<int>(d)] = p.x[static_cast<int>(d)] = step;
    move(first, size_of(x_dtype), x, moved.get());
    x = moved.get();
  }
  visit_any(x_dtype,
            [&]<class S>() { visit_any(y_dtype, [&]<class D>() { convert_rows(p, &convert_row<S, D>, x, y); }); });
}

}  // namespace cairn::kernels
