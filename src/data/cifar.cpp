#include "cairn/data/cifar.h"

#include <algorithm>
#include <filesystem>

#include "cairn/ops/join.h"
#include "data/gzip.h"

namespace cairn::data {
namespace {

namespace fs = std::filesystem;

constexpr int64_t pixels = 3 * 32 * 32, record = 1 + pixels;

std::vector<uint8_t> bytes_of(const std::string& path) {
  ByteReader file("read_cifar10", path);
  std::vector<uint8_t> bytes;
  constexpr size_t piece = size_t{1} << 22;
  for (size_t got = piece; got == piece;) {
    const size_t before = bytes.size();
    bytes.resize(before + piece);
    got = file.read(bytes.data() + before, piece);
    bytes.resize(before + got);
  }
  return bytes;
}

// Files of the folder whose names are <kind>….bin or <kind>….bin.gz, sorted; of one that is there both ways, the plain one.
std::vector<std::string> parts(const std::string& folder, const std::string& kind) {
  std::vector<std::string> found;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    const fs::path& path = entry.path();
    const fs::path plain = fs::path(path).replace_extension();  // without .gz
    const std::string name = path.filename().string();
    if (name.starts_with(kind) && (name.ends_with(".bin") || (name.ends_with(".bin.gz") && !fs::exists(plain))))
      found.push_back(path.string());
  }
  std::sort(found.begin(), found.end());
  return found;
}

void load(const std::string& folder, const std::string& kind, Tensor& images, Tensor& labels) {
  const std::vector<std::string> files = parts(folder, kind);
  if (files.empty())
    throw FileError("load_cifar10: there is no " + kind + "*.bin or " + kind + "*.bin.gz in the folder; got '" +
                    folder + "'. data/fetch_cifar10.sh FOLDER fetches the files");
  std::vector<Tensor> all_images, all_labels;
  for (const std::string& file : files) {
    Cifar10Part part = read_cifar10(file);
    all_images.push_back(std::move(part.images)), all_labels.push_back(std::move(part.labels));
  }
  images = cat(all_images, 0), labels = cat(all_labels, 0);
}

}  // namespace

Cifar10Part read_cifar10(const std::string& path) {
  const std::vector<uint8_t> bytes = bytes_of(path);
  const auto size = static_cast<int64_t>(bytes.size());
  require<FileError>(size > 0 && size % record == 0, "read_cifar10",
                     "the length must be a multiple of 3073 bytes, a label and 32 × 32 pixels in three colours", path,
                     given("bytes", size));
  const int64_t n = size / record;
  Cifar10Part part{empty({n, 3, 32, 32}, u8), empty({n}, i64)};
  for (int64_t i = 0; i < n; ++i) {
    const uint8_t* from = bytes.data() + i * record;
    require<FileError>(*from <= 9, "read_cifar10", "labels must be 0 to 9", path, given("label", int{*from}),
                       given("of image", i));
    part.labels.pointer<int64_t>()[i] = *from;
    std::copy_n(from + 1, pixels, part.images.pointer<uint8_t>() + i * pixels);
  }
  return part;
}

Cifar10 load_cifar10(const std::string& folder) {
  std::error_code ignored;
  require<FileError>(fs::is_directory(folder, ignored), "load_cifar10", "there is no such folder", folder);
  Cifar10 all;
  load(folder, "data_batch", all.train_images, all.train_labels);
  load(folder, "test_batch", all.test_images, all.test_labels);
  return all;
}

bool has_cifar10(const std::string& folder) {
  return !parts(folder, "data_batch").empty() && !parts(folder, "test_batch").empty();
}

std::vector<std::string> cifar10_classes() {
  return {"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"};
}

}  // namespace cairn::data
