#include "kernels/gemm_dots.h"

#include <algorithm>
#include <type_traits>
#include <utility>

namespace cairn::kernels {
inline namespace CAIRN_ISA {
namespace {

// Numbers x_r · b_q of R rows and Q columns with everything along k, k ≥ one vector; each is summed in the same order.
// What lies `ahead` of the columns is asked for on the way, if anything.
template <class S, int R, int Q>
void dots(int64_t k, const S* x, int64_t x_row, const S* const* b, S (&y)[R][Q], int64_t ahead) {
  constexpr int w = width<S>;
  Vector<S> sum[R][Q] = {};
  int64_t l = 0;
  const auto add = [&](auto read) {
    Vector<S> row[R];
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r) row[r] = read(x + r * x_row);
#pragma GCC unroll 8
    for (int q = 0; q < Q; ++q) {
      Vector<S> column = read(b[q]);
      if (ahead) __builtin_prefetch(b[q] + ahead + l);
      if constexpr (R > 1) keep_loaded(column);
#pragma GCC unroll 4
      for (int r = 0; r < R; ++r) sum[r][q] += row[r] * column;
    }
  };
  for (; l + w <= k; l += w) add([l](const S* p) { return load(p + l); });
  if (l < k) {  // the last whole vector again, without what has been added
    using Truth = typename detail::Vectors<S>::Truth;
    Truth rest{};
    for (int i = 0; i < w; ++i) rest[i] = i >= w - (k - l) ? -1 : 0;
    add([&](const S* p) { return reinterpret_cast<Vector<S>>(reinterpret_cast<Truth>(load(p + k - w)) & rest); });
  }
#pragma GCC unroll 4
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 2
    for (int q = 0; q < Q; q += 4) {
      S line[std::max(w, 4)];
      if constexpr (w >= 4)
        store(line, sums_of<S>(&sum[r][q], std::make_index_sequence<w>()));
      else
        for (int i = 0; i < 4; ++i) line[i] = sum[r][q + i][0] + sum[r][q + i][1];
      std::copy(line, line + 4, y[r] + q);
    }
}

}  // namespace

template <class S>
void few_dots(const Task<S>& t) {
  constexpr int tall = tile_rows >= 8 ? 4 : 2;  // rows whose sums with four columns the registers hold
  const bool again = t.m >= 2 * tall;           // then there is time to ask for the next columns
  for (int64_t j = 0; j < t.n; j += 8) {
    const S* b[8];
    for (int64_t q = 0; q < 8; ++q) b[q] = t.b.data + std::min(j + q, t.n - 1) * t.b.col;
    const auto block = [&]<int R, int Q>(int64_t i, int64_t first) {
      S y[R][Q];
      dots<S, R, Q>(t.k, t.a.data + i * t.a.row, t.a.row, b + first, y, R == tall && i == 0 && again ? 8 * t.b.col : 0);
      const int64_t columns = std::min<int64_t>(Q, t.n - j - first);
      for (int64_t r = 0; r < R; ++r)
        for (int64_t q = 0; q < columns; ++q) {
          if (t.start.data) y[r][q] += t.start.data[(i + r) * t.start.row + (j + first + q) * t.start.col];
          t.c[(i + r) * t.c_row + (j + first + q) * t.c_col] = y[r][q];
        }
    };
    int64_t i = 0;
    const auto rows = [&]<int R>() {
      for (; i + R <= t.m; i += R)
        for (int64_t first = 0; first < std::min<int64_t>(8, t.n - j); first += 4)
          block.template operator()<R, 4>(i, first);
    };
    rows.template operator()<tall>();
    rows.template operator()<2>();
    for (; i < t.m; ++i) block.template operator()<1, 8>(i, 0);
  }
}

template void few_dots(const Task<float>&);
template void few_dots(const Task<double>&);

}  // namespace CAIRN_ISA
}  // namespace cairn::kernels
