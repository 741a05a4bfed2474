#include "support/records.h"

#include <cairn/nn/summary.h>
#include <cairn/ops/loss.h>
#include <cairn/ops/reduce.h>
#include <cairn/ops/softmax.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "support/options.h"

namespace support {

using namespace cairn;

void describe_run(train::Run& run, const Settings& s, nn::Layer& model, const Shape& input) {
  Json layers = Json::array();
  for (const nn::LayerCost& c : nn::costs(model, input))
    if (!c.name.empty())
      layers.push_back({{"name", c.name},
                        {"type", c.type},
                        {"output", to_string(c.output)},
                        {"parameters", c.parameters},
                        {"multiply_adds", c.multiply_adds}});
  run.describe(
      {{"command", s.command},
       {"seed", s.seed},
       {"options",
        {{"model", s.model},
         {"optimizer", s.optimizer},
         {"lr", s.rates.lr.value_or(0)},
         {"schedule", s.schedule},
         {"epochs", s.epochs},
         {"batch_size", s.batch_size},
         {"label_smoothing", s.label_smoothing},
         {"augment", s.augment}}},
       {"model", {{"text", nn::summary(model, input)}, {"parameters", model.num_parameters()}, {"layers", layers}}}});
}

void log_test(train::Run& run, const Images& images, const Tensor& logits, const train::ConfusionMatrix& confusion,
              const std::vector<std::string>& classes) {
  const int64_t n = confusion.classes();
  Json counts = Json::array();
  for (int64_t label = 0; label < n; ++label) {
    Json row = Json::array();
    for (int64_t prediction = 0; prediction < n; ++prediction) row.push_back(confusion.count(label, prediction));
    counts.push_back(row);
  }
  run.log("test", {{"loss", cross_entropy(logits, images.test_labels).item<double>()},
                   {"accuracy", confusion.accuracy()},
                   {"classes", classes},
                   {"confusion", counts}});

  const ValuesIndices sure = max(softmax(logits, 1), 1);
  const auto said = sure.indices.to_vector<int64_t>(), truth = images.test_labels.to_vector<int64_t>();
  const auto confidence = sure.values.to(f64).to_vector<double>();
  std::vector<size_t> wrong;
  for (size_t i = 0; i < said.size(); ++i)
    if (said[i] != truth[i]) wrong.push_back(i);
  std::stable_sort(wrong.begin(), wrong.end(), [&](size_t a, size_t b) { return confidence[a] > confidence[b]; });
  wrong.resize(std::min<size_t>(wrong.size(), 24));
  Json items = Json::array();
  for (const size_t i : wrong) {
    const Tensor image = images.test_images[static_cast<int64_t>(i)].contiguous();
    constexpr const char* digits = "0123456789abcdef";
    std::string pixels;
    for (const uint8_t byte : image.to_vector<uint8_t>()) pixels.append({digits[byte >> 4], digits[byte & 15]});
    items.push_back({{"shape", std::vector<int64_t>(image.shape().begin(), image.shape().end())},
                     {"pixels", pixels},
                     {"label", classes[static_cast<size_t>(truth[i])]},
                     {"prediction", classes[static_cast<size_t>(said[i])]},
                     {"confidence", confidence[i]}});
  }
  run.log("mistakes", {{"items", items}});
}

}  // namespace support
