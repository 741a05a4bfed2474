#include "cairn/data/cifar.h"

#include <zlib.h>

#include <algorithm>
#include <filesystem>
#include <memory>

#include "cairn/ops/join.h"

namespace cairn::data {
namespace {

namespace fs = std::filesystem;

constexpr int64_t pixels = 3 * 32 * 32, record = 1 + pixels;

// All bytes of a file; zlib unpacks it where it is gzip, and hands it on as it is otherwise.
std::vector<uint8_t> bytes_of(const std::string& path) {
  const std::unique_ptr<gzFile_s, int (*)(gzFile)> file(gzopen(path.c_str(), "rb"), gzclose);
  require<FileError>(file != nullptr && !fs::is_directory(path), "read_cifar10", "cannot open the file", path);
  gzbuffer(file.get(), 1 << 20);
  std::vector<uint8_t> bytes;
  for (int got = 1; got > 0;) {
    constexpr size_t piece = 1 << 22;
    const size_t before = bytes.size();
    bytes.resize(before + piece);
    got = gzread(file.get(), bytes.data() + before, piece);
    bytes.resize(before + static_cast<size_t>(std::max(got, 0)));
  }
  int status = Z_OK;
  const char* text = gzerror(file.get(), &status);
  require<FileError>(status == Z_OK || status == Z_STREAM_END, "read_cifar10", "the file is damaged or cut short", path,
                     given("zlib says", std::string(text)));
  return bytes;
}

// Files of the folder whose names are <kind>….bin or <kind>….bin.gz, sorted.
std::vector<std::string> parts(const std::string& folder, const std::string& kind) {
  std::vector<std::string> found;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(kind) && (name.ends_with(".bin") || name.ends_with(".bin.gz")))
      found.push_back(entry.path().string());
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
  require<FileError>(fs::is_directory(folder), "load_cifar10", "there is no such folder", folder);
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
