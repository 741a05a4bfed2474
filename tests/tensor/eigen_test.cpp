#include "cairn/tensor/eigen.h"

#include <gtest/gtest.h>

using namespace cairn;

namespace {

using Doubles = std::vector<double>;

TEST(Eigen, MapsAMatrixWithoutCopying) {
  Tensor x = tensor({{1., 2., 3.}, {4., 5., 6.}}, f64);
  auto m = matrix_map<double>(x);
  EXPECT_EQ(m.rows(), 2);
  EXPECT_EQ(m.cols(), 3);
  EXPECT_EQ(m(1, 0), 4);
  m(1, 0) = 40;
  m.row(0) *= 2;
  EXPECT_EQ(x.to_vector<double>(), (Doubles{2, 4, 6, 40, 5, 6}));
  EXPECT_EQ(static_cast<const void*>(m.data()), x.pointer<double>());
}

TEST(Eigen, MapsAVector) {
  Tensor x = tensor({1., 2., 3.});
  vector_map<float>(x).array() += 1;
  EXPECT_EQ(vector_map<float>(std::as_const(x)).sum(), 9);
}

TEST(Eigen, OnlyAMutableMapCountsAsModification) {
  Tensor x = zeros({2, 2});
  const auto version = [&] { return x.body()->storage->version; };
  const uint32_t before = version();
  matrix_map<float>(std::as_const(x));
  EXPECT_EQ(version(), before);
  matrix_map<float>(x);
  EXPECT_EQ(version(), before + 1);
  x.requires_grad_();
  EXPECT_THROW(matrix_map<float>(x), GraphError);
  EXPECT_NO_THROW(matrix_map<float>(std::as_const(x)));
}

TEST(Eigen, RefusesWhatDoesNotFit) {
  const Tensor x = zeros({2, 3});
  EXPECT_THROW(matrix_map<double>(x), DtypeError);
  EXPECT_THROW(vector_map<float>(x), ShapeError);
  EXPECT_THROW(matrix_map<float>(zeros({2})), ShapeError);
  EXPECT_THROW(matrix_map<float>(as_strided(x, {3, 2}, {1, 3}, 0)), ShapeError);
  try {
    matrix_map<float>(zeros({2, 2, 2}));
    FAIL();
  } catch (const ShapeError& e) {
    EXPECT_STREQ(e.what(), "eigen map: a matrix map needs two dimensions; got (2, 2, 2) f32");
  }
}

TEST(Eigen, MapsAnUnalignedView) {
  Tensor x = arange(10, f32);
  Tensor part = as_strided(x, {5}, {1}, 3);
  EXPECT_EQ(vector_map<float>(part).sum(), 25);
  EXPECT_EQ(matrix_map<float>(zeros({0, 3})).size(), 0);
}

TEST(Eigen, ATensorOnAColumnMajorMatrixIsStrided) {
  Eigen::MatrixXd m(2, 3);
  m << 1, 2, 3, 4, 5, 6;
  const Tensor x = on_eigen(m);
  EXPECT_EQ(describe(x), "(2, 3) f64");
  EXPECT_EQ(x.strides(), (Strides{1, 2}));
  EXPECT_EQ(x.to_vector<double>(), (Doubles{1, 2, 3, 4, 5, 6}));
  m(0, 1) = 20;
  EXPECT_EQ(x.to_vector<double>()[1], 20);
}

TEST(Eigen, ATensorOnOtherKindsOfMemory) {
  Eigen::Matrix<float, 2, 2, Eigen::RowMajor> rows;
  rows << 1, 2, 3, 4;
  EXPECT_TRUE(on_eigen(rows).is_contiguous());
  Eigen::VectorXf v(3);
  v << 1, 2, 3;
  EXPECT_EQ(describe(on_eigen(v)), "(3,) f32");
  Eigen::MatrixXf m = Eigen::MatrixXf::Random(5, 6);
  auto block = m.block(1, 2, 3, 2);
  const Tensor x = on_eigen(block);
  EXPECT_EQ(x.strides(), (Strides{1, 5}));
  EXPECT_EQ(x.to_vector<float>(), (std::vector<float>{m(1, 2), m(1, 3), m(2, 2), m(2, 3), m(3, 2), m(3, 3)}));
  auto row = m.row(2);
  EXPECT_EQ(on_eigen(row).strides(), (Strides{5}));
  Eigen::MatrixXf none(0, 3);
  EXPECT_EQ(on_eigen(none).shape(), (Shape{0, 3}));
}

TEST(Eigen, ExpressionsAreCopied) {
  Eigen::MatrixXf m(2, 2);
  m << 1, 2, 3, 4;
  const Tensor x = from_eigen((m + m.transpose()).eval() * 2.0f);
  EXPECT_TRUE(x.is_contiguous());
  EXPECT_EQ(x.to_vector<double>(), (Doubles{4, 10, 10, 16}));
  EXPECT_EQ(describe(from_eigen(m.col(1))), "(2,) f32");
}

TEST(Eigen, AMatrixCanBeHandedOver) {
  Eigen::MatrixXd m = Eigen::MatrixXd::Ones(100, 3);
  const double* elements = m.data();
  const Tensor x = from_eigen(std::move(m));
  EXPECT_EQ(x.pointer<double>(), elements);
  EXPECT_EQ(x.shape(), (Shape{100, 3}));
}

}  // namespace
