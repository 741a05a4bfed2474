#include "kernels/conv_depthwise.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "kernels/channel_lines.h"

namespace cairn::kernels {
namespace {

// One dimension of a convolution: tap a joins place i of y to place i · stride + a · dilation − padding of x.
struct Axis {
  int64_t x, y, kernel, stride, padding, dilation;

  // The places of y that a tap joins to places of x, from the first to behind the last.
  std::pair<int64_t, int64_t> joined(int64_t tap) const {
    const int64_t before = padding - tap * dilation;  // x + before = i · stride
    const int64_t begin = before > 0 ? (before + stride - 1) / stride : 0;
    const int64_t end = x + before > 0 ? std::min(y, (x + before - 1) / stride + 1) : 0;
    return {std::min(begin, end), end};
  }
  int64_t x_of(int64_t i, int64_t tap) const { return i * stride + tap * dilation - padding; }
};

Axis rows_of(const Conv& g) { return {g.h, g.y_h, g.k_h, g.stride_h, g.padding_h, g.dilation_h}; }
Axis columns_of(const Conv& g) { return {g.w, g.y_w, g.k_w, g.stride_w, g.padding_w, g.dilation_w}; }

// For each place of the result what it is the sum of, tap by tap.
struct Term {
  int64_t from, weight;  // how far away they begin
};
using Terms = std::vector<std::vector<Term>>;

// Of y by x, or the other way round.
//   from, weight  the distance of two neighbours in what is read, and of two taps
Terms terms(const Axis& axis, bool of_y, int64_t from, int64_t weight) {
  Terms all(static_cast<size_t>(of_y ? axis.y : axis.x));
  for (int64_t tap = 0; tap < axis.kernel; ++tap) {
    const auto [begin, end] = axis.joined(tap);
    for (int64_t i = begin; i < end; ++i) {
      const int64_t j = axis.x_of(i, tap);
      all[static_cast<size_t>(of_y ? i : j)].push_back({(of_y ? j : i) * from, tap * weight});
    }
  }
  return all;
}

template <class S>
int64_t whole_lines(int64_t c) {
  return (c + Lanes<S>::size - 1) / Lanes<S>::size * Lanes<S>::size;
}

// Images (n, rows, columns, c): out = bias + Σ in · weight over the terms of a row and those of a column. `image` numbers
// make one image of `in`; weight is (c, taps).
template <class S>
void sweep(const Conv& g, const Terms& rows, const Terms& columns, const S* in, int64_t image, const S* weight,
           const S* bias, S* out) {
  using L = Lanes<S>;
  const int64_t c = g.c, taps = g.k_h * g.k_w, step = whole_lines<S>(c);
  std::vector<S> weights(static_cast<size_t>(taps * step)), start(static_cast<size_t>(step));
  for (int64_t k = 0; k < c; ++k)
    for (int64_t tap = 0; tap < taps; ++tap) weights[static_cast<size_t>(tap * step + k)] = weight[k * taps + tap];
  if (bias) std::copy_n(bias, c, start.data());
  const auto height = static_cast<int64_t>(rows.size()), width = static_cast<int64_t>(columns.size());
  const S* in_end = in + g.n * image;
  each_row(g.n, height, width * c * taps, [&](int64_t n, int64_t i) {
    const S* from = in + n * image;
    S* to = out + (n * height + i) * width * c;
    const S* to_end = to + width * c;
    for (const std::vector<Term>& column : columns) {
      each_block<S>(
          c, [&]<int lines>(int64_t k) __attribute__((always_inline)) {
            L total[lines];
            for (int l = 0; l < lines; ++l) total[l] = L::load(start.data() + k + l * L::size);
            for (const Term& a : rows[static_cast<size_t>(i)])
              for (const Term& b : column) {
                const S *p = from + a.from + b.from + k, *w = weights.data() + a.weight + b.weight + k;
                for (int l = 0; l < lines; ++l)
                  total[l] +=
                      L::load(w + l * L::size) * (lines > 1 ? L::load(p + l * L::size) : read(p, c - k, in_end));
              }
            for (int l = 0; l < lines; ++l) write(total[l], to + k + l * L::size, to_end);
          });
      to += c;
    }
  });
}

}  // namespace

template <class S>
void conv_depthwise(const Conv& g, const S* x, const S* weight, const S* bias, S* y) {
  const int64_t step = whole_lines<S>(g.c);
  sweep(g, terms(rows_of(g), true, g.w * g.c, g.k_w * step), terms(columns_of(g), true, g.c, step), x, g.h * g.w * g.c,
        weight, bias, y);
}

template <class S>
void conv_transpose_depthwise(const Conv& g, const S* y, const S* weight, const S* bias, S* x) {
  const int64_t step = whole_lines<S>(g.c);
  sweep(g, terms(rows_of(g), false, g.y_w * g.c, g.k_w * step), terms(columns_of(g), false, g.c, step), y,
        g.y_h * g.y_w * g.c, weight, bias, x);
}

// Rows of all images in some parts, each of which sums for itself; the sums are then added in their order.
template <class S>
void conv_weight_depthwise(const Conv& g, const S* x, const S* y, S* weight) {
  using L = Lanes<S>;
  const int64_t c = g.c, taps = g.k_h * g.k_w, step = whole_lines<S>(c), all_rows = g.n * g.y_h;
  const Axis axis_h = rows_of(g), axis_w = columns_of(g);
  const Terms rows = terms(axis_h, true, g.w * c, g.k_w * step);
  const S *x_end = x + g.n * g.h * g.w * c, *y_end = y + all_rows * g.y_w * c;
  const int64_t parts = std::clamp<int64_t>(all_rows, 1, 16), work = all_rows * g.y_w * c * taps;
  std::vector<S> sums(static_cast<size_t>(parts * taps * step));
  parallel_for(parts, work < 1 << 18 ? parts : 1, [&](int64_t begin, int64_t end) {
    for (int64_t part = begin; part < end; ++part)
      for (int64_t row = part * all_rows / parts; row < (part + 1) * all_rows / parts; ++row) {
        const S *up = y + row * g.y_w * c, *image = x + row / g.y_h * g.h * g.w * c;
        S* to = sums.data() + part * taps * step;
        each_block<S>(
            c, [&]<int lines>(int64_t k) __attribute__((always_inline)) {
              const auto load = [&](const S* p, int l, const S* last) {
                return lines > 1 ? L::load(p + k + l * L::size) : read(p + k, c - k, last);
              };
              for (const Term& a : rows[static_cast<size_t>(row % g.y_h)])
                for (int64_t b = 0; b < g.k_w; ++b) {
                  const auto [j0, j1] = axis_w.joined(b);
                  L total[lines];
                  for (int l = 0; l < lines; ++l) total[l] = 0.0;
                  for (int64_t j = j0; j < j1; ++j)
                    for (int l = 0; l < lines; ++l)
                      total[l] += load(up + j * c, l, y_end) * load(image + a.from + axis_w.x_of(j, b) * c, l, x_end);
                  S* sum = to + a.weight + b * step + k;
                  for (int l = 0; l < lines; ++l) (L::load(sum + l * L::size) + total[l]).store(sum + l * L::size);
                }
            });
      }
  });
  for (int64_t k = 0; k < c; ++k)
    for (int64_t tap = 0; tap < taps; ++tap) {
      S sum = 0;
      for (int64_t part = 0; part < parts; ++part) sum += sums[static_cast<size_t>((part * taps + tap) * step + k)];
      weight[k * taps + tap] = sum;
    }
}

#define CAIRN_DEPTHWISE(S)                                                               \
  template void conv_depthwise(const Conv&, const S*, const S*, const S*, S*);           \
  template void conv_transpose_depthwise(const Conv&, const S*, const S*, const S*, S*); \
  template void conv_weight_depthwise(const Conv&, const S*, const S*, S*);
CAIRN_DEPTHWISE(float)
CAIRN_DEPTHWISE(double)
#undef CAIRN_DEPTHWISE

}  // namespace cairn::kernels
