#include "cairn/base/shape.h"

#include <gtest/gtest.h>

#include <functional>

#include "cairn/base/error.h"
#include "support.h"

namespace cairn {
namespace {

TEST(Shape, HoldsUpToEightSizes) {
  const Shape s{2, 3, 4};
  EXPECT_EQ(s.size(), 3);
  EXPECT_EQ(s.numel(), 24);
  EXPECT_EQ(s.back(), 4);
  EXPECT_EQ(Shape{}.numel(), 1);
  EXPECT_EQ((Shape{3, 0}).numel(), 0);
  EXPECT_EQ(Shape::filled(8, 1).size(), 8);
  EXPECT_EQ(text_of<ShapeError>([] { Shape{1, 1, 1, 1, 1, 1, 1, 1, 1}; }),
            "shape: a tensor has at most 8 dimensions; got dimensions 9");
}

TEST(Shape, InsertsAndErases) {
  Shape s{2, 4};
  s.insert(1, 3);
  EXPECT_EQ(s, (Shape{2, 3, 4}));
  s.insert(3, 5);
  s.insert(0, 1);
  EXPECT_EQ(s, (Shape{1, 2, 3, 4, 5}));
  s.erase(0);
  s.erase(3);
  EXPECT_EQ(s, (Shape{2, 3, 4}));
}

TEST(Shape, PrintsLikePython) {
  EXPECT_EQ(to_string(Shape{}), "()");
  EXPECT_EQ(to_string(Shape{4}), "(4,)");
  EXPECT_EQ(to_string(Shape{2, 3}), "(2, 3)");
}

TEST(Shape, RowMajorStrides) {
  EXPECT_EQ(row_major({2, 3, 4}), (Strides{12, 4, 1}));
  EXPECT_EQ(row_major({}), Strides{});
  EXPECT_EQ(row_major({2, 0, 3}), (Strides{3, 3, 1}));
  for (const Shape& shape : {Shape{2, 3, 4}, Shape{}, Shape{2, 0, 3}, Shape{1, 5, 1}}) {
    Strides strides = {7};
    EXPECT_EQ(checked_numel("empty", shape, strides), shape.numel());
    EXPECT_EQ(strides, row_major(shape)) << shape;
  }
}

TEST(Shape, WrapsDimensions) {
  EXPECT_EQ(wrap_dim("f", -1, 3), 2);
  EXPECT_EQ(wrap_dim("f", 0, 3), 0);
  EXPECT_EQ(text_of<IndexError>([] { wrap_dim("sum", 3, 3); }), "sum: dimension out of range (-3 to 2); got dim 3");
  EXPECT_EQ(text_of<IndexError>([] { wrap_dim("sum", 0, 0); }),
            "sum: dimension out of range (the tensor has no dimensions); got dim 0");
  EXPECT_EQ(wrap_dims("f", {-1, 0}, 3), (Dims{0, 2}));
  EXPECT_EQ(wrap_dims("f", {}, 2), (Dims{0, 1}));
  EXPECT_EQ(text_of<IndexError>([] {
              wrap_dims("sum", {1, -1}, 2);
            }),
            "sum: a dimension is given twice; got dims (1, -1)");
}

TEST(Shape, BroadcastsAsNumPy) {
  EXPECT_EQ(broadcast_shapes("add", {2, 1, 4}, {3, 1}), (Shape{2, 3, 4}));
  EXPECT_EQ(broadcast_shapes("add", {}, {3}), (Shape{3}));
  EXPECT_EQ(broadcast_shapes("add", {1}, {0}), (Shape{0}));
  EXPECT_EQ(text_of<ShapeError>([] {
              broadcast_shapes("add", {2, 3}, {4});
            }),
            "add: shapes do not broadcast (sizes, aligned at the end, must be equal or 1); got a (2, 3), b (4,)");
}

TEST(Shape, CountsElementsWithoutOverflow) {
  constexpr int64_t big = int64_t{1} << 40;
  EXPECT_EQ(checked_numel("empty", {}), 1);
  EXPECT_EQ(checked_numel("empty", {2, 0, 3}), 0);
  EXPECT_EQ(checked_numel("empty", {max_numel, 1}), max_numel);
  EXPECT_EQ(text_of<ShapeError>([] {
              checked_numel("empty", {2, -1});
            }),
            "empty: a size is negative; got shape (2, -1)");
  EXPECT_THROW(checked_numel("empty", {max_numel + 1}), ShapeError);
  EXPECT_THROW(checked_numel("empty", {int64_t{1} << 32, int64_t{1} << 32}), ShapeError);
  EXPECT_THROW(checked_numel("empty", {0, big, big}), ShapeError) << "its strides would overflow";
}

}  // namespace
}  // namespace cairn
