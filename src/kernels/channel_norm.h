#pragma once
// What normalisation by channel is made of, on x[rows][c] with the channels side by side. S is float or double. Work is
// cut by size only: the same bits on any number of threads.

#include <cstdint>

namespace cairn::kernels {

/// mean[j] and (biased) var[j] of column j; rows ≥ 1. One pass: shifted sums by blocks of rows, joined exactly.
template <class S>
void channel_moments(const S* x, int64_t rows, int64_t c, double* mean, double* var);

/// sum[j] = Σ g[i][j] and dot[j] = Σ g[i][j] · (x[i][j] − center[j]).
template <class S>
void channel_dots(const S* g, const S* x, const S* center, int64_t rows, int64_t c, double* sum, double* dot);

/// y[i][j] = x[i][j] · scale[j] + shift[j]
template <class S>
void channel_affine(const S* x, const S* scale, const S* shift, S* y, int64_t rows, int64_t c);

/// y[i][j] = g[i][j] · a[j] + x[i][j] · b[j] + d[j]
template <class S>
void channel_blend(const S* g, const S* a, const S* x, const S* b, const S* d, S* y, int64_t rows, int64_t c);

}  // namespace cairn::kernels
