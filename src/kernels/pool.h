#pragma once
// Pooling of images with channels side by side (n, h, w, c in memory). S is float or double. Every number is computed by
// one task and in one order, so results have the same bits on any number of threads.

#include <cstdint>
#include <vector>

namespace cairn::kernels {

/// The windows along one dimension: window i sees places begin[i], begin[i] + step, … below end[i], all inside the image
/// (none where begin[i] ≥ end[i]); an average divides by divisor[i] (of the other dimension too).
struct Windows {
  std::vector<int64_t> begin, end;
  std::vector<double> divisor;
  int64_t step = 1;
  int64_t count() const { return static_cast<int64_t>(begin.size()); }
  /// Places in the widest window, at least 1.
  int64_t widest() const;
};

/// Sizes of the images that are pooled.
struct Images {
  int64_t n, c, h, w;
};

/// y = the largest of each window, at = which of its places (row · widest + column) that was, the first one; NaN is
/// larger than all, and the largest of nothing is −∞. I is uint8_t or int64_t.
template <class S, class I>
void max_pool(const Images& x_size, const Windows& h, const Windows& w, const S* x, S* y, I* at);

/// y = what stands in x at those places, 0 for windows of nothing; x = the sums of what y holds for each place.
template <class S, class I>
void pick(const Images& x_size, const Windows& h, const Windows& w, const S* x, const I* at, S* y);
template <class S, class I>
void unpick(const Images& x_size, const Windows& h, const Windows& w, const S* y, const I* at, S* x);

/// y = the mean of each window, and the transpose of that map. Rows are summed first, then their sums: rounding errors
/// grow with the height and width of a window, and not with its area.
template <class S>
void avg_pool(const Images& x_size, const Windows& h, const Windows& w, const S* x, S* y);
template <class S>
void avg_pool_transpose(const Images& x_size, const Windows& h, const Windows& w, const S* y, S* x);

}  // namespace cairn::kernels
