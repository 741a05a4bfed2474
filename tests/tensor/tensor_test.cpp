#include "cairn/tensor/tensor.h"

#include <gtest/gtest.h>

#include "cairn/tensor/create.h"
#include "support.h"

using namespace cairn;

namespace {

TEST(Tensor, TellsItsLayout) {
  const Tensor x = empty({2, 3, 4}, f64);
  EXPECT_EQ(x.shape(), (Shape{2, 3, 4}));
  EXPECT_EQ(x.strides(), (Strides{12, 4, 1}));
  EXPECT_EQ(x.dtype(), f64);
  EXPECT_EQ(x.dim(), 3);
  EXPECT_EQ(x.numel(), 24);
  EXPECT_EQ(x.size(0), 2);
  EXPECT_EQ(x.size(-1), 4);
  EXPECT_TRUE(x.is_contiguous());
  EXPECT_EQ(describe(x), "(2, 3, 4) f64");
}

TEST(Tensor, ScalarsAndEmptyTensorsHaveShapes) {
  EXPECT_EQ(empty({}).numel(), 1);
  EXPECT_EQ(empty({}).dim(), 0);
  EXPECT_EQ(empty({3, 0, 2}).numel(), 0);
  EXPECT_TRUE(empty({3, 0, 2}).is_contiguous());
  EXPECT_EQ(empty({1, 1, 1, 1, 1, 1, 1, 1}).dim(), 8);
}

TEST(Tensor, KnowsDenseFromStrided) {
  const Tensor x = empty({2, 3, 4});
  EXPECT_TRUE(as_strided(x, {4, 2, 3}, {1, 12, 4}, 0).is_dense());
  EXPECT_FALSE(as_strided(x, {4, 2, 3}, {1, 12, 4}, 0).is_contiguous());
  EXPECT_FALSE(as_strided(x, {2, 3, 2}, {12, 4, 2}, 0).is_dense());
  EXPECT_FALSE(as_strided(x, {2, 3}, {0, 1}, 0).is_dense());
  EXPECT_TRUE(as_strided(x, {1, 24}, {99, 1}, 0).is_contiguous()) << "the stride of a size 1 has no meaning";
}

TEST(Tensor, EmptyLikeKeepsADenseLayout) {
  const Tensor x = empty({2, 3, 4, 5});
  const Tensor channels_last = as_strided(x, {2, 5, 3, 4}, {60, 1, 20, 5}, 0);
  EXPECT_EQ(empty_like(channels_last).strides(), channels_last.strides());
  EXPECT_EQ(empty_like(channels_last, i64).dtype(), i64);
  const Tensor gaps = as_strided(x, {2, 3}, {60, 2}, 0);
  EXPECT_TRUE(empty_like(gaps).is_contiguous());
}

TEST(Tensor, CopiesAreHandles) {
  Tensor x = zeros({3});
  const Tensor y = x;
  x.data<float>()[1] = 5;
  EXPECT_EQ(y.to_vector<float>(), (std::vector<float>{0, 5, 0}));
}

TEST(Tensor, DataIsCheckedAndCounted) {
  Tensor x = zeros({2, 2});
  const uint32_t version = x.body()->storage->version;
  EXPECT_EQ(std::as_const(x).data<float>()[0], 0);
  EXPECT_EQ(x.body()->storage->version, version) << "reading is no modification";
  x.data<float>();
  EXPECT_EQ(x.body()->storage->version, version + 1);
  EXPECT_EQ(text_of<DtypeError>([&] { x.data<double>(); }),
            "data: the tensor does not hold f64; convert with to(…); got (2, 2) f32");
  const Tensor turned = as_strided(x, {2, 2}, {1, 2}, 0);
  EXPECT_EQ(text_of<ShapeError>([&] { turned.data<float>(); }),
            "data: elements are not in row-major order; call contiguous() first; got (2, 2) f32");
  x.requires_grad_();
  EXPECT_NE(text_of<GraphError>([&] { x.data<float>(); }).find("wrap it in NoGrad"), std::string::npos);
}

TEST(Tensor, ItemConverts) {
  EXPECT_EQ(tensor(2.5).item<double>(), 2.5);
  EXPECT_EQ(tensor({{7}}).item<int>(), 7);
  EXPECT_EQ(tensor(true).item<bool>(), true);
  EXPECT_EQ(text_of<ShapeError>([] { zeros({2}).item<float>(); }), "item: needs a tensor of one element; got (2,) f32");
}

TEST(Tensor, ToVectorFollowsStrides) {
  const Tensor x = tensor({{1, 2, 3}, {4, 5, 6}});
  EXPECT_EQ(as_strided(x, {3, 2}, {1, 3}, 0).to_vector<double>(), (std::vector<double>{1, 4, 2, 5, 3, 6}));
  EXPECT_EQ(as_strided(x, {2, 2}, {0, 2}, 1).to_vector<int64_t>(), (std::vector<int64_t>{2, 4, 2, 4}));
  EXPECT_TRUE(zeros({0}).to_vector<float>().empty());
}

TEST(Tensor, MisuseIsNamed) {
  EXPECT_NE(text_of<ValueError>([] { Tensor().shape(); }).find("used before it was given a value"), std::string::npos);
  EXPECT_NE(text_of<ValueError>([] { Tensor().detach(); }).find("used before it was given a value"), std::string::npos);
  EXPECT_EQ(describe(Tensor()), "an undefined tensor");
  EXPECT_EQ(text_of<IndexError>([] { empty({2, 3}).size(2); }), "size: dimension out of range (-2 to 1); got dim 2");
  EXPECT_EQ(text_of<ShapeError>([] { empty({2, -3}); }), "empty: a size is negative; got shape (2, -3)");
  EXPECT_EQ(text_of<ShapeError>([] {
              empty({1 << 30, 1 << 30});
            }),
            "empty: the tensor would be larger than 64 TiB; got shape (1073741824, 1073741824)");
  EXPECT_NE(text_of<ShapeError>([] {
              empty({1, 1, 1, 1, 1, 1, 1, 1, 1});
            }).find("at most 8 dimensions"),
            std::string::npos);
}

}  // namespace
