#include "cairn/data/image.h"

#include <png.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstring>
#include <filesystem>

#include "cairn/base/file.h"
#include "cairn/tensor/create.h"

namespace cairn::data {
namespace {

namespace fs = std::filesystem;

// libpng's simplified interface: no longjmp, and the image is freed whatever happens.
struct Png {
  png_image image{};
  Png() { image.version = PNG_IMAGE_VERSION; }
  ~Png() { png_image_free(&image); }
  Png(const Png&) = delete;
  Png& operator=(const Png&) = delete;
  void require_ok(bool ok, const char* operation, const char* problem, const std::string& path) const {
    require<FileError>(ok, operation, problem, path, given("libpng says", std::string(image.message)));
  }
};

// Rows of length `from` brought to length `to`, and the result turned: twice, it is both directions and upright again.
std::vector<float> resample_rows(const std::vector<float>& in, int64_t rows, int64_t from, int64_t to) {
  std::vector<float> out(static_cast<size_t>(rows * to)), weights;
  const double step = static_cast<double>(from) / static_cast<double>(to), reach = std::max(step, 1.0);
  for (int64_t x = 0; x < to; ++x) {
    const double centre = (static_cast<double>(x) + 0.5) * step;
    const auto begin = std::max<int64_t>(static_cast<int64_t>(std::floor(centre - reach)), 0);
    const auto end = std::min<int64_t>(static_cast<int64_t>(std::ceil(centre + reach)), from);
    weights.clear();
    float total = 0;
    for (int64_t i = begin; i < end; ++i) {
      const double distance = std::abs(static_cast<double>(i) + 0.5 - centre) / reach;
      weights.push_back(static_cast<float>(std::max(0.0, 1 - distance)));
      total += weights.back();
    }
    for (int64_t y = 0; y < rows; ++y) {
      const float* row = in.data() + y * from + begin;
      float sum = 0;
      for (size_t i = 0; i < weights.size(); ++i) sum += weights[i] * row[i];
      out[static_cast<size_t>(x * rows + y)] = sum / total;
    }
  }
  return out;
}

// What is in a folder, sorted by name.
std::vector<fs::path> entries(const fs::path& folder) {
  std::vector<fs::path> found;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error))
    found.push_back(at->path());
  require<FileError>(!error, "load_image_folder", "cannot read the folder", folder.string(),
                     given("the system says", error.message()));
  std::sort(found.begin(), found.end());
  return found;
}

bool is_png(const fs::path& path) {
  std::string ending = path.extension().string();
  for (char& c : ending) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return ending == ".png";
}

}  // namespace

Tensor read_png(const std::string& path) {
  std::error_code ignored;
  require<FileError>(fs::is_regular_file(path, ignored), "read_png", "there is no such file", path);
  Png png;
  png.require_ok(png_image_begin_read_from_file(&png.image, path.c_str()) != 0, "read_png",
                 "the file cannot be read as a PNG picture", path);
  // What its interface writes as 16 bits is linear, and it takes all 16 bits so; other programs write sRGB.
  png.image.flags |= PNG_IMAGE_FLAG_16BIT_sRGB;
  const bool colour = (png.image.format & PNG_FORMAT_FLAG_COLOR) != 0;
  png.image.format = colour ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
  const auto h = static_cast<int64_t>(png.image.height), w = static_cast<int64_t>(png.image.width);
  const int64_t c = colour ? 3 : 1;
  require<FileError>(h * w <= int64_t{1} << 28, "read_png", "the picture is larger than 2^28 pixels", path,
                     given("height", h), given("width", w));
  const Tensor pixels = empty({h, w, c}, u8);
  const png_color black{0, 0, 0};
  png.require_ok(png_image_finish_read(&png.image, &black, pixels.pointer<uint8_t>(), 0, nullptr) != 0, "read_png",
                 "the PNG data are damaged", path);
  return pixels.permute({2, 0, 1}).contiguous();
}

