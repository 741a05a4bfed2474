#include "cairn/tensor/create.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include "support.h"

using namespace cairn;

namespace {

using Doubles = std::vector<double>;

TEST(Create, OneValue) {
  for (const Dtype d : {f32, f64, i64, boolean, u8}) {
    EXPECT_EQ(zeros({2, 2}, d).to_vector<double>(), (Doubles{0, 0, 0, 0}));
    EXPECT_EQ(ones({3}, d).to_vector<double>(), (Doubles{1, 1, 1}));
    EXPECT_EQ(ones({3}, d).dtype(), d);
    EXPECT_EQ(zeros({0, 4}, d).numel(), 0);
    EXPECT_EQ(full({}, 1, d).item<double>(), 1);
  }
  EXPECT_EQ(zeros({1}).dtype(), f32);
  EXPECT_EQ(full({2}, 255, u8).to_vector<double>(), (Doubles{255, 255}));
  EXPECT_EQ(full({1}, 0.1, f64).item<double>(), 0.1);
}

TEST(Create, LikeKeepsShapeLayoutAndDtype) {
  const Tensor x = as_strided(zeros({2, 3}, f64), {3, 2}, {1, 3}, 0);
  EXPECT_EQ(ones_like(x).dtype(), f64);
  EXPECT_EQ(ones_like(x).strides(), x.strides());
  EXPECT_EQ(full_like(x, 2.5).to_vector<double>(), (Doubles(6, 2.5)));
  EXPECT_EQ(zeros_like(x, boolean).dtype(), boolean);
  EXPECT_EQ(ones_like(x, i64).dtype(), i64);
  EXPECT_EQ(full_like(x, 7, u8).to_vector<int64_t>(), (std::vector<int64_t>(6, 7)));
}

TEST(Create, LargeTensorsAreFilledByThreads) {
  const std::vector<float> v = full({1'000'003}, 3).to_vector<float>();
  EXPECT_EQ(std::count(v.begin(), v.end(), 3.0f), 1'000'003);
}

TEST(Create, ValuesTheDtypeDoesNotHoldAreRefused) {
  EXPECT_EQ(text_of<DtypeError>([] { full({2}, 1.5, i64); }),
            "full: an integer dtype does not hold a fractional value; use f32; got value 1.5, dtype i64");
  EXPECT_THROW(full({2}, NAN, i64), DtypeError);
  EXPECT_EQ(text_of<ValueError>([] { full({2}, 256, u8); }),
            "full: the value is out of the dtype's range; got value 256, dtype u8");
  EXPECT_THROW(full({2}, -1, u8), ValueError);
  EXPECT_THROW(full({2}, 1e19, i64), ValueError);
  EXPECT_THROW(full({2}, INFINITY, i64), ValueError);
  EXPECT_TRUE(std::isnan(full({1}, NAN).item<float>()));
}

TEST(Create, Arange) {
  EXPECT_EQ(arange(4).to_vector<double>(), (Doubles{0, 1, 2, 3}));
  EXPECT_EQ(arange(4).dtype(), i64);
  EXPECT_EQ(arange(2.5).dtype(), f32);
  EXPECT_EQ(arange(2.5).to_vector<double>(), (Doubles{0, 1, 2}));
  EXPECT_EQ(arange(1, 2, 0.25).to_vector<double>(), (Doubles{1, 1.25, 1.5, 1.75}));
  EXPECT_EQ(arange(5, -1, -2).to_vector<double>(), (Doubles{5, 3, 1}));
  EXPECT_EQ(arange(3, f64).dtype(), f64);
  EXPECT_EQ(arange(0, 6, 2, u8).to_vector<double>(), (Doubles{0, 2, 4}));
  EXPECT_EQ(arange(3, 3).numel(), 0);
  EXPECT_EQ(arange(0, 1, 0.1, f64).to_vector<double>()[7], 7 * 0.1) << "computed from the start, not added up";
}

TEST(Create, ArangeRefusesStepsThatLeadNowhere) {
  EXPECT_EQ(text_of<ValueError>([] { arange(0, 5, 0); }),
            "arange: step must be finite and lead from start to end; got start 0, end 5, step 0");
  EXPECT_THROW(arange(0, 5, -1), ValueError);
  EXPECT_THROW(arange(0, NAN, 1), ValueError);
  EXPECT_THROW(arange(0, INFINITY, 1), ValueError);
  EXPECT_THROW(arange(0, 2, 0.5, i64), DtypeError);
}

TEST(Create, Linspace) {
  EXPECT_EQ(linspace(0, 1, 5).to_vector<double>(), (Doubles{0, 0.25, 0.5, 0.75, 1}));
  EXPECT_EQ(linspace(3, 9, 1).to_vector<double>(), (Doubles{3}));
  EXPECT_EQ(linspace(0, 1, 0).numel(), 0);
  const Doubles v = linspace(-0.3, 0.3, 8, f64).to_vector<double>();
  for (size_t i = 0; i < 8; ++i) EXPECT_EQ(v[i], -v[7 - i]);
  EXPECT_THROW(linspace(0, 1, -1), ValueError);
  EXPECT_THROW(linspace(0, 1, 3, i64), DtypeError);
}

TEST(Create, Eye) {
  EXPECT_EQ(eye(2).to_vector<double>(), (Doubles{1, 0, 0, 1}));
  EXPECT_EQ(eye(2, 3, i64).to_vector<double>(), (Doubles{1, 0, 0, 0, 1, 0}));
  EXPECT_EQ(eye(3, 1).to_vector<double>(), (Doubles{1, 0, 0}));
  EXPECT_EQ(eye(0).numel(), 0);
  EXPECT_THROW(eye(-1), ShapeError);
}

TEST(Create, NestedLists) {
  const Tensor m = tensor({{1., 2.}, {3., 4.}});
  EXPECT_EQ(describe(m), "(2, 2) f32");
  EXPECT_EQ(m.to_vector<double>(), (Doubles{1, 2, 3, 4}));
  EXPECT_EQ(describe(tensor({{{1}}, {{2}}})), "(2, 1, 1) i64");
  EXPECT_EQ(describe(tensor(2.5)), "() f32");
  EXPECT_EQ(describe(tensor({1})), "(1,) i64");
  EXPECT_EQ(describe(tensor({{1.f}})), "(1, 1) f32");
  EXPECT_EQ(describe(tensor({})), "(0,) f32");
  EXPECT_EQ(describe(tensor({true, false})), "(2,) bool");
  EXPECT_EQ(describe(tensor({true, 2})), "(2,) i64");
  EXPECT_EQ(describe(tensor({1, 2.5})), "(2,) f32");
  EXPECT_EQ(describe(tensor({1, 2}, f64)), "(2,) f64");
  EXPECT_EQ(tensor({0.0, 2.5}, boolean).to_vector<double>(), (Doubles{0, 1}));
  EXPECT_EQ(tensor({0.1}, f64).item<double>(), 0.1);
  EXPECT_EQ(tensor({INT64_MAX}).item<int64_t>(), INT64_MAX) << "integers do not pass through double";
  EXPECT_EQ(describe(tensor({{{{{{{{1}}}}}}}})), "(1, 1, 1, 1, 1, 1, 1, 1) i64");
}

TEST(Create, NestedListsMustFit) {
  EXPECT_EQ(text_of<ShapeError>([] {
              tensor({{1., 2.}, {3.}});
            }),
            "tensor: a nested list is ragged: its items differ in shape; got item 0 (2,), item 1 (1,)");
  EXPECT_THROW(tensor({{1, 2}, 3}), ShapeError);
  EXPECT_THROW(tensor({1.5}, i64), DtypeError);
  EXPECT_THROW(tensor({300}, u8), ValueError);
  EXPECT_THROW(tensor({{{{{{{{{1}}}}}}}}}), ShapeError);
}

TEST(Create, FromVectors) {
  EXPECT_EQ(describe(from_vector(std::vector<float>{1, 2, 3, 4}, {2, 2})), "(2, 2) f32");
  EXPECT_EQ(describe(from_vector(std::vector<double>{1, 2})), "(2,) f64");
  EXPECT_EQ(describe(from_vector(std::vector<int>{1, 2})), "(2,) i64");
  EXPECT_EQ(describe(from_vector(std::vector<uint8_t>{1, 2})), "(2,) u8");
  EXPECT_EQ(from_vector(std::vector<bool>{true, false}).to_vector<double>(), (Doubles{1, 0}));
  EXPECT_EQ(from_vector(std::vector<float>{}, {0, 3}).numel(), 0);
  const double raw[] = {1, 2, 3, 4, 5, 6};
  EXPECT_EQ(describe(from_span(std::span<const double>(raw), {3, 2})), "(3, 2) f64");
  EXPECT_EQ(text_of<ShapeError>([] {
              from_vector(std::vector<float>(5), {2, 3});
            }),
            "from_vector: the shape does not hold as many numbers as were given; got shape (2, 3), numbers 5");
  EXPECT_THROW(from_vector(std::vector<float>(2), {-1, -2}), ShapeError);
}

TEST(Create, FromBlobSharesMemory) {
  alignas(8) double numbers[] = {1, 2, 3, 4};
  int finished = 0;
  {
    Tensor x = from_blob(numbers, {2, 2}, [&] { ++finished; });
    const Tensor view = as_strided(x, {2}, {2}, 1);
    numbers[1] = 9;
    EXPECT_EQ(view.to_vector<double>(), (Doubles{9, 4}));
    x = Tensor();
    EXPECT_EQ(finished, 0) << "a view still needs it";
  }
  EXPECT_EQ(finished, 1);
  EXPECT_THROW(from_blob(static_cast<float*>(nullptr), {2}), ValueError);
  EXPECT_EQ(from_blob(static_cast<float*>(nullptr), {0}).numel(), 0);
  auto* crooked = reinterpret_cast<double*>(reinterpret_cast<char*>(numbers) + 1);
  EXPECT_EQ(text_of<ValueError>([&] { from_blob(crooked, {1}); }),
            "from_blob: the pointer is not aligned for its element type; got dtype f64");
}

TEST(Create, LargeWholeNumbers) {
  constexpr int64_t big = int64_t{1} << 60;
  EXPECT_EQ(arange(big, big + 3).to_vector<int64_t>(), (std::vector<int64_t>{big, big + 1, big + 2}));
  EXPECT_EQ(arange(big + 3, big, -2).to_vector<int64_t>(), (std::vector<int64_t>{big + 3, big + 1}));
  EXPECT_EQ(arange(INT64_MIN, INT64_MAX, INT64_MAX).to_vector<int64_t>(),
            (std::vector<int64_t>{INT64_MIN, -1, INT64_MAX - 1}));
  EXPECT_THROW(arange(big, big + 3, -1), ValueError);
  EXPECT_THROW(arange(0, 3, 0), ValueError);
  EXPECT_THROW(tensor({uint64_t{1} << 63}), ValueError);
  EXPECT_THROW(from_blob<float>(nullptr, {int64_t{1} << 32, int64_t{1} << 32}), ShapeError);
  EXPECT_THROW(empty({0, int64_t{1} << 40, int64_t{1} << 40}), ShapeError);
}

}  // namespace
