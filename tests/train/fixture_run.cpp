#include "train/fixture_run.h"

#include <zlib.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>

#include "cairn/base/json.h"
#include "cairn/data/glyphs.h"

namespace cairn::testing {

namespace {

std::string big_endian(uint32_t v) {
  return {static_cast<char>(v >> 24), static_cast<char>(v >> 16), static_cast<char>(v >> 8), static_cast<char>(v)};
}

std::string chunk(const std::string& name_and_data) {
  const auto* bytes = reinterpret_cast<const Bytef*>(name_and_data.data());
  return big_endian(static_cast<uint32_t>(name_and_data.size() - 4)) + name_and_data +
         big_endian(static_cast<uint32_t>(crc32(0, bytes, static_cast<uInt>(name_and_data.size()))));
}

// A grey picture.
std::string png(const uint8_t* pixels, uint32_t width, uint32_t height) {
  std::string rows;
  for (uint32_t y = 0; y < height; ++y)
    rows += std::string(1, '\0') + std::string(reinterpret_cast<const char*>(pixels) + size_t{y} * width, width);
  uLongf size = compressBound(rows.size());
  std::string packed(size, '\0');
  compress2(reinterpret_cast<Bytef*>(packed.data()), &size, reinterpret_cast<const Bytef*>(rows.data()), rows.size(),
            9);
  packed.resize(size);
  return "\x89PNG\r\n\x1a\n" + chunk("IHDR" + big_endian(width) + big_endian(height) + std::string("\x8\0\0\0\0", 5)) +
         chunk("IDAT" + packed) + chunk("IEND");
}

std::string base64(const std::string& bytes) {
  const char* digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t three = 0;
    for (size_t j = i; j < i + 3; ++j) three = three << 8 | (j < bytes.size() ? static_cast<uint8_t>(bytes[j]) : 0u);
    for (size_t j = 0; j < 4; ++j) text += i + j <= bytes.size() ? digits[three >> (18 - 6 * j) & 63] : '=';
  }
  return text;
}

// Uniform in [0, 1), and roughly normal, the same with every standard library.
struct Noise {
  std::mt19937_64 bits;
  double uniform() { return static_cast<double>(bits() >> 11) * 0x1p-53; }
  double normal() { return (uniform() + uniform() + uniform() + uniform() - 2) * std::sqrt(3.0); }
};

Json run_json(const FixtureRun& run, const std::vector<std::string>& layers) {
  Json table = Json::array();
  for (size_t i = 0; i < layers.size(); ++i) {
    table.push_back(
        {{"name", std::to_string(2 * i)}, {"type", "Linear"}, {"output", "(n, 128)"}, {"parameters", 16512}});
    table.push_back({{"name", layers[i]}, {"type", "Activation"}, {"output", "(n, 128)"}, {"parameters", 0}});
  }
  const std::string seed = std::to_string(run.seed);
  return {
      {"name", run.name},
      {"command",
       {"./run", "mnist", "--activation", "x * tanh(x)", "--epochs", std::to_string(run.epochs), "--seed", seed}},
      {"options",
       {{"activation", "x * tanh(x)"}, {"batch", 128}, {"epochs", run.epochs}, {"optimizer", "adamw"}, {"lr", 0.001}}},
      {"seed", run.seed},
      {"version", "0.1.0"},
      {"machine", {{"cpu", "AMD EPYC 7763"}, {"threads", 2}, {"isa", "avx2"}, {"system", "Linux x86_64"}}},
      {"started", "2026-03-01T09:00:00Z"},
      {"model", {{"text", "a table"}, {"parameters", 16512 * run.layers}, {"layers", table}}}};
}

Json histogram(const std::string& name, double width, double skew, Noise& noise) {
  Json counts = Json::array();
  for (int i = 0; i < 40; ++i) {
    const double x = (i - 19.5) / 7 - skew;
    counts.push_back(static_cast<int64_t>(2000 * std::exp(-x * x / 2) * (1 + 0.1 * noise.normal())));
  }
  return {{"name", name}, {"low", -width}, {"high", width}, {"counts", counts}};
}

Json test_event(const FixtureRun& run, Noise& noise) {
  const auto n = static_cast<size_t>(run.classes);
  std::vector<std::vector<int64_t>> counts(n, std::vector<int64_t>(n));
  std::vector<std::string> names;
  int64_t right = 0, all = 0;
  for (size_t i = 0; i < n; ++i) {
    names.push_back(std::to_string(i));
    for (size_t j = 0; j < n; ++j) {
      const double u = noise.uniform();
      counts[i][j] = i == j ? 950 + static_cast<int64_t>(40 * u) : static_cast<int64_t>(9 * u * u * u);
      (i == j ? right : all) += counts[i][j];
    }
  }
  const double accuracy = static_cast<double>(right) / static_cast<double>(right + all);
  return {{"event", "test"}, {"loss", 0.0512}, {"accuracy", accuracy}, {"classes", names}, {"confusion", counts}};
}

Json mistakes_event(Noise& noise) {
  const data::Mnist digits = data::glyphs({.train = 10, .test = 24});
  const auto* pixels = digits.test_images.data<uint8_t>();
  Json items = Json::array();
  for (int64_t i = 0; i < 24; ++i)
    items.push_back({{"image", "data:image/png;base64," + base64(png(pixels + i * 28 * 28, 28, 28))},
                     {"label", std::to_string(i % 10)},
                     {"prediction", std::to_string((i * 7 + 3) % 10 == i % 10 ? (i + 1) % 10 : (i * 7 + 3) % 10)},
                     {"confidence", 0.999 - 0.01 * static_cast<double>(i) - 0.005 * noise.uniform()}});
  return {{"event", "mistakes"}, {"items", items}};
}

}  // namespace

