#include "cairn/data/dataset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cairn/base/random.h"
#include "cairn/ops/arithmetic.h"
#include "cairn/ops/compare.h"
#include "cairn/tensor/create.h"
#include "support.h"

namespace cairn {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(TensorDataset, GathersRows) {
  const data::TensorDataset set(tensor({{1., 2.}, {3., 4.}, {5., 6.}}), tensor({10, 20, 30}));
  const int64_t numbers[] = {2, 0, 2};
  const data::Batch b = set.gather(numbers);
  EXPECT_TRUE(equal(b.x, tensor({{5., 6.}, {1., 2.}, {5., 6.}})));
  EXPECT_TRUE(equal(b.y, tensor({30, 10, 30})));
  EXPECT_EQ(set.gather({}).x.shape(), Shape({0, 2}));
}

TEST(TensorDataset, BytesBecomeNumbers) {
  const Tensor x = tensor({{{0, 51}, {255, 102}}, {{255, 0}, {51, 153}}}, u8);  // (n 2, c 2, w 2)
  const int64_t all[] = {0, 1};
  const data::Batch plain = data::TensorDataset(x, arange(2)).gather(all);
  EXPECT_EQ(plain.x.dtype(), f32);
  EXPECT_EQ(plain.x.shape(), x.shape());
  EXPECT_EQ(plain.x.to_vector<float>(), (std::vector<float>{0, 0.2F, 1, 0.4F, 1, 0, 0.2F, 0.6F}));
  const data::Batch one = data::TensorDataset(x, arange(2), {.mean = {0.5}, .deviation = {0.25}}).gather(all);
  EXPECT_TRUE(allclose(one.x[0][0], tensor({-2., -1.2}), 0, 1e-7));
  const data::Batch two = data::TensorDataset(x, arange(2), {.mean = {0, 1}, .deviation = {1, 0.5}}).gather(all);
  EXPECT_TRUE(allclose(two.x[0], tensor({{0., 0.2}, {0., -1.2}}), 0, 1e-7));
  EXPECT_TRUE(allclose(two.x[1], tensor({{1., 0.}, {-1.6, -0.8}}), 0, 1e-7));
}

TEST(TensorDataset, AllElseIsHandedOutAsItIs) {
  const int64_t numbers[] = {1};
  const data::TensorDataset exact(tensor({{0.1}, {0.2}}, f64), tensor({{0.1, 0.3}, {0.5, 0.7}}, f64));
  EXPECT_TRUE(equal(exact.gather(numbers).x, tensor({{0.2}}, f64)));
  EXPECT_TRUE(equal(exact.gather(numbers).y, tensor({{0.5, 0.7}}, f64)));  // targets of any shape
  const data::TensorDataset words(tensor({{1, 2, 3}, {4, 5, 6}}), arange(8).reshape({2, 2, 2}));
  EXPECT_TRUE(equal(words.gather(numbers).x, tensor({{4, 5, 6}})));
  EXPECT_TRUE(equal(words.gather(numbers).y, tensor({{{4, 5}, {6, 7}}})));
}

TEST(TensorDataset, AViewIsAsGoodAsACopy) {
  const Tensor x = arange(24).to(u8).reshape({6, 4}), part = x.slice(0, 2, 5).slice(1, 0, 4, 2);
  const int64_t all[] = {0, 2};
  const data::TensorDataset set(part, arange(6).slice(0, 2, 5));
  EXPECT_TRUE(allclose(set.gather(all).x, tensor({{8., 10.}, {16., 18.}}) / 255.0, 0, 1e-7));
  EXPECT_THAT(set.gather(all).y.to_vector<int64_t>(), ElementsAre(2, 4));
}

TEST(TensorDataset, Misuse) {
  const Tensor bytes = zeros({4, 3, 2, 2}, u8), labels = arange(4);
  EXPECT_THROW(data::TensorDataset(bytes, arange(3)), ShapeError);
  EXPECT_THROW(data::TensorDataset(tensor(1.), tensor(1)), ShapeError);
  EXPECT_THAT(text_of<ValueError>([&] { data::TensorDataset(bytes, Tensor()); }), HasSubstr("before it was given"));
  EXPECT_THROW(data::TensorDataset(labels > 1.0, labels), DtypeError);
  EXPECT_THAT(text_of<DtypeError>([&] { data::TensorDataset(bytes, labels.to(u8)); }), HasSubstr("to(i64)"));
  EXPECT_THROW(data::TensorDataset(ones({4, 3}), labels, {.mean = {1}}), ValueError);
  EXPECT_THROW(data::TensorDataset(bytes, labels, {.mean = {1, 2}}), ValueError);
  EXPECT_THROW(data::TensorDataset(bytes, labels, {.deviation = {0}}), ValueError);
}

// Says wrong things on demand.
struct Odd : data::Dataset {
  int64_t inputs, targets;
  Odd(int64_t x, int64_t y) : inputs(x), targets(y) {}
  int64_t size() const override { return 5; }
  data::Batch make_batch(std::span<const int64_t>, int64_t) const override {
    return {zeros({inputs, 2}), targets < 0 ? Tensor() : zeros({targets})};
  }
};

TEST(Dataset, ChecksWhatGoesInAndWhatComesOut) {
  const Odd set(2, 2);
  const int64_t two[] = {4, 0}, beyond[] = {0, 5}, negative[] = {-1};
  EXPECT_EQ(set.gather(two).x.size(0), 2);
  EXPECT_THAT(text_of<IndexError>([&] { set.gather(beyond); }), HasSubstr("no such sample; got number 5, size 5"));
  EXPECT_THROW(set.gather(negative), IndexError);
  EXPECT_THROW(set.gather(two, -1), ValueError);
  EXPECT_THAT(text_of<ShapeError>([&] { Odd(3, 2).gather(two); }), HasSubstr("one input and one target for each"));
  EXPECT_THROW(Odd(2, 1).gather(two), ShapeError);
  EXPECT_THROW(Odd(2, -1).gather(two), ShapeError);  // an undefined tensor
}

}  // namespace
}  // namespace cairn
