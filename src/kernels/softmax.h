#pragma once
// Softmax and sparsemax of rows of n numbers, and what derives from them. S is float or double. Each row is worked on while it is in
// cache: one pass for its maximum, one for the exponentials, one to scale.

#include <cstdint>

namespace cairn::kernels {

/// y = softmax(x), or log softmax(x).
template <class S>
void softmax(bool log, const S* x, S* y, int64_t rows, int64_t n);

/// dx = y (g − Σ g y), or g − exp(y) Σ g for the logarithm.
template <class S>
void softmax_gradient(bool log, const S* y, const S* g, S* dx, int64_t rows, int64_t n);

/// y = max(x − τ, 0) with τ such that the row adds up to 1.
template <class S>
void sparsemax(const S* x, S* y, int64_t rows, int64_t n);

/// dx = g − mean of g over y > 0, and 0 elsewhere.
template <class S>
void sparsemax_gradient(const S* y, const S* g, S* dx, int64_t rows, int64_t n);

/// What cross entropy is told of a row beside its logits.
template <class S>
struct Labels {
  const int64_t* label;  // already checked
  int64_t ignore;        // rows with this label give 0
  const S* weight;       // of each class, or null
  S smoothing;           // share of the target that is spread over all classes
  S weight_sum;          // Σ weight, or n
};

/// loss[r] = −Σ t_c w_c log softmax(x)_c for the smoothed target t of row r and, unless dx is null, its gradient times
/// `scale`.
template <class S>
void cross_entropy(const S* x, const Labels<S>& labels, S scale, S* loss, S* dx, int64_t rows, int64_t n);

}  // namespace cairn::kernels
