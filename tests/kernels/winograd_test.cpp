#include "kernels/winograd.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "cairn/base/random.h"
#include "kernels/conv.h"
#include "support.h"

namespace cairn::kernels {
namespace {

std::vector<double> random_numbers(int64_t n, Generator& random) {
  std::vector<double> v(static_cast<size_t>(n));
  for (double& e : v) e = static_cast<float>(random.uniform() * 2 - 1);
  return v;
}

std::vector<float> floats(const std::vector<double>& v) { return {v.begin(), v.end()}; }

// The largest error beside the largest number.
double error(const std::vector<float>& found, const std::vector<double>& exact) {
  double most = 0, worst = 0;
  for (size_t i = 0; i < exact.size(); ++i) {
    most = std::max(most, std::abs(exact[i]));
    worst = std::max(worst, std::abs(static_cast<double>(found[i]) - exact[i]));
  }
  return worst / most;
}

Conv three_by_three(int64_t n, int64_t c, int64_t h, int64_t w, int64_t o, int64_t padding_h, int64_t padding_w) {
  return {n, c, h, w, o, h + 2 * padding_h - 2, w + 2 * padding_w - 2, 3, 3, 1, 1, padding_h, padding_w, 1, 1, 1};
}

Winograd tiles_of(const Conv& g) { return {g.n, g.c, g.h, g.w, g.o, g.y_h, g.y_w, g.padding_h, g.padding_w}; }

// What the header promises, beside the largest number.
constexpr double promised = 1e-5;

// Sizes that fill tiles and such that do not, one tile and many, more padding than the kernel's reach, none.
const std::vector<Conv> sizes = {
    three_by_three(3, 16, 32, 32, 16, 1, 1), three_by_three(2, 32, 13, 10, 48, 1, 1),
    three_by_three(5, 64, 7, 7, 80, 1, 1),   three_by_three(2, 48, 26, 26, 64, 0, 0),
    three_by_three(9, 192, 4, 4, 160, 1, 1), three_by_three(1, 320, 8, 8, 272, 1, 1),
    three_by_three(2, 32, 9, 6, 32, 2, 3),   three_by_three(1, 16, 4, 61, 32, 1, 0),
    three_by_three(3, 33, 12, 12, 31, 1, 1), three_by_three(2, 131, 8, 9, 257, 1, 1),
    three_by_three(2, 47, 16, 16, 65, 1, 1), three_by_three(1, 263, 8, 8, 129, 0, 1),
};

TEST(Winograd, AgreesWithTheDefinition) {
  Generator random(1, "winograd");
  for (const Conv& g : sizes) {
    ASSERT_TRUE(tiles_of(g).serves());
    SCOPED_TRACE(::testing::Message() << g.n << " × " << g.c << " × " << g.h << " × " << g.w << " to " << g.o);
    const auto x = random_numbers(g.n * g.c * g.h * g.w, random), weight = random_numbers(g.o * g.c * 9, random),
               y = random_numbers(g.n * g.o * g.y_h * g.y_w, random), bias_o = random_numbers(g.o, random),
               bias_c = random_numbers(g.c, random);
    std::vector<double> exact(y.size());
    std::vector<float> found(y.size(), 7);
    conv_reference(g, x.data(), weight.data(), bias_o.data(), exact.data());
    conv(g, floats(x).data(), floats(weight).data(), floats(bias_o).data(), found.data());
    EXPECT_LT(error(found, exact), promised);
    exact.resize(x.size()), found.assign(x.size(), 7);
    conv_transpose_reference(g, y.data(), weight.data(), bias_c.data(), exact.data());
    conv_transpose(g, floats(y).data(), floats(weight).data(), floats(bias_c).data(), found.data());
    EXPECT_LT(error(found, exact), promised);
    exact.resize(weight.size()), found.assign(weight.size(), 7);
    conv_weight_reference(g, x.data(), y.data(), exact.data());
    conv_weight(g, floats(x).data(), floats(y).data(), found.data());
    EXPECT_LT(error(found, exact), promised);
  }
}

TEST(Winograd, GivesTheSameBitsOnAnyNumberOfThreads) {
  Generator random(2, "winograd");
  for (const Conv& g : {three_by_three(70, 64, 8, 8, 96, 1, 1), three_by_three(40, 256, 4, 4, 160, 1, 1)}) {
    const auto x = floats(random_numbers(g.n * g.c * g.h * g.w, random)),
               weight = floats(random_numbers(g.o * g.c * 9, random)),
               y = floats(random_numbers(g.n * g.o * g.y_h * g.y_w, random));
    expect_same_on_any_threads([&] {
      std::vector<std::vector<float>> now{std::vector<float>(y.size()), std::vector<float>(x.size()),
                                          std::vector<float>(weight.size())};
      conv<float>(g, x.data(), weight.data(), nullptr, now[0].data());
      conv_transpose<float>(g, y.data(), weight.data(), nullptr, now[1].data());
      conv_weight(g, x.data(), y.data(), now[2].data());
      return now;
    });
  }
}

TEST(Winograd, OfAnImageDoesNotDependOnItsBatch) {
  Generator random(3, "winograd");
  Conv g = three_by_three(50, 32, 10, 10, 64, 1, 1);
  const auto x = floats(random_numbers(g.n * g.c * g.h * g.w, random)),
             weight = floats(random_numbers(g.o * g.c * 9, random));
  const int64_t in = g.c * g.h * g.w, out = g.o * g.y_h * g.y_w;
  std::vector<float> together(static_cast<size_t>(g.n * out)), alone(static_cast<size_t>(out));
  conv<float>(g, x.data(), weight.data(), nullptr, together.data());
  g.n = 1;
  conv<float>(g, x.data() + 37 * in, weight.data(), nullptr, alone.data());
  EXPECT_EQ(alone, std::vector<float>(together.begin() + 37 * out, together.begin() + 38 * out));
}

TEST(Winograd, OfNoImagesGivesNoGradient) {
  const Conv g = three_by_three(0, 64, 8, 8, 64, 1, 1);
  std::vector<float> weight(64 * 64 * 9, 7);
  conv_weight<float>(g, nullptr, nullptr, weight.data());
  EXPECT_EQ(weight, std::vector<float>(weight.size(), 0));
}

// Where nothing is saved, the direct way is taken: images smaller than half a tile, few channels.
TEST(Winograd, ServesWhereItSaves) {
  EXPECT_FALSE(tiles_of(three_by_three(8, 64, 2, 2, 64, 1, 1)).serves());
  EXPECT_FALSE(tiles_of(three_by_three(8, 3, 32, 32, 64, 1, 1)).serves());
  EXPECT_FALSE(tiles_of(three_by_three(8, 4, 32, 32, 8, 1, 1)).serves());
  EXPECT_TRUE(tiles_of(three_by_three(1, 64, 56, 56, 64, 1, 1)).serves());
}

}  // namespace
}  // namespace cairn::kernels