void write_fixture_run(const std::string& folder, const FixtureRun& run) {
  std::filesystem::create_directories(folder);
  std::vector<std::string> layers;
  for (int64_t i = 0; i < run.layers; ++i) layers.push_back(std::to_string(2 * i + 1) + " relu");
  std::ofstream(folder + "/run.json") << run_json(run, layers).dump(2) << "\n";

  std::ofstream metrics(folder + "/metrics.jsonl");
  const auto write = [&](const Json& event) { metrics << event.dump() << "\n"; };
  Noise noise{std::mt19937_64(run.seed)};
  const int64_t steps = run.epochs * run.batches;
  const auto share = [&](int64_t step) { return static_cast<double>(step) / static_cast<double>(steps); };
  const auto loss = [&](int64_t step) { return 0.04 + 2.3 * std::exp(-6 * run.speed * std::sqrt(share(step))); };
  const auto rate = [&](int64_t step) { return 1e-3 * (0.5 + 0.5 * std::cos(3.14159265 * share(step))) + 1e-6; };
  const auto accuracy = [](double l) { return std::max(0.1, 1 - 0.39 * l); };

  write({{"event", "start"}, {"epochs", run.epochs}, {"batches", run.batches}, {"step", 0}});
  for (int64_t epoch = 0; epoch < run.epochs; ++epoch) {
    for (int64_t batch = 0; batch < run.batches; ++batch) {
      const int64_t step = epoch * run.batches + batch + 1;
      if (step % run.every != 0) continue;
      const double l = loss(step) * std::exp(0.35 * noise.normal());
      write({{"event", "step"},
             {"epoch", epoch},
             {"step", step},
             {"loss", l},
             {"accuracy", accuracy(l)},
             {"lr", rate(step)},
             {"grad_norm", (0.3 + l) * std::exp(0.3 * noise.normal())},
             {"seconds", 0.011}});
    }
    const int64_t step = (epoch + 1) * run.batches;
    const double l = loss(step), v = l + 0.03 + 0.05 * share(step) + 0.004 * noise.normal();
    write({{"event", "epoch"},
           {"epoch", epoch},
           {"step", step},
           {"loss", l},
           {"accuracy", accuracy(l)},
           {"lr", rate(step)},
           {"seconds", 5.1 + 0.2 * noise.normal()},
           {"samples_per_second", 11800 + 300 * noise.normal()},
           {"peak_memory", 66 << 20},
           {"validation", {{"loss", v}, {"accuracy", accuracy(v)}, {"top5_accuracy", 1 - 0.05 * v}}}});
    Json meters = Json::array(), weights = Json::array(), activations = Json::array();
    for (size_t i = 0; i < layers.size(); ++i) {
      const double deep = static_cast<double>(i) / static_cast<double>(layers.size());
      meters.push_back({{"name", layers[i]},
                        {"dead", 0.15 * deep * std::sqrt(share(step)) + 0.002 * noise.uniform()},
                        {"saturated", 0.05 + 0.2 * (1 - deep) * share(step)},
                        {"zero", 0.45 + 0.2 * deep * share(step)},
                        {"gradient_norm", std::exp(-3 * deep) * (0.1 + l) * std::exp(0.1 * noise.normal())}});
      weights.push_back(histogram(std::to_string(2 * i) + ".weight", 0.2 + 0.3 * share(step), 0, noise));
      activations.push_back(histogram(layers[i], 2 + 2 * share(step), -0.6 * share(step), noise));
    }
    write({{"event", "meters"}, {"epoch", epoch}, {"layers", meters}});
    write({{"event", "histograms"}, {"epoch", epoch}, {"weights", weights}, {"activations", activations}});
  }
  if (!run.ended) return;
  write(test_event(run, noise));
  write(mistakes_event(noise));
  write({{"event", "end"}, {"reason", "done"}});
}

}  // namespace cairn::testing
