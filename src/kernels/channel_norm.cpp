#include "kernels/channel_norm.h"

#include <algorithm>
#include <vector>

#include "cairn/base/threads.h"
#include "kernels/tile.h"

namespace cairn::kernels {
namespace {

constexpr int strip = 4;  // vectors of columns that are worked on at once: enough to hide latency

// `fold` rows of c numbers seen as one row, so that any number of channels fills whole vectors.
template <class S>
struct Columns {
  int64_t fold = 1, width_;
  explicit Columns(int64_t c) {
    while (fold * c % width<S> != 0 || (fold * c < strip * width<S> && fold < width<S>)) fold *= 2;
    width_ = fold * c;
  }
};

// Rows in a block: a block has some work in it, and there are not too many of them.
int64_t block_rows(int64_t rows, int64_t c, int64_t fold) {
  const int64_t least = std::max<int64_t>(1, 16384 / std::max<int64_t>(1, c)), most_blocks = 64;
  const int64_t wanted = std::max(least, ceil_div(rows, most_blocks));
  return ceil_div(wanted, fold) * fold;
}

// per-channel numbers repeated for each of the rows that are seen as one
template <class S>
std::vector<S> repeated(const S* from, int64_t c, int64_t fold) {
  std::vector<S> all(static_cast<size_t>(c * fold));
  for (int64_t i = 0; i < fold; ++i) std::copy_n(from, c, all.data() + i * c);
  return all;
}

// Adds f(row offset, column, vectors…) over folded rows to two sums a column: f gives the two terms of V vectors.
template <class S, class F>
void two_sums(int64_t folded, int64_t width_c, F f, S* first, S* second) {
  constexpr int64_t w = width<S>;
  const auto run = [&]<int V>(int64_t j) {
    Vector<S> a[V] = {}, b[V] = {};
    for (int64_t i = 0; i < folded; ++i)
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) f(i * width_c + j + v * w, j + v * w, a[v], b[v]);
    for (int v = 0; v < V; ++v) store(first + j + v * w, a[v]), store(second + j + v * w, b[v]);
  };
  int64_t j = 0;
  for (; j + strip * w <= width_c; j += strip * w) run.template operator()<strip>(j);
  for (; j < width_c; j += w) run.template operator()<1>(j);
}

}  // namespace

template <class S>
void channel_moments(const S* x, int64_t rows, int64_t c, double* mean, double* var) {
  const Columns<S> columns(c);
  const int64_t block = block_rows(rows, c, columns.fold), blocks = ceil_div(rows, block);
  std::vector<double> means(static_cast<size_t>(blocks * c)), squares(means.size());
  parallel_for(blocks, 1, [&](int64_t begin, int64_t end) {
    const auto wide = static_cast<size_t>(columns.width_);
    std::vector<S> sums(wide), sums2(wide);
    for (int64_t b = begin; b < end; ++b) {
      const int64_t count = std::min(rows - b * block, block), folded = count / columns.fold;
      const S* from = x + b * block * c;
      // Sums about the first row, which is near the mean as a rule, so that little cancels; where it was not (the edge
      // of an image), once more about the mean just found.
      std::vector<S> center(from, from + c);
      bool far = true;
      for (int round = 0; round < 2 && far; ++round) {
        const std::vector<S> shift = repeated(center.data(), c, columns.fold);
        two_sums<S>(
            folded, columns.width_,
            [&](int64_t at, int64_t j, Vector<S>& sum, Vector<S>& square) {
              const Vector<S> d = load(from + at) - load(shift.data() + j);
              sum += d;
              square += d * d;
            },
            sums.data(), sums2.data());
        far = false;
        for (int64_t j = 0; j < c; ++j) {
          double sum = 0, square = 0;
          for (int64_t k = 0; k < columns.fold; ++k)
            sum += double(sums[size_t(k * c + j)]), square += double(sums2[size_t(k * c + j)]);
          for (int64_t i = folded * columns.fold; i < count; ++i) {
            const double d = double(from[i * c + j]) - double(center[size_t(j)]);
            sum += d, square += d * d;
          }
          const double off = sum / double(count), about_mean = square - sum * off;
          means[size_t(b * c + j)] = double(center[size_t(j)]) + off;
          squares[size_t(b * c + j)] = about_mean;
          far = far || off * off * double(count) > 16 * about_mean;  // four deviations
          center[size_t(j)] = static_cast<S>(means[size_t(b * c + j)]);
        }
      }
    }
  });
  for (int64_t j = 0; j < c; ++j) {  // blocks joined in their order (Chan, Golub and LeVeque 1979)
    double n = 0, m = 0, s = 0;
    for (int64_t b = 0; b < blocks; ++b) {
      const auto count = static_cast<double>(std::min(rows - b * block, block));
      const double d = means[size_t(b * c + j)] - m;
      s += squares[size_t(b * c + j)] + d * d * n * count / (n + count);
      m += d * count / (n + count);
      n += count;
    }
    mean[j] = m;
    var[j] = std::max(s / n, 0.0);  // in this order NaN stays
  }
}

