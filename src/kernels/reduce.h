#pragma once
// Reductions of x[outer][n][inner], row-major, over the middle to y[outer][inner]. Work is cut into blocks by size
// only, and partial results are combined level by level in their order: the same bits on any number of threads, and
// errors that grow with the logarithm of n.

#include <cstdint>

namespace cairn::kernels {

struct Extent {
  int64_t outer, n, inner;
};

enum class Fold { sum, sum_of_squares, prod, max, min };

/// S is float or double. max and min hand NaN on and need n ≥ 1.
template <class S>
void fold(Fold op, const S* x, S* y, Extent e);

/// T is int64_t or bool; sum of squares is not offered.
template <class T>
void fold_whole(Fold op, const T* x, int64_t* y, Extent e);

/// y = whether any (all) of x is not zero; any element type.
template <class T>
void fold_truth(bool all, const T* x, bool* y, Extent e);

/// index[outer][inner] = the first place in n where x is the value of that row (or NaN, when the value is NaN).
template <class T>
void find_first(const T* x, const T* value, int64_t* index, Extent e);

/// dx = g · the product of all others.
template <class S>
void prod_gradient(const S* x, const S* g, S* dx, int64_t outer, int64_t n);

}  // namespace cairn::kernels
