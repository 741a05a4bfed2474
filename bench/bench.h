#pragma once
// What the parts of the benchmark share: workloads, what is measured of them, and the machine they are measured against.

#include <cairn/nn/sequential.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace bench {

using namespace cairn;

/// Something to be measured. Its figure is a latency in µs an item where the unit is "us", else `items` a call over the
/// time.
struct Workload {
  std::string name, metric, unit;
  double items;
  /// Makes what is needed, and the call that is timed.
  std::function<std::function<void()>()> prepare;
};

// The workloads, one stem each.
std::vector<Workload> training();
std::vector<Workload> inference();
std::vector<Workload> products();
std::vector<Workload> overhead();
std::vector<Workload> activations();

/// A training step (zero_grad, forward, loss, backward, optimiser step) on random samples of `classes`; with `tokens` the
/// samples are sequences of as many tokens, and each place has a class.
Workload training_step(const std::string& name, const std::function<nn::Sequential()>& make, const Shape& input,
                       int64_t classes, double items, const std::string& unit, const std::string& optimizer = "sgd",
                       bool tokens = false);

/// Two layers of 128 numbers and two heads, post-norm, with GELU, over a vocabulary of 1000.
nn::Sequential bert_tiny(int64_t positions);

/// Ends a part of a workload's call for --profile: what has passed since the last operation is this part's.
void mark(const char* part);

/// What this machine can do at most, measured in some seconds: sums of products of floats in registers, and
/// a = b + ½ c over arrays that no cache holds (three streams counted).
struct Machine {
  double flops_one, flops_all;  ///< a second, on one thread and on all
  double bytes_one, bytes_all;
  std::string processor, caches;
};
Machine measure_machine(int threads);

/// Seconds for one call of f: the fastest of five windows of `seconds` each, after three calls to warm up.
double seconds_per_call(double seconds, const std::function<void()>& f);

struct Result {
  double seconds = 0;          // a call
  double flop = 0, bytes = 0;  // a call
  int64_t memory = 0;          // the most that was in use
};
/// `keep` gets the call, to go on with.
Result measure(const Workload& w, double seconds, std::function<void()>* keep = nullptr);

/// Draws how speed goes with sizes, limits included, as SVG pictures in the folder; prints the numbers as tables. All
/// sizes are measured `rounds` times, one after the other, and the fastest counts: a shared machine is slow for minutes.
void growth(const std::string& folder, int threads, double seconds, int rounds);

/// Runs this program and a peer's in turn, `rounds` times, and prints how many times better this one is: the median of
/// the rounds' ratios. Both print one JSON object a line, with "workload", "metric", "value" and "unit".
///   throws  ValueError when one of them fails or prints nothing
void compare(const std::string& self, const std::string& peer, const std::string& arguments, int rounds);

}  // namespace bench
