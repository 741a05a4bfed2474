#include "kernels/conv.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "cairn/base/random.h"
#include "support.h"

namespace cairn::kernels {
namespace {

struct Operands {
  std::vector<double> x, weight, y, bias_o, bias_c;
};

Operands random_operands(const Conv& g, Generator& random) {
  const auto fill = [&](int64_t n) {
    std::vector<double> v(static_cast<size_t>(n));
    for (double& e : v) e = random.uniform() * 2 - 1;
    return v;
  };
  return {fill(g.n * g.c * g.h * g.w), fill(g.o * g.c / g.groups * g.k_h * g.k_w), fill(g.n * g.o * g.y_h * g.y_w),
          fill(g.o), fill(g.c)};
}

template <class S>
std::vector<S> as(const std::vector<double>& v) {
  return std::vector<S>(v.begin(), v.end());
}

// The sums have up to `terms` products of numbers in (−1, 1): rounding grows with their root.
template <class S>
void expect_equal(const std::vector<S>& found, const std::vector<S>& wanted, int64_t terms, const std::string& what) {
  const double tolerance = 8 * std::numeric_limits<S>::epsilon() * std::sqrt(static_cast<double>(terms)) + 1e-300;
  for (size_t i = 0; i < wanted.size(); ++i)
    ASSERT_NEAR(found[i], wanted[i], tolerance * std::max(1.0, std::sqrt(static_cast<double>(terms))))
        << what << " at " << i;
}

std::string text_of(const Conv& g) {
  std::string text;
  for (int64_t v : {g.n, g.c, g.h, g.w, g.o, g.y_h, g.y_w, g.k_h, g.k_w, g.stride_h, g.stride_w, g.padding_h,
                    g.padding_w, g.dilation_h, g.dilation_w, g.groups})
    text += std::to_string(v) + " ";
  return text;
}

template <class S>
void compare(const Conv& g, const Operands& all) {
  const std::vector<S> x = as<S>(all.x), w = as<S>(all.weight), y = as<S>(all.y), bo = as<S>(all.bias_o),
                       bc = as<S>(all.bias_c);
  const std::string text = text_of(g);
  for (const bool bias : {false, true}) {
    std::vector<S> found(y.size(), S(7)), wanted(y.size());
    conv(g, x.data(), w.data(), bias ? bo.data() : nullptr, found.data());
    conv_reference(g, x.data(), w.data(), bias ? bo.data() : nullptr, wanted.data());
    expect_equal(found, wanted, g.c / g.groups * g.k_h * g.k_w, "conv " + text);
    found.assign(x.size(), S(7)), wanted.assign(x.size(), S(0));
    conv_transpose(g, y.data(), w.data(), bias ? bc.data() : nullptr, found.data());
    conv_transpose_reference(g, y.data(), w.data(), bias ? bc.data() : nullptr, wanted.data());
    expect_equal(found, wanted, g.o / g.groups * g.k_h * g.k_w, "conv_transpose " + text);
  }
  std::vector<S> found(w.size(), S(7)), wanted(w.size());
  conv_weight(g, x.data(), y.data(), found.data());
  conv_weight_reference(g, x.data(), y.data(), wanted.data());
  expect_equal(found, wanted, g.n * g.y_h * g.y_w, "conv_weight " + text);
}

Conv random_sizes(Generator& random) {
  const auto pick = [&](int64_t low, int64_t high) {
    return low + static_cast<int64_t>(random.uniform() * static_cast<double>(high - low + 1));
  };
  Conv g{};
  g.groups = pick(1, 6) == 1 ? pick(2, 4) : 1;
  g.n = pick(1, 5);
  g.c = g.groups * (pick(0, 2) == 0 ? pick(16, 40) : pick(1, 9));
  g.o = g.groups * (pick(0, 2) == 0 ? pick(16, 70) : pick(1, 9));
  if (pick(0, 9) == 0) g.groups = g.c, g.o = g.c * pick(1, 2);  // depthwise
  g.k_h = pick(1, 5), g.k_w = pick(1, 5);
  g.stride_h = pick(1, 3), g.stride_w = pick(1, 3);
  g.dilation_h = pick(0, 3) == 0 ? 2 : 1, g.dilation_w = pick(0, 3) == 0 ? 2 : 1;
  g.padding_h = pick(0, 3), g.padding_w = pick(0, 3);
  const auto size = [&](int64_t kernel, int64_t dilation, int64_t padding) {
    return std::max<int64_t>(1, dilation * (kernel - 1) + 1 - 2 * padding) + pick(0, pick(0, 1) == 0 ? 4 : 24);
  };
  g.h = size(g.k_h, g.dilation_h, g.padding_h), g.w = size(g.k_w, g.dilation_w, g.padding_w);
  g.y_h = (g.h + 2 * g.padding_h - g.dilation_h * (g.k_h - 1) - 1) / g.stride_h + 1;
  g.y_w = (g.w + 2 * g.padding_w - g.dilation_w * (g.k_w - 1) - 1) / g.stride_w + 1;
  return g;
}

TEST(Conv, AgreesWithTheDefinitionOnRandomSizes) {
  Generator random(3, "conv");
  for (int round = 0; round < rounds(150); ++round) {
    const Conv g = random_sizes(random);
    const Operands all = random_operands(g, random);
    compare<float>(g, all);
    compare<double>(g, all);
    ASSERT_FALSE(HasFatalFailure());
  }
}

TEST(Conv, AgreesWithTheDefinitionOnSizesOfNetworks) {
  Generator random(4, "conv");
  for (const Conv& g : {Conv{4, 16, 32, 32, 16, 32, 32, 3, 3, 1, 1, 1, 1, 1, 1, 1},
                        Conv{3, 16, 32, 32, 32, 16, 16, 3, 3, 2, 2, 1, 1, 1, 1, 1},
                        Conv{17, 64, 8, 8, 64, 8, 8, 3, 3, 1, 1, 1, 1, 1, 1, 1},
                        Conv{2, 3, 64, 64, 64, 16, 16, 11, 11, 4, 4, 5, 5, 1, 1, 1},
                        Conv{9, 192, 4, 4, 200, 4, 4, 3, 3, 1, 1, 1, 1, 1, 1, 1},
                        Conv{2, 1, 28, 28, 32, 26, 26, 3, 3, 1, 1, 0, 0, 1, 1, 1}}) {
    const Operands all = random_operands(g, random);
    compare<float>(g, all);
    ASSERT_FALSE(HasFatalFailure());
  }
}

// Whole lines of channels, several of them and parts of one; places that no tap meets, and taps that meet no place.
TEST(Conv, DepthwiseAgreesWithTheDefinition) {
  Generator random(7, "conv");
  for (const int64_t c : {2, 7, 16, 35, 64, 100, 128})
    for (Conv g :
         {Conv{3, 0, 7, 9, 0, 7, 9, 3, 3, 1, 1, 1, 1, 1, 1, 0}, Conv{2, 0, 8, 5, 0, 4, 3, 3, 3, 2, 2, 1, 1, 1, 1, 0},
          Conv{2, 0, 6, 6, 0, 6, 6, 5, 3, 1, 1, 4, 2, 2, 2, 0}, Conv{1, 0, 7, 8, 0, 3, 2, 1, 2, 3, 4, 1, 0, 1, 1, 0},
          Conv{5, 0, 1, 1, 0, 3, 3, 3, 3, 1, 1, 2, 2, 1, 1, 0},
          Conv{2, 0, 1, 19, 0, 1, 17, 1, 7, 1, 1, 0, 2, 1, 1, 0}}) {
      g.c = g.o = g.groups = c;
      const Operands all = random_operands(g, random);
      compare<float>(g, all);
      compare<double>(g, all);
      ASSERT_FALSE(HasFatalFailure());
    }
}

TEST(Conv, GivesTheSameBitsOnAnyNumberOfThreads) {
  Generator random(5, "conv");
  for (const Conv& g : {Conv{33, 16, 16, 16, 40, 8, 8, 3, 3, 2, 2, 1, 1, 1, 1, 1},
                        Conv{40, 64, 4, 4, 96, 4, 4, 3, 3, 1, 1, 1, 1, 1, 1, 1},
                        Conv{9, 72, 17, 16, 72, 9, 8, 3, 3, 2, 2, 1, 1, 1, 1, 72}}) {
    const Operands all = random_operands(g, random);
    const auto x = as<float>(all.x), w = as<float>(all.weight), y = as<float>(all.y);
    expect_same_on_any_threads([&] {
      std::vector<std::vector<float>> now{std::vector<float>(y.size()), std::vector<float>(x.size()),
                                          std::vector<float>(w.size())};
      conv<float>(g, x.data(), w.data(), nullptr, now[0].data());
      conv_transpose<float>(g, y.data(), w.data(), nullptr, now[1].data());
      conv_weight(g, x.data(), y.data(), now[2].data());
      return now;
    });
  }
}

TEST(Conv, OfAnImageDoesNotDependOnItsBatch) {
  Generator random(6, "conv");
  Conv g{12, 20, 5, 5, 24, 5, 5, 3, 3, 1, 1, 1, 1, 1, 1, 1};
  const Operands all = random_operands(g, random);
  const auto x = as<float>(all.x), w = as<float>(all.weight);
  std::vector<float> together(all.y.size()), alone(together.size() / 12);
  conv<float>(g, x.data(), w.data(), nullptr, together.data());
  g.n = 1;
  conv<float>(g, x.data() + 7 * 20 * 25, w.data(), nullptr, alone.data());
  EXPECT_EQ(alone, std::vector<float>(together.begin() + 7 * 24 * 25, together.begin() + 8 * 24 * 25));
}

}  // namespace
}  // namespace cairn::kernels
