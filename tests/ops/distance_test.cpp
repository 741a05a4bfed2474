#include "cairn/ops/distance.h"

#include <cairn/autograd/backward.h>
#include <cairn/ops/arithmetic.h>
#include <cairn/ops/elementwise.h>
#include <cairn/ops/reduce.h>
#include <cairn/tensor/create.h>
#include <cairn/tensor/random.h>
#include <cairn/testing.h>

#include "support.h"

using namespace cairn;
using Inputs = std::vector<Tensor>;
using V = std::vector<double>;

namespace {

Tensor distances_plainly(const Tensor& x, const Tensor& p, const Tensor& w) {
  return sum(square((x.unsqueeze(-2) - p) / w.unsqueeze(-1)), {-1});
}

void expect_relatively_near(const Tensor& a, const Tensor& b, double tolerance) {
  ASSERT_EQ(a.shape(), b.shape());
  if (a.numel() == 0) return;
  const double size = std::max(1.0, max(abs(b.to(f64))).item<double>());
  EXPECT_LE(max(abs(a.to(f64) - b.to(f64))).item<double>(), tolerance * size);
}

TEST(SquaredDistances, ByHand) {
  const Tensor x = tensor({{0., 0.}, {3., 4.}}, f64), p = tensor({{0., 0.}, {3., 0.}, {3., 5.}}, f64);
  EXPECT_EQ(values(squared_distances(x, p)), V({0, 9, 34, 25, 16, 1}));
  EXPECT_EQ(values(squared_distances(x, p, tensor({1., 3., 0.5}, f64))), V({0, 1, 136, 25, 16. / 9, 4}));
  EXPECT_EQ(values(squared_distances(x[1], p)), V({25, 16, 1}));
  EXPECT_EQ(squared_distances(zeros({2, 5, 2}), zeros({3, 2})).shape(), Shape({2, 5, 3}));
}

TEST(SquaredDistances, SizesAroundLinesAndGroups) {
  manual_seed(0);  // the same numbers alone as behind other tests
  for (const int64_t rows : {1, 3, 4, 9})
    for (const int64_t m : {1, 8, 15, 16, 17, 70})
      for (const int64_t d : {1, 2, 5, 64, 65, 200}) {
        SCOPED_TRACE(std::to_string(rows) + " " + std::to_string(m) + " " + std::to_string(d));
        const Inputs in = {randn({rows, d}), randn({m, d}), rand({m}) + 0.5};
        const Tensor up = randn({rows, m});
        const auto run = [&](Dtype dtype, const auto& f) {
          Inputs leaves;
          for (const Tensor& t : in) leaves.push_back(t.to(dtype).detach().clone().requires_grad_());
          const Tensor y = f(leaves[0], leaves[1], leaves[2]);
          Inputs all = grad({y}, leaves, {up.to(dtype)});
          all.push_back(y.detach());
          return all;
        };
        const Inputs expected = run(f64, distances_plainly), single = run(f32, squared_distances),
                     wide = run(f64, squared_distances);
        for (size_t i = 0; i < expected.size(); ++i) {
          expect_relatively_near(single[i], expected[i], 2e-6);  // sums of up to 200 terms, in two levels
          expect_relatively_near(wide[i], expected[i], 1e-14);
        }
      }
}

// Where ‖x‖² − 2 x·p + ‖p‖² would have no digit left.
TEST(SquaredDistances, KeepTheirDigitsFarFromTheOrigin) {
  Tensor x = (tensor({{0.5, -0.25}, {0.125, 1.}}) + 4096.0).detach().requires_grad_();
  const Tensor p = tensor({{0.25, 0.}}) + 4096.0;
  const Tensor q = squared_distances(x, p);
  EXPECT_EQ(values(q), V({0.125, 1.015625}));
  sum(q).backward();
  EXPECT_EQ(values(x.grad()), V({0.5, -0.5, -0.25, 2}));
}

TEST(SquaredDistances, SameBitsOnAnyNumberOfThreads) {
  const Tensor x = randn({3000, 7}).requires_grad_(), p = randn({70, 7}).requires_grad_(),
               w = (rand({70}) + 0.5).detach().requires_grad_(), up = randn({3000, 70});
  expect_same_on_any_threads([&] {
    const Tensor q = squared_distances(x, p, w);
    std::vector<V> all = {values(q)};
    for (const Tensor& g : grad({q}, {x, p, w}, {up})) all.push_back(values(g));
    all.push_back(values(squared_distances(p.slice(0, 0, 2), x)));  // few rows, many points
    return all;
  });
}

TEST(SquaredDistances, OfNothing) {
  EXPECT_EQ(squared_distances(zeros({0, 3}), zeros({4, 3})).shape(), Shape({0, 4}));
  EXPECT_EQ(squared_distances(zeros({2, 3}), zeros({0, 3})).shape(), Shape({2, 0}));
  EXPECT_EQ(values(squared_distances(zeros({1, 0}), zeros({2, 0}))), V({0, 0}));
  Tensor p = ones({2, 3}, f64).requires_grad_(), w = ones({2}, f64).requires_grad_();
  sum(squared_distances(zeros({0, 3}, f64), p, w)).backward();
  EXPECT_EQ(values(p.grad()), V(6, 0));
  EXPECT_EQ(values(w.grad()), V({0, 0}));
}

TEST(SquaredDistances, Gradients) {
  const Tensor x = randn({3, 4}, f64), p = randn({5, 4}, f64), w = rand({5}, f64) + 0.5;
  const auto two = [](const Inputs& in) { return squared_distances(in[0], in[1]); };
  const auto three = [](const Inputs& in) { return squared_distances(in[0], in[1], in[2]); };
  EXPECT_GRADIENTS(two, {x, p});
  EXPECT_GRADIENTS(three, {x, p, w});
  EXPECT_GRADIENTS(three, {randn({4, 3}, f64).t(), randn({4, 5}, f64).t(), w.slice(0, 0, 1).expand({5})});
  EXPECT_GRADIENTS(three, {randn({2, 3, 8}, f64).slice(2, 0, 8, 2), p, w});
  EXPECT_GRADIENTS(two, {randn({4}, f64), p});
  EXPECT_GRADIENTS(two, {p.clone(), p.clone()});  // on the points
  EXPECT_GRADIENTS([](const Inputs& in) { return squared_distances(in[0], in[0]); }, {p});
}

TEST(SquaredDistances, Errors) {
  const Tensor x = zeros({2, 3}), p = zeros({4, 3});
  EXPECT_THROW(squared_distances(x, zeros({4, 2})), ShapeError);
  EXPECT_THROW(squared_distances(x, zeros({3})), ShapeError);
  EXPECT_THROW(squared_distances(tensor(1.), p), ShapeError);
  EXPECT_THROW(squared_distances(x, p, ones({3})), ShapeError);
  EXPECT_THROW(squared_distances(x, p, ones({4, 1})), ShapeError);
  EXPECT_THROW(squared_distances(x, p.to(f64)), DtypeError);
  EXPECT_THROW(squared_distances(x, p, ones({4}, f64)), DtypeError);
  EXPECT_THROW(squared_distances(x.to(i64), p.to(i64)), DtypeError);
  EXPECT_EQ(text_of<ShapeError>([&] {
              squared_distances(zeros({2, 5}), p);
            }),
            "squared_distances: the last size of x must be the second of points; got x (2, 5) f32, points (4, 3) f32");
}

}  // namespace
