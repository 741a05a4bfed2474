#pragma once
// Squared distances between points.

#include "cairn/tensor/tensor.h"

namespace cairn {

/// q[…, j] = ‖x[…] − points[j]‖² / widths[j]², as the sum of squared differences. The expansion ‖x‖² − 2 x·p + ‖p‖² would
/// be one matrix product, up to twice as fast for points of many coordinates, but leaves no right digit where
/// x and p are near each other and far from the origin: just where a radial function changes most.
///   shape   x (…, d), points (m, d), widths (m), positive, or undefined for 1 → (…, m)
///   dtype   equal, f32 or f64
///   throws  ShapeError when the sizes do not fit; DtypeError
///   grad    dx[i] = Σ_j A_ij (x_i − p_j), dp[j] = Σ_i A_ij (p_j − x_i) with A = 2 G / widths², from differences too;
///           dwidths[j] = −2 Σ_i G_ij q_ij / widths[j]; any order
///   bits    the same for any number of threads
Tensor squared_distances(const Tensor& x, const Tensor& points, const Tensor& widths = Tensor());

}  // namespace cairn
