#include "cairn/data/mnist.h"

#include <cstdlib>
#include <filesystem>
#include <vector>

#include "cairn/data/idx.h"

namespace cairn::data {

namespace fs = std::filesystem;

// The path of a file, plain or with .gz; "" when neither is there.
static std::string find_part(const std::string& folder, const std::string& name) {
  for (const char* ending : {"", ".gz"})
    if (const fs::path path = fs::path(folder) / (name + ending); fs::exists(path)) return path.string();
  return "";
}

bool has_mnist(const std::string& folder) {
  for (const char* part : {"train", "t10k"})
    for (const char* kind : {"-images-idx3-ubyte", "-labels-idx1-ubyte"})
      if (find_part(folder, std::string(part) + kind).empty()) return false;
  return true;
}

static Tensor read_part(const std::string& folder, const std::string& name) {
  if (const std::string path = find_part(folder, name); !path.empty()) return read_idx(path);
  throw FileError("load_mnist: neither " + name + " nor " + name + ".gz is in the folder; got '" + folder +
                  "'. data/fetch_mnist.sh FOLDER (fetch_fashion_mnist.sh) fetches the four files");
}

static void read_pair(const std::string& folder, const std::string& part, Tensor& images, Tensor& labels) {
  const Tensor pixels = read_part(folder, part + "-images-idx3-ubyte");
  const Tensor classes = read_part(folder, part + "-labels-idx1-ubyte");
  const std::string where = "the " + part + " files in '" + folder + "'";
  require<FileError>(pixels.dim() == 3 && pixels.size(1) == 28 && pixels.size(2) == 28, "load_mnist",
                     "images must be (n, 28, 28)", where, given("images", pixels));
  require<FileError>(classes.dim() == 1 && classes.size(0) == pixels.size(0), "load_mnist",
                     "there must be one label an image", where, given("images", pixels), given("labels", classes));
  require<FileError>(pixels.size(0) > 0, "load_mnist", "there are no images", where);
  const auto* values = classes.pointer<uint8_t>();
  labels = empty(classes.shape(), i64);
  for (int64_t i = 0; i < classes.numel(); ++i) {
    require<FileError>(values[i] <= 9, "load_mnist", "labels must be 0 to 9", where, given("label", int{values[i]}),
                       given("of image", i));
    labels.pointer<int64_t>()[i] = values[i];
  }
  images = as_strided(pixels, {pixels.size(0), 1, 28, 28}, row_major({pixels.size(0), 1, 28, 28}), 0);
}

Mnist load_mnist(const std::string& folder) {
  require<FileError>(fs::is_directory(folder), "load_mnist", "there is no such folder", folder);
  Mnist m;
  read_pair(folder, "train", m.train_images, m.train_labels);
  read_pair(folder, "t10k", m.test_images, m.test_labels);
  return m;
}

std::vector<std::string> fashion_mnist_classes() {
  return {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"};
}

std::string find_data(const std::string& name, const std::string& folder, const std::string& source_root,
                      bool (*complete)(const std::string& folder)) {
  if (!folder.empty()) {
    require<FileError>(fs::is_directory(folder), "find_data", "there is no such folder", folder);
    return folder;
  }
  std::vector<fs::path> places;
  if (const char* root = std::getenv("CAIRN_DATA"); root && *root) places.push_back(fs::path(root) / name);
  places.push_back(fs::path("data") / name);
  if (!source_root.empty()) places.push_back(fs::path(source_root) / "data" / name);
  for (const fs::path& place : places)
    if (fs::is_directory(place) && (!complete || complete(place.string()))) return place.string();
  return "";
}

}  // namespace cairn::data
