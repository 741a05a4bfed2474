#include "cairn/ops/kmeans.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "cairn/ops/arithmetic.h"
#include "cairn/ops/compare.h"
#include "cairn/ops/distance.h"
#include "cairn/ops/reduce.h"
#include "cairn/tensor/create.h"
#include "cairn/tensor/random.h"
#include "support.h"

using namespace cairn;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using V = std::vector<double>;

namespace {

V sorted(const Tensor& t) {
  V v = t.to_vector<double>();
  std::sort(v.begin(), v.end());
  return v;
}

TEST(KMeans, ByHand) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    Generator generator(seed);
    const KMeans found = kmeans(tensor({{0.}, {1.}, {10.}, {11.}}), 2, {}, generator);
    EXPECT_THAT(sorted(found.centres), ElementsAre(0.5, 10.5));
    const std::vector<int64_t> labels = found.labels.to_vector<int64_t>();
    EXPECT_EQ(labels[0], labels[1]);
    EXPECT_EQ(labels[2], labels[3]);
    EXPECT_NE(labels[0], labels[2]);
    EXPECT_EQ(found.inertia, 1);
    EXPECT_TRUE(found.converged);
  }
}

TEST(KMeans, FindsWellSeparatedClusters) {
  manual_seed(5);
  const int64_t clusters = 20, each = 50, d = 5;
  Tensor middles = randn({clusters, d}, f64) * 100.0;
  const Tensor x = (middles.unsqueeze(1) + randn({clusters, each, d}, f64)).reshape({clusters * each, d});
  const Tensor true_means = mean(x.reshape({clusters, each, d}), {1});
  for (const Dtype dtype : {f32, f64})
    for (uint64_t seed = 0; seed < 10; ++seed) {
      Generator generator(seed);
      const KMeans found = kmeans(x.to(dtype), clusters, {}, generator);
      // Every mean has a centre on it.
      EXPECT_LT(max(amin(squared_distances(true_means, found.centres.to(f64)), {1})).item<double>(), 1e-8) << seed;
      const Tensor labels = found.labels.reshape({clusters, each});
      EXPECT_TRUE(equal(labels, labels.narrow(1, 0, 1).expand({clusters, each})));
      EXPECT_LE(found.iterations, 3);
    }
}

// The next centre is drawn by squared distance: of 0, 1 and 3 after 0, the last with a chance of 9/10.
TEST(KMeans, SeedsBySquaredDistance) {
  const Tensor x = tensor({{0.}, {1.}, {3.}});
  int first = 0, far = 0;
  for (uint64_t seed = 0; seed < 6000; ++seed) {
    Generator generator(seed);
    const V centres = kmeans(x, 2, {.iterations = 0}, generator).centres.to_vector<double>();
    ASSERT_NE(centres[0], centres[1]);
    if (centres[0] == 0) ++first, far += centres[1] == 3;
  }
  EXPECT_NEAR(first, 2000, 150);                                   // four standard deviations of 37
  EXPECT_NEAR(static_cast<double>(far) / first, 0.9, 4 * 0.0067);  // of √(0.9 · 0.1 / 2000)
}

TEST(KMeans, EveryPointItsCentreAndTiesToTheFirst) {
  const Tensor x = randn({30, 3});
  const KMeans all = kmeans(x, 30);
  EXPECT_EQ(all.inertia, 0);
  EXPECT_EQ(sorted(all.centres), sorted(x));
  // Fewer distinct points than clusters: equal centres, and labels say the first.
  const KMeans few = kmeans(tensor({{1., 2.}, {1., 2.}, {3., 4.}, {1., 2.}}), 4);
  EXPECT_EQ(few.inertia, 0);
  const V q = squared_distances(few.centres, few.centres).to_vector<double>();
  for (const int64_t label : few.labels.to_vector<int64_t>())
    for (int64_t j = 0; j < label; ++j) EXPECT_NE(q[static_cast<size_t>(4 * label + j)], 0);
}

TEST(KMeans, LloydNeverRaisesTheInertia) {
  const Tensor x = rand({700, 2});
  double before = std::numeric_limits<double>::infinity();
  for (int64_t iterations = 0; iterations < 12; ++iterations) {
    Generator generator(4);
    const KMeans found = kmeans(x, 40, {.iterations = iterations}, generator);
    EXPECT_LE(found.inertia, before * (1 + 1e-6));
    before = found.inertia;
    // Labels and inertia are those of the centres handed out.
    const ValuesIndices nearest = min(squared_distances(x, found.centres), 1);
    EXPECT_TRUE(equal(nearest.indices, found.labels));
    EXPECT_NEAR(sum(nearest.values.to(f64)).item<double>(), found.inertia, 1e-12);
  }
}

TEST(KMeans, SameBitsOnAnyNumberOfThreadsAndForEverySeed) {
  const Tensor x = randn({5000, 9});
  expect_same_on_any_threads([&] {
    Generator generator(11);
    const KMeans found = kmeans(x, 50, {.iterations = 8}, generator);
    V all = found.centres.to_vector<double>();
    const V labels = found.labels.to_vector<double>();
    all.insert(all.end(), labels.begin(), labels.end());
    all.push_back(found.inertia);
    return all;
  });
  EXPECT_TRUE(equal(kmeans(x.t().contiguous().t(), 1).centres, kmeans(x, 1).centres));
}

TEST(KMeans, Errors) {
  const Tensor x = zeros({3, 2});
  EXPECT_THROW(kmeans(x, 0), ValueError);
  EXPECT_THROW(kmeans(x, -1), ValueError);
  EXPECT_EQ(text_of<ValueError>([&] { kmeans(x, 4); }),
            "kmeans: needs at least as many points as clusters; got x (3, 2) f32, clusters 4");
  EXPECT_THROW(kmeans(x, 2, {.iterations = -1}), ValueError);
  EXPECT_THROW(kmeans(zeros({3}), 2), ShapeError);
  EXPECT_THROW(kmeans(zeros({3, 2}, i64), 2), DtypeError);
  for (const double bad : {static_cast<double>(NAN), static_cast<double>(INFINITY)})
    EXPECT_THAT(text_of<ValueError>([&] { kmeans(tensor({{0.}, {bad}}), 1); }), HasSubstr("finite"));
  EXPECT_THAT(text_of<ValueError>([&] { kmeans(tensor({{-1e30}, {1e30}}), 1); }), HasSubstr("overflow"));
  EXPECT_THAT(text_of<ValueError>([&] { kmeans(tensor({{-1e30}, {1e30}}), 2); }), HasSubstr("overflow"));
}

}  // namespace
