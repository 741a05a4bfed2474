#include "cairn/base/error.h"

#include <gtest/gtest.h>

#include "cairn/base/dtype.h"

namespace cairn {
namespace {

TEST(Error, NamesOperationProblemAndWhatWasGiven) {
  try {
    require(false, "matmul", "inner sizes must match", given("a", Shape{64, 784}), given("b", Shape{512, 10}));
    FAIL() << "nothing was thrown";
  } catch (const ShapeError& e) {
    EXPECT_STREQ(e.what(), "matmul: inner sizes must match; got a (64, 784), b (512, 10)");
  }
  EXPECT_NO_THROW(require(true, "matmul", "inner sizes must match"));
}

TEST(Error, EveryKindIsAnError) {
  EXPECT_THROW(fail<DtypeError>("f", "p"), Error);
  EXPECT_THROW(fail<IndexError>("f", "p"), Error);
  EXPECT_THROW(fail<FileError>("f", "p"), std::runtime_error);
}

TEST(Error, DescribesValues) {
  EXPECT_EQ(describe(3), "3");
  EXPECT_EQ(describe(0.1), "0.1");
  EXPECT_EQ(describe("name"), "'name'");
  EXPECT_EQ(describe(f32), "f32");
  EXPECT_EQ(describe(given("dim", 3)), "dim 3");
}

TEST(Error, FindsTheNearestName) {
  const std::vector<std::string> known{"relu", "gelu", "gelu_tanh", "sigmoid"};
  EXPECT_EQ(nearest_name("gleu", known), "gelu");
  EXPECT_EQ(nearest_name("sigmod", known), "sigmoid");
  EXPECT_EQ(nearest_name("something else", known), "");
  try {
    fail_unknown("activation", "gleu", known);
  } catch (const NameError& e) {
    EXPECT_STREQ(e.what(),
                 "activation: unknown name 'gleu'; did you mean 'gelu'? Known: relu, gelu, gelu_tanh, sigmoid");
  }
  EXPECT_THROW(fail_unknown("activation", "zzzzzzzz", known), NameError);
}

TEST(Dtype, VisitsTheTypeAndRefusesOthers) {
  EXPECT_EQ(visit_float("f", f64, []<class S>() { return sizeof(S); }), 8u);
  EXPECT_EQ(visit_any(u8, []<class S>() { return sizeof(S); }), 1u);
  try {
    visit_float("exp", i64, []<class S>() { return sizeof(S); });
    FAIL() << "nothing was thrown";
  } catch (const DtypeError& e) {
    EXPECT_STREQ(e.what(), "exp: needs f32 or f64; convert with to(f32); got dtype i64");
  }
  for (const Dtype d : {f32, f64, i64, boolean, u8})
    EXPECT_EQ(visit_any(d, []<class S>() { return sizeof(S); }), size_of(d)) << name_of(d);
}

}  // namespace
}  // namespace cairn
