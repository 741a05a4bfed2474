// How speed goes with sizes: a cliff at some size is a defect that no single workload shows.
#include <cairn/cairn.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include "bench.h"

namespace bench {
namespace {

// One picture: a workload for every size, on one thread and on all, and the machine's limit.
struct Series {
  std::string file, title, size_name;
  std::vector<int64_t> sizes;
  std::function<Workload(int64_t)> make;
  bool arithmetic = true;  // GFLOP/s, else GB/s of operands
};

nn::Sequential dense(int64_t width, int64_t depth) {
  nn::Sequential model;
  for (int64_t i = 0; i < depth; ++i) {
    model.push_back(nn::Linear(width, width));
    model.push_back(nn::Activation("relu"));
  }
  return model;
}

std::vector<Series> all_series() {
  // Powers of two, their neighbours, and primes.
  const std::vector<int64_t> batches = {1,  2,  3,  4,   5,   7,   8,   11,  13,  16,  17,  23,  31,  32,  33,   47,
                                        63, 64, 65, 101, 127, 128, 129, 191, 255, 256, 257, 383, 512, 769, 1023, 1024},
                             widths = {16,  17,  24,  31,  32,  33,  48,  63,  64,  65,  97,   127,
                                       128, 129, 192, 255, 256, 257, 383, 512, 513, 768, 1021, 1024},
                             depths = {1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64},
                             channels = {3,  4,  7,  8,  12, 16,  17,  24,  31,  32,
                                         33, 48, 64, 65, 96, 127, 128, 129, 192, 256},
                             squares = {8,   16,  17,  32,  33,  48,  64,  65,  96,  127,  128,  129,
                                        192, 255, 256, 257, 384, 511, 512, 513, 768, 1023, 1024, 1536};
  std::vector<int64_t> images;
  for (const int64_t n : batches)
    if (n <= 256) images.push_back(n);
  // Tokens of a sequence: about 2048 a step, whatever their length.
  const std::vector<int64_t> sequences = {4,   8,   15,  16,  17,  31,  32,  33,  63,  64,  65,   127,  128,
                                          129, 191, 255, 256, 257, 384, 511, 512, 513, 769, 1023, 1024, 2048};
  std::vector<int64_t> lengths;
  for (int64_t n = 1 << 8; n <= 1 << 24; n *= 2)
    for (const int64_t other : {n, n + n / 2 + 1}) lengths.push_back(other);
  const auto train = [](const std::function<nn::Sequential()>& make, const Shape& input, int64_t classes) {
    return training_step("", make, input, classes, 1, "steps/s");
  };
  return {
      {"growth-matmul", "Product of two n × n matrices", "n", squares,
       [](int64_t n) -> Workload {
         return {"", "", "", 1, [n]() -> std::function<void()> {
                   return [a = randn({n, n}), b = randn({n, n})] {
                     const NoGrad off;
                     matmul(a, b);
                   };
                 }};
       }},
      {"growth-mlp-batch", "Training 784-512-256-10", "batch", batches,
       [=](int64_t n) {
         return train(
             [] {
               return nn::Sequential(nn::Linear(784, 512), nn::Activation("relu"), nn::Linear(512, 256),
                                     nn::Activation("relu"), nn::Linear(256, 10));
             },
             {n, 784}, 10);
       }},
      {"growth-mlp-width", "Training four dense layers, batch 128", "width", widths,
       [=](int64_t n) {
         return train([n] { return dense(n, 4); }, {128, n}, n);
       }},
      {"growth-mlp-depth", "Training dense layers of 256, batch 64", "depth", depths,
       [=](int64_t n) {
         return train([n] { return dense(256, n); }, {64, 256}, 256);
       }},
      {"growth-conv-channels", "Training a 3 × 3 convolution, 32 images of 16 × 16, c to c channels", "c", channels,
       [=](int64_t c) {
         return train(
             [c] {
               return nn::Sequential(nn::Conv2d(c, c, 3, {.padding = 1}), nn::AdaptiveAvgPool2d(1), nn::Flatten());
             },
             {32, c, 16, 16}, c);
       }},
      {"growth-resnet20-batch", "Training ResNet-20", "batch", images,
       [=](int64_t n) {
         return train([] { return models::resnet20(); }, {n, 3, 32, 32}, 10);
       }},
      {"growth-bert-length", "Training a BERT of two layers of 128, 2048 tokens a step", "tokens of a sequence",
       sequences,
       [](int64_t n) {
         return training_step(
             "", [n] { return bert_tiny(n); }, {2048 / n, n}, 1000, 1, "steps/s", "adamw", true);
       }},
      {"growth-gelu", "GELU, forward and backward", "numbers", lengths,
       [](int64_t n) -> Workload {
         return {"", "", "", 1, [n]() -> std::function<void()> {
                   return [x = randn({n}).requires_grad_(), g = ones({n})]() mutable {
                     x.set_grad(Tensor());
                     gelu(x).backward(g);
                   };
                 }};
       },
       false},
  };
}

// Bytes of GELU's operands: x and y, then x, dL/dy and dL/dx.
double amount(const Series& s, const Result& r, int64_t size) {
  return s.arithmetic ? r.flop : 5.0 * sizeof(float) * static_cast<double>(size);
}

std::string picture(const Series& s, const std::string& folder) { return folder + "/" + s.file + ".svg"; }

// Results of each size on one thread and on all, as a table on stdout and a picture in the folder.
void draw(const Series& s, const std::vector<std::array<Result, 2>>& results, const Machine& m, int threads,
          const std::string& folder) {
  const char* unit = s.arithmetic ? "GFLOP/s" : "GB/s";
  const std::string many = std::to_string(threads) + " threads";
  const double most[2] = {(s.arithmetic ? m.flops_one : m.bytes_one) / 1e9,
                          (s.arithmetic ? m.flops_all : m.bytes_all) / 1e9};
  Line limits[2] = {{"limit of one thread", {}, {}}, {"limit of " + many, {}, {}}};
  Line lines[2] = {{"one thread", {}, {}}, {many, {}, {}}};
  std::printf("\n%s\n\n| %s | %s, one thread | %s |\n|---|---|---|\n", s.title.c_str(), s.size_name.c_str(), unit,
              many.c_str());
  for (size_t j = 0; j < s.sizes.size(); ++j) {
    for (size_t t = 0; t < 2; ++t) {
      const double x = std::log2(static_cast<double>(s.sizes[j]));
      lines[t].x.push_back(x);
      lines[t].y.push_back(amount(s, results[j][t], s.sizes[j]) / results[j][t].seconds / 1e9);
      limits[t].x.push_back(x);
      limits[t].y.push_back(most[t]);
    }
    std::printf("| %lld | %.4g | %.4g |\n", static_cast<long long>(s.sizes[j]), lines[0].y.back(), lines[1].y.back());
  }
  io::write_text(picture(s, folder), svg_lines({limits[1], lines[1], limits[0], lines[0]},
                                               {.title = s.title, .x_name = "log2 of " + s.size_name, .y_name = unit}));
}

}  // namespace

void growth(const std::string& folder, int threads, double seconds, int rounds) {
  std::filesystem::create_directories(folder);
  const std::vector<Series> series = all_series();
  io::AtomicFile(picture(series[0], folder));  // throws now, not after minutes, where nothing can be written
  const int counts[2] = {1, threads};
  Machine limit{};
  std::vector<std::vector<std::array<Result, 2>>> fastest;
  for (const Series& s : series) fastest.emplace_back(s.sizes.size());
  for (int round = 0; round < rounds; ++round) {
    std::fprintf(stderr, "growth: round %d of %d\n", round + 1, rounds);
    const Machine m = measure_machine(threads);
    limit = {std::max(limit.flops_one, m.flops_one),
             std::max(limit.flops_all, m.flops_all),
             std::max(limit.bytes_one, m.bytes_one),
             std::max(limit.bytes_all, m.bytes_all),
             m.processor,
             m.caches};
    for (size_t i = 0; i < series.size(); ++i)
      for (size_t j = 0; j < series[i].sizes.size(); ++j)
        for (size_t t = 0; t < 2; ++t) {
          set_num_threads(counts[t]);
          const Result r = measure(series[i].make(series[i].sizes[j]), seconds);
          Result& best = fastest[i][j][t];
          if (round == 0 || r.seconds < best.seconds) best = r;
        }
  }
  std::printf("%s, %s; limits: %.0f GFLOP/s on one thread, %.0f on %d; %.1f and %.1f GB/s\n", limit.processor.c_str(),
              limit.caches.c_str(), limit.flops_one / 1e9, limit.flops_all / 1e9, threads, limit.bytes_one / 1e9,
              limit.bytes_all / 1e9);
  for (size_t i = 0; i < series.size(); ++i) draw(series[i], fastest[i], limit, threads, folder);
}

}  // namespace bench
