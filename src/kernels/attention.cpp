#include "kernels/attention.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "cairn/base/threads.h"
#include "cairn/math/exp.h"
#include "kernels/gemm.h"
#include "kernels/tail.h"
#include "kernels/tile.h"

namespace cairn::kernels {
namespace {

// Of a block: scores for so many queries and keys are worked on while they are in the second-level cache.
constexpr int64_t block = 128;
constexpr int64_t words = 64;  // random ones that are made at once
static_assert(block % words == 0);

template <class S>
constexpr S infinity = std::numeric_limits<S>::infinity();

template <class S>
HeadRows<S> of_head(HeadRows<S> x, int64_t n, int64_t head) {
  x.data += n * x.n + head * x.head;
  return x;
}
template <class S>
S* row_of(const HeadRows<S>& x, int64_t i) {
  return x.data + i * x.row;
}
template <class S>
Matrix<S> rows_from(const HeadRows<const S>& x, int64_t i) {
  return {row_of(x, i), x.row, 1};
}
template <class S>
Matrix<S> columns_from(const HeadRows<const S>& x, int64_t i) {
  return {row_of(x, i), 1, x.row};
}

// One head's queries [i, i + rows) and keys [j, j + columns).
template <class S>
struct Block {
  const Attention<S>& a;
  int64_t n, head, i, rows, j, columns;
  int64_t index() const { return n * a.heads + head; }

  /// s = q kᵀ; rows `block` apart.
  void products(const HeadRows<const S>& q, const HeadRows<const S>& k, int64_t width, S* s) const {
    gemm(rows, columns, width, rows_from(q, i), columns_from(k, j), s, block);
  }

  /// What is added to the scores of row r; null for nothing. A row that is as the one before is left as it is.
  const S* added(int64_t r, S* line) const {
    const ScoreMask<S>& m = a.mask;
    if (!m.added && !m.allowed) return nullptr;
    if (r > 0 && m.row == 0) return line;
    const int64_t at = n * m.n + head * m.head + (i + r) * m.row + j * m.column;
    if (m.added)
      for (int64_t c = 0; c < columns; ++c) line[c] = m.added[at + c * m.column];
    else
      for (int64_t c = 0; c < columns; ++c) line[c] = m.allowed[at + c * m.column] ? S(0) : -infinity<S>;
    return line;
  }

  /// Makes scores of the products of row r, in place, and returns the largest. NaN is passed over: the exponentials hand it
  /// on.
  [[gnu::flatten]] S scores(int64_t r, S* s, const S* added) const {
    const int64_t seen = a.causal ? i + r + 1 - j : columns;
    const Lanes<S> factor = a.scale;
    Lanes<S> top = -infinity<S>;
    each_line<S>(columns, [&](int64_t c, int64_t count) {
      Lanes<S> v = Lanes<S>::load(s + c) * factor;
      if (added) v = v + Lanes<S>::load(added + c);
      v = keep_first(v, std::min(count, seen - c), -infinity<S>);
      v.store(s + c);
      top = where(v > top, v, top);
    });
    return top.max();
  }