template <class S>
void channel_dots(const S* g, const S* x, const S* center, int64_t rows, int64_t c, double* sum, double* dot) {
  const Columns<S> columns(c);
  const int64_t block = block_rows(rows, c, columns.fold), blocks = ceil_div(rows, block);
  std::vector<double> sums(static_cast<size_t>(blocks * c)), dots(sums.size());
  const std::vector<S> centers = repeated(center, c, columns.fold);
  parallel_for(blocks, 1, [&](int64_t begin, int64_t end) {
    const auto wide = static_cast<size_t>(columns.width_);
    std::vector<S> first(wide), second(wide);
    for (int64_t b = begin; b < end; ++b) {
      const int64_t count = std::min(rows - b * block, block), folded = count / columns.fold;
      const S *from = x + b * block * c, *up = g + b * block * c;
      two_sums<S>(
          folded, columns.width_,
          [&](int64_t at, int64_t j, Vector<S>& s, Vector<S>& d) {
            const Vector<S> u = load(up + at);
            s += u;
            d += u * (load(from + at) - load(centers.data() + j));
          },
          first.data(), second.data());
      for (int64_t j = 0; j < c; ++j) {
        double s = 0, d = 0;
        for (int64_t k = 0; k < columns.fold; ++k)
          s += double(first[size_t(k * c + j)]), d += double(second[size_t(k * c + j)]);
        for (int64_t i = folded * columns.fold; i < count; ++i) {
          s += double(up[i * c + j]);
          d += double(up[i * c + j]) * (double(from[i * c + j]) - double(center[j]));
        }
        sums[size_t(b * c + j)] = s, dots[size_t(b * c + j)] = d;
      }
    }
  });
  for (int64_t j = 0; j < c; ++j) {
    sum[j] = dot[j] = 0;
    for (int64_t b = 0; b < blocks; ++b) sum[j] += sums[size_t(b * c + j)], dot[j] += dots[size_t(b * c + j)];
  }
}

namespace {

// y = f(place, column) over all rows; `one` does the rows that fill no vector.
template <class S, class F, class One>
void each_place(S* y, int64_t rows, int64_t c, const Columns<S>& columns, F f, One one) {
  const int64_t block = block_rows(rows, c, columns.fold);
  parallel_for(rows, block, [&](int64_t begin, int64_t end) {
    const int64_t folded = (end - begin) / columns.fold;
    int64_t at = begin * c;
    for (int64_t i = 0; i < folded; ++i, at += columns.width_)
      for (int64_t j = 0; j < columns.width_; j += width<S>) store(y + at + j, f(at + j, j));
    for (; at < end * c; at += c)
      for (int64_t j = 0; j < c; ++j) y[at + j] = one(at + j, j);
  });
}

}  // namespace

template <class S>
void channel_affine(const S* x, const S* scale, const S* shift, S* y, int64_t rows, int64_t c) {
  const Columns<S> columns(c);
  const std::vector<S> a = repeated(scale, c, columns.fold), b = repeated(shift, c, columns.fold);
  each_place<S>(
      y, rows, c, columns,
      [&](int64_t at, int64_t j) -> Vector<S> { return load(x + at) * load(a.data() + j) + load(b.data() + j); },
      [&](int64_t at, int64_t j) { return x[at] * scale[j] + shift[j]; });
}

template <class S>
void channel_blend(const S* g, const S* a, const S* x, const S* b, const S* d, S* y, int64_t rows, int64_t c) {
  const Columns<S> columns(c);
  const std::vector<S> as = repeated(a, c, columns.fold), bs = repeated(b, c, columns.fold),
                       ds = repeated(d, c, columns.fold);
  each_place<S>(
      y, rows, c, columns,
      [&](int64_t at, int64_t j) -> Vector<S> {
        return load(g + at) * load(as.data() + j) + (load(x + at) * load(bs.data() + j) + load(ds.data() + j));
      },
      [&](int64_t at, int64_t j) { return g[at] * a[j] + (x[at] * b[j] + d[j]); });
}

#define CAIRN_CHANNEL_NORM(S)                                                                   \
  template void channel_moments(const S*, int64_t, int64_t, double*, double*);                  \
  template void channel_dots(const S*, const S*, const S*, int64_t, int64_t, double*, double*); \
  template void channel_affine(const S*, const S*, const S*, S*, int64_t, int64_t);             \
  template void channel_blend(const S*, const S*, const S*, const S*, const S*, S*, int64_t, int64_t);
CAIRN_CHANNEL_NORM(float)
CAIRN_CHANNEL_NORM(double)
#undef CAIRN_CHANNEL_NORM

}  // namespace cairn::kernels
