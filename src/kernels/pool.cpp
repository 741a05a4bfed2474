#include "kernels/pool.h"

#include <algorithm>
#include <span>
#include <type_traits>

#include "kernels/channel_lines.h"

namespace cairn::kernels {

int64_t Windows::widest() const {
  int64_t most = 1;
  for (size_t i = 0; i < begin.size(); ++i) most = std::max(most, (end[i] - begin[i] + step - 1) / step);
  return most;
}

namespace {

// ---- which windows see a place ---------------------------------------------------------------------------------------

// The other way round: for each place along a dimension the windows that see it, in order.
class Seen {
 public:
  struct By {
    int64_t offset;  // of the window's result
    int64_t number;  // of the place in the window
    double share;    // of the window's mean that is the place's
  };

  /// offset  from one window to the next; number  from one place in a window to the next
  Seen(const Windows& windows, int64_t size, int64_t offset, int64_t number) : first_(static_cast<size_t>(size) + 1) {
    each(windows, [&](size_t place, size_t, int64_t) { ++first_[place + 1]; });
    for (size_t p = 1; p < first_.size(); ++p) first_[p] += first_[p - 1];
    by_.resize(first_.back());
    std::vector<size_t> next = first_;
    each(windows, [&](size_t place, size_t window, int64_t count) {
      by_[next[place]++] = {static_cast<int64_t>(window) * offset, count * number, 1 / windows.divisor[window]};
    });
  }
  std::span<const By> operator[](int64_t place) const {
    const size_t first = first_[static_cast<size_t>(place)];
    return {by_.data() + first, first_[static_cast<size_t>(place) + 1] - first};
  }

 private:
  template <class F>
  static void each(const Windows& windows, F f) {
    for (size_t i = 0; i < windows.begin.size(); ++i) {
      int64_t count = 0;
      for (int64_t p = windows.begin[i]; p < windows.end[i]; p += windows.step) f(static_cast<size_t>(p), i, count++);
    }
  }

  std::vector<By> by_;
  std::vector<size_t> first_;  // those of place p begin at by_[first_[p]]
};

// One window of many; a copy, which stores through pointers cannot change.
struct Range {
  int64_t begin, end, step;
  double divisor;
  Range(const Windows& windows, int64_t i)
      : begin(windows.begin[static_cast<size_t>(i)]),
        end(windows.end[static_cast<size_t>(i)]),
        step(windows.step),
        divisor(windows.divisor[static_cast<size_t>(i)]) {}
};

int64_t work_of(const Images& g, const Windows& h, const Windows& w) {
  return h.widest() * w.widest() * w.count() * g.c;
}

// ---- numbers of places -----------------------------------------------------------------------------------------------

// As wide as S so that masks fit: bit patterns in a line.
template <class S>
using Places = detail::Bits<S>;

template <class S>
[[gnu::always_inline]] inline Places<S> places(int64_t number) {
  return static_cast<typename Places<S>::Word>(number);
}

template <class S, class I>
struct PlacesInMemory {
  static constexpr int64_t size = Lanes<S>::size, each = size / detail::parts;
  template <class T>
  struct Few {
    typedef T Vector __attribute__((vector_size(each * sizeof(T))));
  };
  typedef I Vector __attribute__((vector_size(each * sizeof(I)), aligned(alignof(I)), may_alias));

  [[gnu::always_inline]] static Places<S> read(const I* p, int64_t n, const I* end) {
    if (end - p >= size) return read_whole(p);
    I line[size] = {};
    std::copy_n(p, std::min<int64_t>(n, end - p), line);
    return read_whole(line);
  }
  [[gnu::always_inline]] static void write(Places<S> v, I* p, const I* end) {
    if (end - p >= size) return write_whole(v, p);
    I line[size];
    write_whole(v, line);
    std::copy_n(line, end - p, p);
  }

