#include "support/digits.h"

#include <cairn/data/glyphs.h>
#include <cairn/ops/arithmetic.h>
#include <cairn/ops/reduce.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

namespace support {

using namespace cairn;

Digits find_digits(const std::string& folder) {
  const auto find = [&] { return data::find_data("mnist", folder, CAIRN_SOURCE_DIR, data::has_mnist); };
  std::string found = find();
  if (found.empty()) {
    std::string script = CAIRN_SOURCE_DIR "/data/fetch_mnist.sh";
    if (!std::filesystem::exists(script)) script = "data/fetch_mnist.sh";
    std::printf("MNIST is neither in $CAIRN_DATA/mnist nor in data/mnist: fetching it with %s\n", script.c_str());
    std::fflush(stdout);
    if (std::system(("bash '" + script + "'").c_str()) == 0) found = find();
  }
  if (!found.empty()) return {data::load_mnist(found), "MNIST in " + found};
  std::printf(
      "MNIST is not to be had now, so digits drawn by this program take its place; --data DIR names a folder\n");
  return glyphs();
}

Digits glyphs(int64_t n) {
  return {data::glyphs({.train = n, .test = std::max<int64_t>(n / 4, 1)}), "built-in glyphs (not MNIST)"};
}

data::Normalization normalization_of(const Tensor& images) {
  const Tensor pixels = images.slice(0, 0, 10000).to(f32) / 255.0;
  return {.mean = {mean(pixels).item<double>()}, .deviation = {cairn::std(pixels).item<double>()}};
}

}  // namespace support