  /// The factors of dropout of row r.
  void drop(int64_t r, S* factors) const {
    if (!a.dropped) return;
    for (int64_t c = 0; c < columns; c += words)
      a.dropout.factors(index() * a.queries + i + r, a.keys, j + c, factors + c);
  }
};

template <class S>
void scale_row(S* y, int64_t n, S factor) {
  for (int64_t c = 0; c < n; ++c) y[c] *= factor;
}

// Pieces of work worth a thread.
int64_t grain_of(int64_t multiplications) {
  return std::max<int64_t>(1, 500'000 / std::max<int64_t>(1, multiplications));
}

// Room for the scores of a block, its rows a whole number of lines.
template <class S>
struct Scores {
  Scratch<S> room{block * block};
  S* operator[](int64_t r) { return room.data() + r * block; }
};

template <class S>
struct Forward {
  const Attention<S>& a;
  HeadRows<const S> q, k, v;
  HeadRows<S> y;
  S* sums;
  Scores<S> s{};

  void queries(int64_t n, int64_t head, int64_t i) {
    const int64_t rows = std::min(block, a.queries - i), seen = a.causal ? std::min(a.keys, i + rows) : a.keys;
    const auto q_h = of_head(q, n, head), k_h = of_head(k, n, head), v_h = of_head(v, n, head);
    const auto y_h = of_head(y, n, head);
    S top[block], sum[block];
    std::fill_n(top, rows, -infinity<S>);
    std::fill_n(sum, rows, S(0));
    for (int64_t j = 0; j < seen; j += block) {
      const Block<S> b{a, n, head, i, rows, j, std::min(block, seen - j)};
      b.products(q_h, k_h, a.width, s[0]);
      alignas(64) S line[block] = {}, factors[block];
      for (int64_t r = 0; r < rows; ++r) {
        const S largest = b.scores(r, s[r], b.added(r, line));
        const S now = std::max(top[r], largest), shift = now == -infinity<S> ? S(0) : now;
        const S kept = std::exp(top[r] - shift);
        top[r] = now;
        sum[r] = sum[r] * kept + exponentials(b, r, shift, factors);
        if (j > 0 && kept != 1) scale_row(row_of(y_h, i + r), a.value_width, kept);
      }
      gemm(rows, a.value_width, b.columns, Matrix<S>{s[0], block, 1}, rows_from(v_h, j), row_of(y_h, i), y_h.row,
           {.accumulate = j > 0});
    }
    for (int64_t r = 0; r < rows; ++r) {
      S* to = row_of(y_h, i + r);
      S* of_row = sums + ((n * a.heads + head) * a.queries + i + r) * 2;
      of_row[0] = sum[r] == 0 ? 0 : top[r];
      of_row[1] = sum[r] == 0 ? 0 : 1 / sum[r];
      if (sum[r] == 0)
        std::fill_n(to, a.value_width, S(0));
      else
        scale_row(to, a.value_width, of_row[1]);
    }
  }

  // s = exp(s − shift), with dropout; returns the sum before that.
  [[gnu::flatten]] S exponentials(const Block<S>& b, int64_t r, S shift, S* factors) {
    const Lanes<S> off = shift;
    Lanes<S> total = 0.0;
    b.drop(r, factors);
    each_line<S>(b.columns, [&](int64_t c, int64_t) {
      const Lanes<S> e = detail::exp_of_negative(Lanes<S>::load(s[r] + c) - off);
      total += e;
      (a.dropped ? e * Lanes<S>::load(factors + c) : e).store(s[r] + c);
    });
    return total.sum();
  }
};

template <class S>
struct Gradient {
  const Attention<S>& a;
  HeadRows<const S> q, k, v, y;
  const S* sums;
  HeadRows<const S> g;
  HeadRows<S> dk, dv;
  Scores<S> s{}, d{};

  // Of keys [j, j + block): their own gradients, and what they add to that of all queries.
  void keys(int64_t n, int64_t head, int64_t j, const HeadRows<S>& dq_h, bool first) {
    const auto q_h = of_head(q, n, head), k_h = of_head(k, n, head), v_h = of_head(v, n, head),
               y_h = of_head(y, n, head), g_h = of_head(g, n, head);
    const auto dk_h = of_head(dk, n, head), dv_h = of_head(dv, n, head);
    const int64_t columns = std::min(block, a.keys - j), from = a.causal ? j : 0;
    bool accumulate = false;
    for (int64_t i = from; i < a.queries; i += block) {
      const Block<S> b{a, n, head, i, std::min(block, a.queries - i), j, columns};
      b.products(q_h, k_h, a.width, s[0]);
      b.products(g_h, v_h, a.value_width, d[0]);
      alignas(64) S line[block] = {}, factors[block];
      for (int64_t r = 0; r < b.rows; ++r) {
        b.scores(r, s[r], b.added(r, line));
        row(b, r, dot(row_of(g_h, i + r), row_of(y_h, i + r)), factors);
      }
      const Matrix<S> shares{s[0], 1, block}, slopes{d[0], 1, block};  // transposed
      gemm(columns, a.value_width, b.rows, shares, rows_from(g_h, i), row_of(dv_h, j), dv_h.row,
           {.accumulate = accumulate});
      gemm(columns, a.width, b.rows, slopes, rows_from(q_h, i), row_of(dk_h, j), dk_h.row, {.accumulate = accumulate});
      gemm(b.rows, a.width, columns, Matrix<S>{d[0], block, 1}, rows_from(k_h, j), row_of(dq_h, i), dq_h.row,
           {.accumulate = !first});
      accumulate = true;
    }
    if (accumulate) return;
    for (int64_t c = j; c < j + columns; ++c) {  // no query sees them
      std::fill_n(row_of(dk_h, c), a.width, S(0));
      std::fill_n(row_of(dv_h, c), a.value_width, S(0));
    }
  }

  [[gnu::flatten]] S dot(const S* x, const S* z) const {
    LineSum<S> total;
    each_line<S>(a.value_width, [&](int64_t c, int64_t count) {
      total += load_tail(x + c, count, x + a.value_width) * load_tail(z + c, count, z + a.value_width);
    });
    return total.sum();
  }

  // s holds scores and d the gradient of the shares; then s the shares, and d the gradient of the products.
  [[gnu::flatten]] void row(const Block<S>& b, int64_t r, S along, S* factors) {
    const S* sum = sums + (b.index() * a.queries + b.i + r) * 2;
    const Lanes<S> off = sum[0], part = sum[1], mean = along, factor = a.scale;
    b.drop(r, factors);
    each_line<S>(b.columns, [&](int64_t c, int64_t) {
      const Lanes<S> share = detail::exp_of_negative(Lanes<S>::load(s[r] + c) - off) * part;
      Lanes<S> up = Lanes<S>::load(d[r] + c), out = share;
      if (a.dropped) {
        const Lanes<S> z = Lanes<S>::load(factors + c);
        up *= z;
        out *= z;
      }
      out.store(s[r] + c);
      (share * (up - mean) * factor).store(d[r] + c);
    });
  }
};

}  // namespace

template <class S>
void ScoreDropout<S>::factors(int64_t row, int64_t keys, int64_t first, S* factors) const {
  alignas(64) uint32_t random[words];
  stream.sixteen_blocks(position + static_cast<uint64_t>(blocks(row, keys) + first / 4), random);
  for (int64_t c = 0; c < words; ++c) factors[c] = random[c] >= threshold ? scale : S(0);
}
template struct ScoreDropout<float>;
template struct ScoreDropout<double>;

template <class S>
void attention(const Attention<S>& a, HeadRows<const S> q, HeadRows<const S> k, HeadRows<const S> v, HeadRows<S> y,
               S* sums) {
  const int64_t blocks = ceil_div(a.queries, block);
  const int64_t work = std::min(block, a.queries) * a.keys * (a.width + a.value_width);
  parallel_for(a.n * a.heads * blocks, grain_of(work), [&](int64_t begin, int64_t end) {
    Forward<S> forward{a, q, k, v, y, sums};
    for (int64_t t = begin; t < end; ++t)
      forward.queries(t / blocks / a.heads, t / blocks % a.heads, t % blocks * block);
  });
}
template void attention(const Attention<float>&, HeadRows<const float>, HeadRows<const float>, HeadRows<const float>,
                        HeadRows<float>, float*);
template void attention(const Attention<double>&, HeadRows<const double>, HeadRows<const double>,
                        HeadRows<const double>, HeadRows<double>, double*);

template <class S>
void attention_gradient(const Attention<S>& a, HeadRows<const S> q, HeadRows<const S> k, HeadRows<const S> v,
                        HeadRows<const S> y, const S* sums, HeadRows<const S> g, HeadRows<S> dq, HeadRows<S> dk,
                        HeadRows<S> dv) {
  // Where heads are few their keys are shared out too. Each part but the first has a sum of its own for the queries; these are
  // added in order.
  constexpr int64_t enough = 16;
  const int64_t all = a.n * a.heads, blocks = ceil_div(a.keys, block), rows = all * a.queries;
  if (all == 0) return;
  const int64_t parts = std::clamp<int64_t>(ceil_div(enough, all), 1, std::max<int64_t>(1, blocks));
  Scratch<S> others((parts - 1) * rows * a.width);
  const int64_t work =
      ceil_div(blocks, parts) * std::min(block, a.keys) * a.queries * 5 * std::max(a.width, a.value_width);
  parallel_for(all * parts, grain_of(work), [&](int64_t begin, int64_t end) {
    Gradient<S> gradient{a, q, k, v, y, sums, g, dk, dv};
    for (int64_t t = begin; t < end; ++t) {
      const int64_t h = t / parts, p = t % parts;
      HeadRows<S> to = of_head(dq, h / a.heads, h % a.heads);
      if (p > 0) {
        to = {others.data() + ((p - 1) * rows + h * a.queries) * a.width, 0, 0, a.width};
        std::fill_n(to.data, a.queries * a.width, S(0));
      }
      if (a.keys == 0)
        for (int64_t i = 0; i < a.queries; ++i) std::fill_n(row_of(to, i), a.width, S(0));
      for (int64_t b = p * blocks / parts; b < (p + 1) * blocks / parts; ++b)
        gradient.keys(h / a.heads, h % a.heads, b * block, to, b == 0);
    }
  });
  if (parts > 1)
    parallel_for(rows, ceil_div(16384, parts * std::max<int64_t>(1, a.width)), [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) {
        const int64_t h = r / a.queries;
        S* to = row_of(of_head(dq, h / a.heads, h % a.heads), r % a.queries);
        for (int64_t p = 0; p < parts - 1; ++p)
          for (int64_t c = 0; c < a.width; ++c) to[c] += others.data()[(p * rows + r) * a.width + c];
      }
    });
}
template void attention_gradient(const Attention<float>&, HeadRows<const float>, HeadRows<const float>,
                                 HeadRows<const float>, HeadRows<const float>, const float*, HeadRows<const float>,
                                 HeadRows<float>, HeadRows<float>, HeadRows<float>);
template void attention_gradient(const Attention<double>&, HeadRows<const double>, HeadRows<const double>,
                                 HeadRows<const double>, HeadRows<const double>, const double*, HeadRows<const double>,
                                 HeadRows<double>, HeadRows<double>, HeadRows<double>);

}  // namespace cairn::kernels