void write_png(const std::string& path, const Tensor& image) {
  require(image.dim() == 3 && (image.size(0) == 1 || image.size(0) == 3) && image.numel() > 0, "write_png",
          "image must be (c, h, w) with one or three channels", given("image", image));
  require<DtypeError>(image.dtype() == u8, "write_png", "image must be u8", given("image", image));
  const Tensor pixels = image.permute({1, 2, 0}).contiguous();
  Png png;
  png.image.width = static_cast<png_uint_32>(image.size(2));
  png.image.height = static_cast<png_uint_32>(image.size(1));
  png.image.format = image.size(0) == 3 ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
  png_alloc_size_t bytes = PNG_IMAGE_PNG_SIZE_MAX(png.image);
  std::string file(bytes, '\0');
  png.require_ok(
      png_image_write_to_memory(&png.image, file.data(), &bytes, 0, pixels.pointer<uint8_t>(), 0, nullptr) != 0,
      "write_png", "the picture cannot be packed", path);
  file.resize(bytes);
  io::write_text(path, file);
}

Tensor resize_image(const Tensor& image, IntPair size) {
  require(image.dim() == 3 && image.numel() > 0, "resize_image", "image must be (c, h, w) with pixels",
          given("image", image));
  require<DtypeError>(image.dtype() == u8, "resize_image", "image must be u8", given("image", image));
  require<ValueError>(size.h > 0 && size.w > 0, "resize_image", "height and width must be at least 1",
                      given("height", size.h), given("width", size.w));
  const int64_t c = image.size(0), h = image.size(1), w = image.size(2);
  if (h == size.h && w == size.w) return image.contiguous();
  const Tensor from = image.contiguous();
  std::vector<float> pixels(from.pointer<uint8_t>(), from.pointer<uint8_t>() + from.numel());
  Tensor resized = empty({c, size.h, size.w}, u8);
  for (int64_t k = 0; k < c; ++k) {
    const auto plane = pixels.begin() + k * h * w;
    const auto narrow = resample_rows({plane, plane + h * w}, h, w, size.w);
    const auto done = resample_rows(narrow, size.w, h, size.h);
    std::transform(done.begin(), done.end(), resized.pointer<uint8_t>() + k * size.h * size.w,
                   [](float v) { return static_cast<uint8_t>(std::clamp(std::lround(v), 0L, 255L)); });
  }
  return resized;
}

ImageFolder load_image_folder(const std::string& root, const ImageFolderOptions& options) {
  const IntPair size = options.size;
  const bool resizes = size != IntPair(0);
  require<ValueError>(!resizes || (size.h > 0 && size.w > 0), "load_image_folder",
                      "size must be a height and a width from 1, or 0", given("height", size.h),
                      given("width", size.w));
  std::error_code ignored;
  require<FileError>(fs::is_directory(root, ignored), "load_image_folder", "there is no such folder", root);
  ImageFolder all;
  std::vector<int64_t> labels;
  for (const fs::path& folder : entries(root)) {
    if (!fs::is_directory(folder, ignored)) continue;
    const size_t before = all.files.size();
    for (const fs::path& file : entries(folder))
      if (is_png(file)) all.files.push_back(file.string());
    require<FileError>(all.files.size() > before, "load_image_folder", "a class without pictures (*.png)",
                       folder.string());
    labels.resize(all.files.size(), static_cast<int64_t>(all.classes.size()));
    all.classes.push_back(folder.filename().string());
  }
  require<FileError>(!all.classes.empty(), "load_image_folder", "there is no folder in it, and a folder is a class",
                     root);
  std::vector<Tensor> pictures;
  int64_t channels = 1;
  for (const std::string& file : all.files) {
    pictures.push_back(resizes ? resize_image(read_png(file), size) : read_png(file));
    const Tensor &now = pictures.back(), &first = pictures.front();
    require<FileError>(now.size(1) == first.size(1) && now.size(2) == first.size(2), "load_image_folder",
                       "all pictures must have one size, unless the option size gives one", file,
                       given("this one", now), given("the first", first));
    channels = std::max(channels, now.size(0));
  }
  const int64_t h = pictures[0].size(1), w = pictures[0].size(2), n = static_cast<int64_t>(pictures.size());
  all.images = empty({n, channels, h, w}, u8);
  for (int64_t i = 0; i < n; ++i) {
    const Tensor& from = pictures[static_cast<size_t>(i)];
    for (int64_t k = 0; k < channels; ++k)
      std::memcpy(all.images.pointer<uint8_t>() + (i * channels + k) * h * w,
                  from.pointer<uint8_t>() + (from.size(0) == 1 ? 0 : k) * h * w, static_cast<size_t>(h * w));
  }
  all.labels = from_vector(labels, {n});
  return all;
}

}  // namespace cairn::data
