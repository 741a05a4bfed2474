#pragma once
// What every workload of the benchmark shares: options, timing, and the form of a result.

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

namespace bench {

struct Options {
  int threads = 2;
  double seconds = 0.6;  // of one timing window
  std::string only;      // part of a workload's name; empty runs all
};

/// One JSON object on a line: {"peer", "workload", "threads", "metric", "value", "unit"}.
void report(const Options& options, const std::string& workload, const char* metric, double value, const char* unit);

/// Seconds for one call of f: the fastest of five windows of `options.seconds` each, after three calls to warm up.
double seconds_per_call(const Options& options, const std::function<void()>& f);

inline bool wanted(const Options& options, const std::string& workload) {
  return options.only.empty() || workload.find(options.only) != std::string::npos;
}

// The workloads, one stem each.
void training(const Options& options);
void inference(const Options& options);
void activations(const Options& options);

}  // namespace bench
