#pragma once
// Normalisation of rows of n numbers, one pass a row while it is in cache. S is float or double.

#include <cstdint>

namespace cairn::kernels {

/// y = (x − mean) · rstd · weight + bias; mean and rstd = 1 / √(var + eps) of each row are kept for the gradient.
template <class S>
void layer_norm(const S* x, const S* weight, const S* bias, S* y, S* mean, S* rstd, int64_t rows, int64_t n, S eps);

/// Gradients of x, weight and bias.
template <class S>
void layer_norm_gradient(const S* x, const S* weight, const S* mean, const S* rstd, const S* g, S* dx, S* dweight,
                         S* dbias, int64_t rows, int64_t n);

/// y = x · rstd · weight with rstd = 1 / √(mean of x² + eps).
template <class S>
void rms_norm(const S* x, const S* weight, S* y, S* rstd, int64_t rows, int64_t n, S eps);
template <class S>
void rms_norm_gradient(const S* x, const S* weight, const S* rstd, const S* g, S* dx, S* dweight, int64_t rows,
                       int64_t n);

}  // namespace cairn::kernels
