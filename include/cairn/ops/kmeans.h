#pragma once
// k-means clustering.

#include "cairn/base/random.h"
#include "cairn/tensor/tensor.h"

namespace cairn {

struct KMeansOptions {
  int64_t iterations = 100;  ///< Lloyd's at most; 0 leaves the centres on the points they were sown on
};

struct KMeans {
  Tensor centres;          ///< (clusters, d), of the dtype of x
  Tensor labels;           ///< (n,) i64: the nearest centre of each point, the first of equal ones
  double inertia = 0;      ///< sum of the squared distances of the points to their centres
  int64_t iterations = 0;  ///< taken
  bool converged = false;  ///< the last one changed no label
};

/// Clusters such that the squared distances to their centres add up to little: k-means++ seeding, where a point becomes
/// the next centre with a probability proportional to its squared distance to those before it (Arthur & Vassilvitskii
/// 2007), then Lloyd's iterations (Lloyd 1982), in which every centre moves to the mean of the points nearest to it. A
/// centre that no point is nearest to stays where it is. Nothing is recorded.
///   shape   x (n, d)
///   dtype   f32 or f64; distances are computed in it, means in f64
///   throws  ShapeError, DtypeError; ValueError unless 1 ≤ clusters ≤ n, and for numbers that are not finite or whose
///           squared distances are not
///   bits    the same for any number of threads
KMeans kmeans(const Tensor& x, int64_t clusters, const KMeansOptions& options = {},
              Generator& generator = default_generator());

}  // namespace cairn
