#include "cairn/ops/kmeans.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "cairn/math/map.h"
#include "cairn/ops/compare.h"
#include "cairn/ops/reduce.h"
#include "kernels/distance.h"
#include "ops/layout.h"

namespace cairn {
namespace {

template <class S>
class Clustering {
 public:
  Clustering(const Tensor& x, int64_t clusters)
      : x_(x.pointer<S>()), n_(x.size(0)), d_(x.size(1)), clusters_(clusters), square_(static_cast<size_t>(n_)) {
    found_.centres = empty({clusters, d_}, x.dtype());
    found_.labels = empty({n_}, i64);
  }

  // Each centre in turn is a point drawn by its squared distance to the nearest one before it.
  void seed(Generator& generator) {
    // The points take the part of many here, and the one new centre that of a row.
    std::vector<S> points(static_cast<size_t>(kernels::packed_size<S>(n_, d_))), square(square_.size());
    kernels::pack_points(x_, n_, d_, points.data());
    std::fill(square_.begin(), square_.end(), std::numeric_limits<S>::infinity());
    int64_t chosen = generator.integer(n_);
    for (int64_t c = 0;; ++c) {
      std::memcpy(centre(c), x_ + chosen * d_, static_cast<size_t>(d_) * sizeof(S));
      if (c + 1 == clusters_) return;
      kernels::squared_distances<S>(centre(c), 1, points.data(), nullptr, n_, d_, square.data());
      map(
          n_, [](Lanes<S> a, Lanes<S> b) { return minimum(a, b); }, square_.data(),
          static_cast<const S*>(square_.data()), static_cast<const S*>(square.data()));
      chosen = draw(generator);
    }
  }

  void lloyd(int64_t iterations) {
    assign(labels());
    std::vector<int64_t> before(static_cast<size_t>(n_));
    for (; found_.iterations < iterations && !found_.converged; ++found_.iterations) {
      move_centres();
      std::copy_n(labels(), n_, before.begin());
      assign(labels());
      found_.converged = std::equal(before.begin(), before.end(), labels());
    }
  }

  KMeans result() {
    for (const S s : square_) found_.inertia += static_cast<double>(s);
    require_finite(found_.inertia);
    return std::move(found_);
  }

 private:
  S* centre(int64_t c) { return found_.centres.pointer<S>() + c * d_; }
  int64_t* labels() { return found_.labels.pointer<int64_t>(); }

  static void require_finite(double total) {
    require<ValueError>(std::isfinite(total), "kmeans", "squared distances overflow; scale the data");
  }

  int64_t draw(Generator& generator) {
    double total = 0;
    for (const S s : square_) total += static_cast<double>(s);
    require_finite(total);
    if (total == 0) return generator.integer(n_);  // every point has a centre on it
    const double at = generator.uniform() * total;
    double sum = 0;
    int64_t last = 0;
    for (int64_t i = 0; i < n_; ++i) {
      const S s = square_[static_cast<size_t>(i)];
      if (s > 0) last = i;
      sum += static_cast<double>(s);
      if (sum > at) return i;
    }
    return last;
  }

  void assign(int64_t* labels) {
    std::vector<S> panels(static_cast<size_t>(kernels::packed_size<S>(clusters_, d_)));
    kernels::pack_points(static_cast<const S*>(centre(0)), clusters_, d_, panels.data());
    kernels::nearest_points(x_, n_, static_cast<const S*>(panels.data()), clusters_, d_, labels, square_.data());
  }

  void move_centres() {
    std::vector<int64_t> count(static_cast<size_t>(clusters_));
    const int64_t* label = labels();
    for (int64_t i = 0; i < n_; ++i) ++count[static_cast<size_t>(label[i])];
    // Cut by coordinates: every sum runs over the points in order.
    parallel_for(d_, std::max<int64_t>(1, 16384 / n_), [&](int64_t first, int64_t last) {
      const int64_t wide = last - first;
      std::vector<double> sums(static_cast<size_t>(clusters_ * wide));
      for (int64_t i = 0; i < n_; ++i) {
        double* to = sums.data() + label[i] * wide;
        for (int64_t k = 0; k < wide; ++k) to[k] += static_cast<double>(x_[i * d_ + first + k]);
      }
      for (int64_t c = 0; c < clusters_; ++c) {
        const int64_t points = count[static_cast<size_t>(c)];
        if (points == 0) continue;
        for (int64_t k = 0; k < wide; ++k)
          centre(c)[first + k] = static_cast<S>(sums[static_cast<size_t>(c * wide + k)] / static_cast<double>(points));
      }
    });
  }

  const S* x_;
  int64_t n_, d_, clusters_;
  std::vector<S> square_;  // of each point: squared distance to its nearest centre
  KMeans found_;
};

}  // namespace

KMeans kmeans(const Tensor& x, int64_t clusters, const KMeansOptions& options, Generator& generator) {
  require(x.dim() == 2, "kmeans", "x must be (n, d)", given("x", x));
  require<DtypeError>(is_float(x.dtype()), "kmeans", "needs f32 or f64; convert with to(f32)", given("x", x));
  require<ValueError>(clusters >= 1, "kmeans", "needs at least one cluster", given("clusters", clusters));
  require<ValueError>(clusters <= x.size(0), "kmeans", "needs at least as many points as clusters", given("x", x),
                      given("clusters", clusters));
  require<ValueError>(options.iterations >= 0, "kmeans", "iterations must not be negative",
                      given("iterations", options.iterations));
  const NoGrad off;
  require<ValueError>(all(isfinite(x)).item<bool>(), "kmeans", "all numbers must be finite", given("x", x));
  const Tensor rows = ops::row_major(x);
  return visit_float("kmeans", x.dtype(), [&]<class S>() {
    Clustering<S> clustering(rows, clusters);
    clustering.seed(generator);
    clustering.lloyd(options.iterations);
    return clustering.result();
  });
}

}  // namespace cairn
