#pragma once
// Distances between rows of x (rows, d) and m points, from differences. The points are packed: panels of one line of
// points each, coordinate by coordinate, so that a kernel reads them in order. S is float or double.

#include <cstdint>

namespace cairn::kernels {

/// Numbers in the panels of m points.
template <class S>
int64_t packed_size(int64_t m, int64_t d);
/// points (m, d) → panels; lines are filled up with 0.
template <class S>
void pack_points(const S* points, int64_t m, int64_t d, S* panels);

/// q[i][j] = ‖x_i − p_j‖² · scale[j]; scale may be null.
template <class S>
void squared_distances(const S* x, int64_t rows, const S* panels, const S* scale, int64_t m, int64_t d, S* q);

/// y[i] = Σ_j a[i][j] (x_i − p_j): the gradient of the sum of a ∘ q / 2.
template <class S>
void weighted_differences(const S* x, const S* a, int64_t rows, const S* panels, int64_t m, int64_t d, S* y);

/// The point nearest to each row, the first of equal ones, and the squared distance. m ≥ 1.
template <class S>
void nearest_points(const S* x, int64_t rows, const S* panels, int64_t m, int64_t d, int64_t* index, S* square);

}  // namespace cairn::kernels
