#pragma once
// Images that are changed anew in every epoch, on the loader's thread.

#include <vector>

#include "cairn/data/dataset.h"

namespace cairn::data {

/// What is done to an image, in this order. Everything is drawn from (seed, epoch, number of the sample), so a batch is the
/// same whoever makes it, and a run can be resumed.
struct AugmentOptions {
  int64_t crop_padding = 0;      ///< pixels of black around the image, out of which its own size is cut anywhere
  bool horizontal_flip = false;  ///< left and right swapped for every second image
  double brightness = 0;         ///< factor from [max(0, 1 − b), 1 + b] on all pixels
  double contrast = 0;           ///< factor from [max(0, 1 − c), 1 + c] on what differs from the image's mean
  double erasing = 0;            ///< probability that a rectangle of 2 to 33 % of the area becomes the mean colour
  double mixup = 0;              ///< alpha of Beta(alpha, alpha), the share of another image; 0 mixes nothing
  int64_t classes = 0;           ///< columns of mixup's targets; 0: the largest label + 1
  uint64_t seed = 0;
};

/// Images of u8 with augmentation. Batches are x (n, c, h, w) f32, normalised, and y (n,) i64, or with mixup (n, classes)
/// f32: the shares of the classes, which cross_entropy takes as probabilities.
///   source  erasing: Zhong et al. 2017, "Random erasing data augmentation"; mixup: Zhang et al. 2018, "mixup: beyond
///           empirical risk minimization"
class Augmented : public Dataset {
 public:
  ///   images   (n, c, h, w) u8
  ///   labels   (n,) i64 from 0
  ///   throws   ShapeError, also for images without pixels; DtypeError; ValueError for options out of range, a padding
  ///            larger than the image, a label below 0 or past `classes`, and a normalisation that does not fit
  Augmented(const Tensor& images, const Tensor& labels, const Normalization& normalization = {},
            const AugmentOptions& options = {});
  int64_t size() const override { return images_.size(0); }

 private:
  Batch make_batch(std::span<const int64_t> numbers, int64_t epoch) const override;
  void change(int64_t number, int64_t epoch, const char* purpose, float* to) const;

  Tensor images_, labels_;
  std::vector<float> mean_, deviation_;  // by channel
  int64_t classes_ = 0;
  AugmentOptions options_;
};

/// Mean and deviation of each channel of images (n, c, h, w) u8, with pixels as numbers in [0, 1].
///   throws  ShapeError, DtypeError; ValueError when a channel is the same everywhere
Normalization channel_statistics(const Tensor& images);

}  // namespace cairn::data
