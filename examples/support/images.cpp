#include "support/images.h"

#include <cairn/base/error.h>
#include <cairn/data/cifar.h>
#include <cairn/data/glyphs.h>
#include <cairn/data/mnist.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

namespace support {

using namespace cairn;

namespace {

template <class Set>
Images images_of(const Set& set, const std::string& source) {
  return {set.train_images, set.train_labels, set.test_images, set.test_labels, source};
}

Images load_idx(const std::string& folder) { return images_of(data::load_mnist(folder), ""); }
Images load_cifar(const std::string& folder) { return images_of(data::load_cifar10(folder), ""); }

}  // namespace

DataSet mnist() {
  return {.name = "MNIST",
          .folder = "mnist",
          .script = "fetch_mnist.sh",
          .image = {1, 28, 28},
          .classes = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"},
          .complete = data::has_mnist,
          .load = load_idx};
}

DataSet fashion_mnist() {
  return {.name = "Fashion-MNIST",
          .folder = "fashion-mnist",
          .script = "fetch_fashion_mnist.sh",
          .image = {1, 28, 28},
          .classes = data::fashion_mnist_classes(),
          .complete = data::has_mnist,
          .load = load_idx};
}

DataSet cifar10() {
  return {.name = "CIFAR-10",
          .folder = "cifar-10",
          .script = "fetch_cifar10.sh",
          .image = {3, 32, 32},
          .classes = data::cifar10_classes(),
          .complete = data::has_cifar10,
          .load = load_cifar};
}

Images find_images(const DataSet& set, const std::string& folder, bool glyphs_otherwise) {
  const auto find = [&] { return data::find_data(set.folder, folder, CAIRN_SOURCE_DIR, set.complete); };
  std::string found = find();
  if (found.empty()) {
    std::string script = CAIRN_SOURCE_DIR "/data/" + set.script;
    if (!std::filesystem::exists(script)) script = "data/" + set.script;
    std::printf("%s is neither in $CAIRN_DATA/%s nor in data/%s: fetching it with %s\n", set.name.c_str(),
                set.folder.c_str(), set.folder.c_str(), script.c_str());
    std::fflush(stdout);
    if (std::system(("bash '" + script + "'").c_str()) == 0) found = find();
  }
  if (!found.empty()) {
    Images images = set.load(found);
    images.source = set.name + " in " + found;
    return images;
  }
  if (!glyphs_otherwise) throw FileError(set.name + " is not to be had now; --data DIR names a folder that holds it");
  std::printf("%s is not to be had now, so digits drawn by this program take its place; --data DIR names a folder\n",
              set.name.c_str());
  return glyphs();
}

Images glyphs(int64_t n) {
  return images_of(data::glyphs({.train = n, .test = std::max<int64_t>(n / 4, 1)}), "built-in glyphs (not MNIST)");
}

}  // namespace support
