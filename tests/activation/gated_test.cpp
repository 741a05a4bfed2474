#include "cairn/activation/gated.h"

#include <gmock/gmock.h>

#include <cmath>

#include "cairn/activation/activation.h"
#include "cairn/autograd/backward.h"
#include "cairn/ops/reduce.h"
#include "cairn/tensor/create.h"
#include "cairn/tensor/random.h"
#include "cairn/testing.h"
#include "support.h"

using namespace cairn;
using ::testing::HasSubstr;

namespace {

using Inputs = std::vector<Tensor>;
using Gate = Tensor (*)(const Tensor&, int64_t);

struct Pair {
  Gate gate;
  const char* activation;
};
const Pair gates[] = {{glu, "sigmoid"}, {reglu, "relu"}, {geglu, "gelu"}, {swiglu, "silu"}, {bilinear, "identity"}};

void expect_near(const Tensor& a, const Tensor& b, double tolerance) {
  ASSERT_EQ(a.shape(), b.shape());
  const Values u = values(a), v = values(b);
  for (size_t i = 0; i < u.size(); ++i) EXPECT_NEAR(u[i], v[i], tolerance * std::max(1.0, std::abs(v[i]))) << i;
}

// By hand: a = (3, −2), b = (ln 3, 0).
TEST(Gates, ByHand) {
  const Tensor x = tensor({{3., -2., std::log(3.), 0.}}, f64);
  const double b = std::log(3.), phi = 0.5 * std::erfc(-b / std::sqrt(2.));
  expect_near(glu(x), tensor({{3 * 0.75, -1.}}, f64), 1e-15);
  expect_near(reglu(x), tensor({{3 * b, 0.}}, f64), 1e-15);
  expect_near(geglu(x), tensor({{3 * b * phi, 0.}}, f64), 1e-15);
  expect_near(swiglu(x), tensor({{3 * b * 0.75, 0.}}, f64), 1e-15);
  expect_near(bilinear(x), tensor({{3 * b, 0.}}, f64), 1e-15);
  // dA = f(b), dB = a f'(b); sigmoid' = s (1 − s).
  Tensor v = x.clone().requires_grad_();
  sum(glu(v)).backward();
  expect_near(v.grad(), tensor({{0.75, 0.5, 3 * 0.75 * 0.25, -2 * 0.25}}, f64), 1e-15);
  v.set_grad({});
  sum(bilinear(v)).backward();
  expect_near(v.grad(), tensor({{b, 0., 3., -2.}}, f64), 1e-15);
}

// The composition of what the fused pass puts together, in every layout and along every dimension.
TEST(Gates, AreTheirPiecesPutTogether) {
  const double rounding = 1e-14;
  for (const auto& [gate, name] : gates) {
    const Activation f = activation(name);
    for (const int64_t dim : {0, 1, 2, -1}) {
      const Tensor whole = randn({4, 6, 38}, f64);
      for (const Tensor& given :
           {whole, whole.transpose(0, 2).contiguous().transpose(0, 2), whole.movedim(1, 2).contiguous().movedim(2, 1),
            whole.slice(1, 0, 6, 3), whole.narrow(0, 0, 1).expand({4, 6, 38})}) {
        SCOPED_TRACE(std::string(name) + " " + std::to_string(dim));
        Tensor x = given.detach().requires_grad_(), same = given.detach().requires_grad_();
        const Tensor y = gate(x, dim);
        const auto halves = same.chunk(2, dim);
        const Tensor expected = halves[0] * f(halves[1]);
        expect_near(y, expected, rounding);
        const Tensor weights = randn(y.shape(), f64).transpose(0, 1).contiguous().transpose(0, 1);
        y.backward(weights);
        expected.backward(weights);
        expect_near(x.grad(), same.grad(), rounding);
      }
    }
  }
}

TEST(Gates, Gradients) {
  for (const auto& [gate, name] : gates)
    for (const int64_t dim : {0, 1}) {
      SCOPED_TRACE(name);
      const auto f = [&, g = gate](const Inputs& in) { return g(in[0], dim); };
      EXPECT_GRADIENTS(f, {randn({2, 38}, f64)});
      EXPECT_GRADIENTS(f, {randn({8, 6}, f64).t().slice(1, 0, 8, 2)});
      EXPECT_GRADIENTS([&](const Inputs& in) { return f({in[0].expand({4, 6})}); }, {randn({1, 6}, f64)});
    }
}

TEST(Gates, KeepTheOrderOfMemory) {
  const Tensor images = randn({2, 6, 4, 5}).movedim(1, -1).contiguous().movedim(-1, 1);  // channels side by side
  for (const int64_t dim : {1, 2}) {
    const Tensor y = geglu(images, dim);
    EXPECT_TRUE(y.movedim(1, -1).is_contiguous());
    EXPECT_EQ(values(y), values(geglu(images.contiguous(), dim)));
  }
}

TEST(Gates, OfNothingAndOfTwo) {
  EXPECT_EQ(glu(zeros({0, 4})).shape(), Shape({0, 2}));
  EXPECT_EQ(glu(zeros({3, 0})).shape(), Shape({3, 0}));
  EXPECT_EQ(values(bilinear(tensor({3., 2.}))), Values({6}));
  Tensor x = zeros({3, 0}).requires_grad_();
  sum(swiglu(x)).backward();
  EXPECT_EQ(x.grad().shape(), Shape({3, 0}));
}

// The limits of the activation: an infinitely closed gate lets nothing finite pass, and no NaN back.
TEST(Gates, BesideInfinity) {
  const double inf = INFINITY;
  for (const Gate gate : {glu, reglu, geglu, swiglu}) {
    Tensor x = tensor({2., -inf}, f64).requires_grad_();
    const Tensor y = gate(x, 0);
    EXPECT_EQ(values(y), Values({0}));
    y.backward();
    EXPECT_EQ(values(x.grad()), Values({0, 0}));
    EXPECT_TRUE(std::isnan(values(gate(tensor({2., NAN}), 0))[0]));
    EXPECT_TRUE(std::isnan(values(gate(tensor({NAN, 2.}), 0))[0]));
  }
}

TEST(Gates, OfYourOwn) {
  const auto mine = [](auto b) { return b * tanh(softplus(b)); };
  const Tensor x = randn({3, 8}, f64);
  expect_near(gated("mishglu", mine, x), x.narrow(1, 0, 4) * activation("mish")(x.narrow(1, 4, 4)), 1e-15);
  EXPECT_GRADIENTS([&](const Inputs& in) { return gated("mishglu", mine, in[0], 1); }, {x});
  const auto constant = [](auto) { return 0.5; };
  EXPECT_GRADIENTS([&](const Inputs& in) { return gated("half", constant, in[0], 1); }, {x});
}

TEST(Gates, SameBitsOnAnyNumberOfThreads) {
  const Tensor rows = randn({37, 2 * 1001}).requires_grad_(), columns = randn({2, 3, 20011}).requires_grad_();
  expect_same_on_any_threads([&] {
    Values all;
    for (const Gate gate : {glu, geglu, swiglu})
      for (const auto& [x, dim] : {std::pair{rows, 1}, {columns, 0}}) {
        const Tensor y = gate(x, dim);
        const Values v = values(y), g = values(grad({sum(y * y)}, {x})[0]);
        all.insert(all.end(), v.begin(), v.end());
        all.insert(all.end(), g.begin(), g.end());
      }
    return all;
  });
}

TEST(Gates, Errors) {
  EXPECT_THAT(
      text_of<ShapeError>([] {
        swiglu(zeros({2, 3}));
      }),
      AllOf(HasSubstr("swiglu: the dimension must have an even size"), HasSubstr("(2, 3) f32"), HasSubstr("dim -1")));
  EXPECT_THAT(text_of<IndexError>([] { glu(zeros({2, 4}), 2); }), HasSubstr("glu: dimension out of range"));
  EXPECT_THAT(text_of<IndexError>([] { glu(tensor(1.0)); }), HasSubstr("no dimensions"));
  EXPECT_THAT(text_of<DtypeError>([] { geglu(zeros({2, 4}, i64)); }), HasSubstr("geglu: needs f32 or f64"));
}

}  // namespace
