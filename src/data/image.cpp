#include "cairn/data/image.h"

#include <png.h>

#include <algorithm>
#include <cstring>
#include <filesystem>

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

}  // namespace

Tensor read_png(const std::string& path) {
  require<FileError>(fs::is_regular_file(path), "read_png", "there is no such file", path);
  Png png;
  png.require_ok(png_image_begin_read_from_file(&png.image, path.c_str()) != 0, "read_png",
                 "the file cannot be read as a PNG picture", path);
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
  png.require_ok(png_image_write_to_file(&png.image, path.c_str(), 0, pixels.pointer<uint8_t>(), 0, nullptr) != 0,
                 "write_png", "the file cannot be written", path);
}

ImageFolder load_image_folder(const std::string& root) {
  require<FileError>(fs::is_directory(root), "load_image_folder", "there is no such folder", root);
  ImageFolder all;
  std::vector<int64_t> labels;
  for (const auto& entry : fs::directory_iterator(root))
    if (entry.is_directory()) all.classes.push_back(entry.path().filename().string());
  std::sort(all.classes.begin(), all.classes.end());
  require<FileError>(!all.classes.empty(), "load_image_folder", "there is no folder in it, and a folder is a class",
                     root);
  for (size_t c = 0; c < all.classes.size(); ++c) {
    const size_t before = all.files.size();
    for (const auto& entry : fs::directory_iterator(fs::path(root) / all.classes[c]))
      if (entry.path().extension() == ".png") all.files.push_back(entry.path().string());
    require<FileError>(all.files.size() > before, "load_image_folder", "a class without pictures (*.png)",
                       (fs::path(root) / all.classes[c]).string());
    std::sort(all.files.begin() + static_cast<std::ptrdiff_t>(before), all.files.end());
    labels.resize(all.files.size(), static_cast<int64_t>(c));
  }
  std::vector<Tensor> pictures;
  int64_t channels = 1;
  for (const std::string& file : all.files) {
    pictures.push_back(read_png(file));
    const Tensor &now = pictures.back(), &first = pictures.front();
    require<FileError>(now.size(1) == first.size(1) && now.size(2) == first.size(2), "load_image_folder",
                       "all pictures must have one size", file, given("this one", now), given("the first", first));
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