 private:
  // In steps: GCC 12 takes a conversion to more than twice the width apart.
  template <class V>
  [[gnu::always_inline]] static typename Places<S>::Vector widened(V v) {
    if constexpr (2 * sizeof(v[0]) < sizeof(S)) {
      using Wider = std::conditional_t<sizeof(v[0]) == 1, uint16_t, uint32_t>;
      return widened(__builtin_convertvector(v, typename Few<Wider>::Vector));
    } else {
      return __builtin_convertvector(v, typename Places<S>::Vector);
    }
  }
  [[gnu::always_inline]] static Places<S> read_whole(const I* p) {
    Places<S> v;
    for (int i = 0; i < detail::parts; ++i) v.part[i] = widened(*reinterpret_cast<const Vector*>(p + i * each));
    return v;
  }
  [[gnu::always_inline]] static void write_whole(Places<S> v, I* p) {
    for (int i = 0; i < detail::parts; ++i)
      *reinterpret_cast<Vector*>(p + i * each) = __builtin_convertvector(v.part[i], Vector);
  }
};

// ---- gradients -------------------------------------------------------------------------------------------------------

// x = for each place the sum over the windows that see it, so that every number is written once.
//   term(i, j, out, left, whole)  what window (i, j) gives to a line of channels: `out` is where they stand in the results,
//                                 `left` how many there are, and `whole` says that they fill the line
template <class S, class F>
void gather(const Images& g, const Windows& h, const Windows& w, S* x, F term) {
  using L = Lanes<S>;
  const int64_t row_size = w.count() * g.c, image_size = h.count() * row_size;
  const Seen by_rows(h, g.h, row_size, w.widest()), by_columns(w, g.w, g.c, 1);
  each_row(g.n, g.h, g.w * g.c, [&](int64_t image, int64_t a) {
    const int64_t c = g.c, width = g.w, from = image * image_size;
    const S* to_end = x + (image * g.h + a + 1) * width * c;
    const std::span<const Seen::By> rows = by_rows[a];
    S* to = x + (image * g.h + a) * width * c;
    for (int64_t b = 0; b < width; ++b, to += c) {
      const std::span<const Seen::By> columns = by_columns[b];
      each_block<S>(
          c, [&]<int lines>(int64_t k) __attribute__((always_inline)) {
            L total[lines];
            for (int l = 0; l < lines; ++l) total[l] = 0.0;
            for (const Seen::By& i : rows)
              for (const Seen::By& j : columns)
                for (int l = 0; l < lines; ++l)
                  total[l] += term(i, j, from + i.offset + j.offset + k + l * L::size, c - k, lines > 1);
            for (int l = 0; l < lines; ++l) write(total[l], to + k + l * L::size, to_end);
          });
    }
  });
}

}  // namespace

// ---- the largest -----------------------------------------------------------------------------------------------------

template <class S, class I>
void max_pool(const Images& g, const Windows& h, const Windows& w, const S* x, S* y, I* at) {
  using L = Lanes<S>;
  const S* x_end = x + g.n * g.h * g.w * g.c;
  each_row(g.n, h.count(), work_of(g, h, w), [&, widest = w.widest()](int64_t image, int64_t i) {
    const Range rows(h, i);
    const int64_t c = g.c, width = g.w * c, count = w.count(), row = (image * h.count() + i) * count * c;
    const S *from = x + image * g.h * width, *y_end = y + row + count * c;
    const I* at_end = at + row + count * c;
    for (int64_t j = 0; j < count; ++j) {
      const Range columns(w, j);
      each_block<S>(
          c, [&]<int lines>(int64_t k) __attribute__((always_inline)) {
            L best[lines], place[lines];
            for (int l = 0; l < lines; ++l) best[l] = -INFINITY, place[l] = places<S>(0).number();
            int64_t above = 0;
            for (int64_t a = rows.begin; a < rows.end; a += rows.step, above += widest) {
              int64_t number = above;
              for (int64_t b = columns.begin; b < columns.end; b += columns.step, ++number) {
                const S* p = from + a * width + b * c + k;
                const L here = places<S>(number).number();
                for (int l = 0; l < lines; ++l) {
                  const L v = lines > 1 ? L::load(p + l * L::size) : read(p, c - k, x_end);
                  const Mask<S> larger = (best[l] == best[l]) & !(v <= best[l]);  // NaN is, but not than NaN
                  best[l] = where(larger, v, best[l]);
                  place[l] = where(larger, here, place[l]);
                }
              }
            }
            const int64_t out = row + j * c + k;
            for (int l = 0; l < lines; ++l) {
              write(best[l], y + out + l * L::size, y_end);
              PlacesInMemory<S, I>::write(Places<S>(place[l]), at + out + l * L::size, at_end);
            }
          });
    }
  });
}

template <class S, class I>
void pick(const Images& g, const Windows& h, const Windows& w, const S* x, const I* at, S* y) {
  each_row(g.n, h.count(), w.count() * g.c, [&, widest = w.widest()](int64_t image, int64_t i) {
    const Range rows(h, i);
    const S* from = x + image * g.h * g.w * g.c;
    for (int64_t j = 0; j < w.count(); ++j) {
      const Range columns(w, j);
      const int64_t out = ((image * h.count() + i) * w.count() + j) * g.c;
      for (int64_t k = 0; k < g.c; ++k) {
        const auto number = static_cast<int64_t>(at[out + k]);
        const int64_t a = rows.begin + number / widest * rows.step, b = columns.begin + number % widest * columns.step;
        y[out + k] = a < rows.end && b < columns.end ? from[(a * g.w + b) * g.c + k] : S(0);
      }
    }
  });
}

template <class S, class I>
void unpick(const Images& g, const Windows& h, const Windows& w, const S* y, const I* at, S* x) {
  const int64_t results = g.n * h.count() * w.count() * g.c;
  const S* y_end = y + results;
  const I* at_end = at + results;
  gather<S>(g, h, w, x, [=](const Seen::By& i, const Seen::By& j, int64_t out, int64_t left, bool whole) {
    const Places<S> place = PlacesInMemory<S, I>::read(at + out, left, at_end);
    return where(place == places<S>(i.number + j.number), whole ? Lanes<S>::load(y + out) : read(y + out, left, y_end),
                 Lanes<S>(0.0));
  });
}

// ---- the mean --------------------------------------------------------------------------------------------------------

template <class S>
void avg_pool(const Images& g, const Windows& h, const Windows& w, const S* x, S* y) {
  using L = Lanes<S>;
  const S* x_end = x + g.n * g.h * g.w * g.c;
  each_row(g.n, h.count(), work_of(g, h, w), [&](int64_t image, int64_t i) {
    const Range rows(h, i);
    const int64_t c = g.c, width = g.w * c, count = w.count();
    const S *from = x + image * g.h * width, *to_end = y + (image * h.count() + i + 1) * count * c;
    S* to = y + (image * h.count() + i) * count * c;
    for (int64_t j = 0; j < count; ++j, to += c) {
      const Range columns(w, j);
      const L divisor = rows.divisor * columns.divisor;
      each_block<S>(
          c, [&]<int lines>(int64_t k) __attribute__((always_inline)) {
            L total[lines];
            for (int l = 0; l < lines; ++l) total[l] = 0.0;
            for (int64_t a = rows.begin; a < rows.end; a += rows.step) {
              L part[lines];
              for (int l = 0; l < lines; ++l) part[l] = 0.0;
              for (int64_t b = columns.begin; b < columns.end; b += columns.step) {
                const S* p = from + a * width + b * c + k;
                for (int l = 0; l < lines; ++l) part[l] += lines > 1 ? L::load(p + l * L::size) : read(p, c - k, x_end);
              }
              for (int l = 0; l < lines; ++l) total[l] += part[l];
            }
            for (int l = 0; l < lines; ++l) write(total[l] / divisor, to + k + l * L::size, to_end);
          });
    }
  });
}

template <class S>
void avg_pool_transpose(const Images& g, const Windows& h, const Windows& w, const S* y, S* x) {
  const S* y_end = y + g.n * h.count() * w.count() * g.c;
  gather<S>(g, h, w, x, [=](const Seen::By& i, const Seen::By& j, int64_t out, int64_t left, bool whole) {
    return Lanes<S>(i.share * j.share) * (whole ? Lanes<S>::load(y + out) : read(y + out, left, y_end));
  });
}

#define CAIRN_POOL_AT(S, I)                                                                  \
  template void max_pool(const Images&, const Windows&, const Windows&, const S*, S*, I*);   \
  template void pick(const Images&, const Windows&, const Windows&, const S*, const I*, S*); \
  template void unpick(const Images&, const Windows&, const Windows&, const S*, const I*, S*);
#define CAIRN_POOL(S)                                                                  \
  CAIRN_POOL_AT(S, uint8_t)                                                            \
  CAIRN_POOL_AT(S, int64_t)                                                            \
  template void avg_pool(const Images&, const Windows&, const Windows&, const S*, S*); \
  template void avg_pool_transpose(const Images&, const Windows&, const Windows&, const S*, S*);
CAIRN_POOL(float)
CAIRN_POOL(double)
#undef CAIRN_POOL
#undef CAIRN_POOL_AT

}  // namespace cairn::kernels
