#include "cairn/data/augment.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "cairn/base/random.h"
#include "cairn/base/threads.h"
#include "cairn/tensor/create.h"

namespace cairn::data {
namespace {

// Beta(a, a) from two uniform numbers at a time, exact for every a and quick for all: Jöhnk 1964 below 1, with logarithms as
// the powers underflow for a small a; above, where Jöhnk's tries succeed once in 4^a, Ulrich 1984, which needs no tries.
double beta(Generator& random, double a) {
  if (a >= 1) {
    const double radius = std::sqrt(1 - std::pow(random.uniform(), 2 / (2 * a - 1)));
    return 0.5 + 0.5 * radius * std::cos(2 * std::numbers::pi * random.uniform());
  }
  for (;;) {
    const double x = std::log(1 - random.uniform()) / a, y = std::log(1 - random.uniform()) / a;  // 1 − u is never 0
    const double most = std::max(x, y), sum = most + std::log1p(std::exp(std::min(x, y) - most));
    if (sum <= 0) return std::exp(x - sum);
  }
}

void check_images(const char* operation, const Tensor& images) {
  require(images.dim() == 4, operation, "images must be (n, c, h, w)", given("images", images));
  require<DtypeError>(images.dtype() == u8, operation, "images must be u8", given("images", images));
}

// One number a channel, or one for all of them.
std::vector<float> by_channel(std::vector<double> list, double otherwise, int64_t channels) {
  if (list.empty()) list = {otherwise};
  if (list.size() == 1) list.resize(static_cast<size_t>(channels), list[0]);
  require<ValueError>(static_cast<int64_t>(list.size()) == channels, "Augmented",
                      "needs one mean and deviation, or one a channel", given("numbers", list.size()),
                      given("channels", channels));
  return {list.begin(), list.end()};
}

}  // namespace

Augmented::Augmented(const Tensor& images, const Tensor& labels, const Normalization& normalization,
                     const AugmentOptions& o)
    : images_(images.contiguous()), labels_(labels.contiguous()), options_(o) {
  check_images("Augmented", images);
  require(labels.dim() == 1 && labels.size(0) == images.size(0), "Augmented", "there must be one label an image",
          given("images", images), given("labels", labels));
  require<DtypeError>(labels.dtype() == i64, "Augmented", "labels must be i64", given("labels", labels));
  require(images.size(1) > 0 && images.size(2) > 0 && images.size(3) > 0, "Augmented", "images must have pixels",
          given("images", images));
  require<ValueError>(o.crop_padding >= 0 && o.crop_padding <= std::max(images.size(2), images.size(3)), "Augmented",
                      "crop_padding must be from 0 to the size of the images", given("crop_padding", o.crop_padding),
                      given("images", images));
  for (const auto& [name, value] :
       {std::pair("brightness", o.brightness), std::pair("contrast", o.contrast), std::pair("mixup", o.mixup)})
    require<ValueError>(value >= 0 && std::isfinite(value), "Augmented", "must be finite and not negative",
                        given(name, value));
  require<ValueError>(o.erasing >= 0 && o.erasing <= 1, "Augmented", "erasing is a probability",
                      given("erasing", o.erasing));
  mean_ = by_channel(normalization.mean, 0, images.size(1));
  deviation_ = by_channel(normalization.deviation, 1, images.size(1));
  for (size_t k = 0; k < mean_.size(); ++k)
    require<ValueError>(deviation_[k] > 0 && std::isfinite(deviation_[k]) && std::isfinite(mean_[k]), "Augmented",
                        "deviations must be above 0, means finite", given("mean", mean_[k]),
                        given("deviation", deviation_[k]));
  require<ValueError>(o.classes >= 0, "Augmented", "classes must not be negative", given("classes", o.classes));
  for (int64_t i = 0; i < labels_.numel(); ++i) {
    const int64_t label = labels_.pointer<int64_t>()[i];
    require<ValueError>(label >= 0, "Augmented", "labels must not be negative", given("label", label),
                        given("of image", i));
    require<ValueError>(o.classes == 0 || label < o.classes, "Augmented", "labels must be below classes",
                        given("label", label), given("of image", i), given("classes", o.classes));
    classes_ = std::max(classes_, label + 1);
  }
  if (o.classes > 0) classes_ = o.classes;
}

// The image of a number, changed, to c · h · w floats.
void Augmented::change(int64_t number, int64_t epoch, const char* purpose, float* to) const {
  const int64_t c = images_.size(1), h = images_.size(2), w = images_.size(3);
  const AugmentOptions& o = options_;
  Generator random(o.seed, purpose, static_cast<uint64_t>(epoch), static_cast<uint64_t>(number));
  const auto between = [&](double low, double high) { return low + (high - low) * random.uniform(); };

  const int64_t down = o.crop_padding > 0 ? random.integer(2 * o.crop_padding + 1) - o.crop_padding : 0;
  const int64_t right = o.crop_padding > 0 ? random.integer(2 * o.crop_padding + 1) - o.crop_padding : 0;
  const bool flip = o.horizontal_flip && random.uniform() < 0.5;
  const uint8_t* image = images_.pointer<uint8_t>() + number * c * h * w;
  for (int64_t k = 0; k < c; ++k)
    for (int64_t y = 0; y < h; ++y) {
      float* row = to + (k * h + y) * w;
      std::fill_n(row, w, 0.0f);
      if (y + down < 0 || y + down >= h) continue;
      const uint8_t* from = image + (k * h + y + down) * w;
      for (int64_t x = std::max<int64_t>(0, -right); x < std::min(w, w - right); ++x)
        row[flip ? w - 1 - x : x] = static_cast<float>(from[x + right]) / 255.0f;
    }

  const int64_t all = c * h * w;
  if (o.brightness > 0) {
    const auto factor = static_cast<float>(between(std::max(0.0, 1 - o.brightness), 1 + o.brightness));
    for (int64_t i = 0; i < all; ++i) to[i] = std::min(1.0f, to[i] * factor);
  }
  if (o.contrast > 0) {
    double sum = 0;
    for (int64_t i = 0; i < all; ++i) sum += static_cast<double>(to[i]);
    const auto center = static_cast<float>(sum / static_cast<double>(all));
    const auto factor = static_cast<float>(between(std::max(0.0, 1 - o.contrast), 1 + o.contrast));
    for (int64_t i = 0; i < all; ++i) to[i] = std::clamp(center + (to[i] - center) * factor, 0.0f, 1.0f);
  }
  for (int64_t k = 0; k < c; ++k)
    for (int64_t i = 0; i < h * w; ++i) {
      float& v = to[k * h * w + i];
      v = (v - mean_[static_cast<size_t>(k)]) / deviation_[static_cast<size_t>(k)];
    }
  if (o.erasing > 0 && random.uniform() < o.erasing) {
    const double area = between(0.02, 0.33) * static_cast<double>(h * w);
    const double aspect = std::exp(between(std::log(0.3), std::log(1 / 0.3)));
    const auto side = [](double length, int64_t most) {
      return std::clamp(static_cast<int64_t>(std::lround(length)), int64_t{1}, most);
    };
    const int64_t eh = side(std::sqrt(area * aspect), h), ew = side(std::sqrt(area / aspect), w);
    const int64_t top = random.integer(h - eh + 1), left = random.integer(w - ew + 1);
    for (int64_t k = 0; k < c; ++k)
      for (int64_t y = top; y < top + eh; ++y) std::fill_n(to + (k * h + y) * w + left, ew, 0.0f);  // the mean
  }
}

Batch Augmented::make_batch(std::span<const int64_t> numbers, int64_t epoch) const {
  const auto n = static_cast<int64_t>(numbers.size());
  Shape shape = images_.shape();
  shape[0] = n;
  const int64_t image = images_.numel() / std::max<int64_t>(size(), 1);
  Tensor x = empty(shape, f32);
  const bool mixes = options_.mixup > 0;
  Tensor y = mixes ? zeros({n, classes_}) : empty({n}, i64);
  const auto* label = labels_.pointer<int64_t>();
  parallel_for(n, std::max<int64_t>(1, 16384 / std::max<int64_t>(image, 1)), [&](int64_t begin, int64_t end) {
    std::vector<float> other(static_cast<size_t>(mixes ? image : 0));
    for (int64_t i = begin; i < end; ++i) {
      const int64_t number = numbers[static_cast<size_t>(i)];
      float* to = x.pointer<float>() + i * image;
      change(number, epoch, "augment", to);
      if (!mixes) {
        y.pointer<int64_t>()[i] = label[number];
        continue;
      }
      // The partner comes from the whole set, so that a sample does not depend on the others of its batch.
      Generator random(options_.seed, "mixup", static_cast<uint64_t>(epoch), static_cast<uint64_t>(number));
      const int64_t partner = random.integer(size());
      const auto share = static_cast<float>(beta(random, options_.mixup));
      change(partner, epoch, "augment partner", other.data());
      for (int64_t k = 0; k < image; ++k) to[k] += share * (other[static_cast<size_t>(k)] - to[k]);
      float* row = y.pointer<float>() + i * classes_;
      row[label[number]] += 1 - share;
      row[label[partner]] += share;
    }
  });
  return {std::move(x), std::move(y)};
}

Normalization channel_statistics(const Tensor& given_images) {
  check_images("channel_statistics", given_images);
  const Tensor images = given_images.contiguous();
  const int64_t n = images.size(0), c = images.size(1), plane = images.size(2) * images.size(3);
  Normalization found;
  for (int64_t k = 0; k < c; ++k) {
    std::array<int64_t, 256> count{};
    for (int64_t i = 0; i < n; ++i) {
      const uint8_t* from = images.pointer<uint8_t>() + (i * c + k) * plane;
      for (int64_t p = 0; p < plane; ++p) ++count[from[p]];
    }
    double sum = 0, squares = 0;
    for (size_t v = 0; v < 256; ++v) sum += static_cast<double>(count[v]) * static_cast<double>(v) / 255;
    const double all = static_cast<double>(n * plane), mean = sum / all;
    for (size_t v = 0; v < 256; ++v) {
      const double d = static_cast<double>(v) / 255 - mean;
      squares += static_cast<double>(count[v]) * d * d;
    }
    require<ValueError>(squares > 0, "channel_statistics", "a channel is the same everywhere", given("channel", k),
                        given("images", given_images));
    found.mean.push_back(mean);
    found.deviation.push_back(std::sqrt(squares / all));
  }
  return found;
}

}  // namespace cairn::data
