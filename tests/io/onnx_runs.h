#pragma once
// Exported models run in ONNX Runtime (onnx_runtime.js) and give what they give here.

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "cairn/graph/node.h"
#include "cairn/io/onnx.h"
#include "cairn/nn/sequential.h"
#include "cairn/ops/arithmetic.h"
#include "cairn/tensor/create.h"
#include "cairn/tensor/random.h"
#include "support.h"

namespace cairn::testing {

/// As f32 allows after a few thousand additions in another order.
constexpr double tolerance = 1e-5;

/// Models with a folder, to be run by ONNX Runtime all at once.
class Runs {
 public:
  /// Biases, scales and running statistics that are not those of the beginning.
  static void disturb(nn::Module& model) {
    const NoGrad no_grad;
    for (nn::Parameter& p : model.named_parameters())
      if (p.tensor.dim() == 1) p.tensor.add_(randn(p.tensor.shape()), 0.1);
    for (nn::Buffer& b : model.named_buffers()) {
      if (b.name.ends_with("running_mean")) b.tensor.copy_(randn(b.tensor.shape()) * 0.3);
      if (b.name.ends_with("running_var")) b.tensor.copy_(rand(b.tensor.shape()) + 0.5);
    }
  }

  /// The model, exported as it trains, for inputs of that size without the batch; and what it gives for 1 and for 3.
  /// A spread of 0 stands for tokens from 0 to 6.
  void add(const std::string& name, nn::Layer& model, const Shape& sample, double spread = 1) {
    SCOPED_TRACE(name);
    disturb(model);
    model.train();
    const auto batch = [&](int64_t n) {
      Shape shape = sample;
      shape.insert(0, n);
      return shape;
    };
    const std::string file = next_file();
    io::save_onnx(model, folder_ / file, batch(2), {.opset = opset()});
    EXPECT_TRUE(model.training());
    model.eval();
    const NoGrad no_grad;
    for (const int64_t n : {1, 3}) {
      const Tensor x = spread == 0 ? randint(7, batch(n)) : randn(batch(n)) * spread;
      add(name + " × " + std::to_string(n), file, {x}, {model(x)});
    }
  }
  void add(const std::string& name, nn::Sequential model, const Shape& sample, double spread = 1) {
    add(name, static_cast<nn::Layer&>(model), sample, spread);
  }

  /// A run of a file that is in the folder.
  void add(const std::string& name, const std::string& file, const std::vector<Tensor>& inputs,
           const std::vector<Tensor>& outputs) {
    Json run = {{"name", name}, {"model", file}};
    for (const Tensor& t : inputs) run["inputs"].push_back(write(t));
    for (const Tensor& t : outputs) run["outputs"].push_back(write(t.contiguous()));
    list_.push_back(run);
  }
  /// A name for the file of the next model, and one of the opsets that there are, in turn.
  std::string next_file() { return std::to_string(models_++) + ".onnx"; }
  int64_t opset() const { return 13 + models_ % 5; }
  std::string operator/(const std::string& file) const { return folder_ / file; }

  /// What onnx_runtime.js prints of every run; nothing without the package.
  std::optional<std::vector<Json>> run() const {
    std::ofstream(folder_ / "runs.json") << list_;
    const std::string command = std::string("NODE_PATH='") + CAIRN_ONNXRUNTIME + "' '" + CAIRN_NODE + "' '" +
                                CAIRN_SOURCE_DIR + "/tests/io/onnx_runtime.js' '" + folder_.path() + "' >'" +
                                folder_ / "errors" + "'";
    const int status = std::system(command.c_str());
    if (WIFEXITED(status) && (WEXITSTATUS(status) == 77 || WEXITSTATUS(status) == 127)) return {};
    EXPECT_EQ(status, 0);
    std::vector<Json> found;
    std::istringstream lines(bytes_of(folder_ / "errors"));
    for (std::string line; std::getline(lines, line);) found.push_back(Json::parse(line));
    EXPECT_EQ(found.size(), list_.size());
    return found;
  }

  void compare() const {
    const auto found = run();
    if (!found) GTEST_SKIP() << "skipped: onnxruntime-node is absent";
    double worst = 0;
    for (const Json& line : *found) {
      const bool ran = line["error"].is_number();
      const double error = ran ? line["error"].get<double>() : INFINITY;
      EXPECT_LE(error, tolerance) << line;
      worst = std::max(worst, error);
    }
    std::printf("%zu runs, largest error %.1e\n", found->size(), worst);
  }

  /// Expects the number at that place of the first run to be larger than it is.
  void spoil(int64_t place, float by) const {
    std::fstream file(folder_ / list_[0]["outputs"][0]["file"].get<std::string>(),
                      std::ios::in | std::ios::out | std::ios::binary);
    float number = 0;
    file.seekg(place * 4).read(reinterpret_cast<char*>(&number), 4);
    number += by;
    file.seekp(place * 4).write(reinterpret_cast<const char*>(&number), 4);
  }

 private:
  Json write(const Tensor& t) {
    const std::string file = std::to_string(files_++) + ".bin";
    std::ofstream(folder_ / file, std::ios::binary)
        .write(t.pointer<char>(), t.numel() * static_cast<std::streamsize>(size_of(t.dtype())));
    return {{"file", file},
            {"sizes", std::vector<int64_t>(t.shape().begin(), t.shape().end())},
            {"dtype", name_of(t.dtype())}};
  }

  const Folder folder_;
  Json list_ = Json::array();
  int files_ = 0, models_ = 0;
};

}  // namespace cairn::testing
