// Speed of whole workloads: training steps, latency, activation functions. `cairn-bench --help` lists the options.
#include <cairn/base/error.h>
#include <cairn/base/memory.h>
#include <cairn/base/threads.h>
#include <cairn/nn/profile.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cxxopts.hpp>
#include <exception>
#include <iostream>

#include "bench.h"
#include "support/output.h"

namespace bench {
namespace {

struct Options {
  int threads = 2, rounds = 3;
  double seconds = 0.6;
  std::string only, peer, growth;
  bool json = false, profile = false;
};

nn::Profile* profiled = nullptr;

double figure(const Workload& w, double seconds) {
  return w.unit == "us" ? 1e6 * seconds / w.items : w.items / seconds;
}

void print_json(const std::string& workload, const std::string& metric, double value, const std::string& unit,
                int threads) {
  std::printf(R"({"peer":"cairn","workload":"%s","threads":%d,"metric":"%s","value":%.6g,"unit":"%s"})"
              "\n",
              workload.c_str(), threads, metric.c_str(), value, unit.c_str());
  std::fflush(stdout);
}

// The nearest limit: arithmetic where that takes longer than moving the operands, else memory.
std::string share_of_limit(const Result& r, const Machine& m) {
  const double arithmetic = r.flop / m.flops_all, moving = r.flop > 0 ? 0 : r.bytes / m.bytes_all;
  if (std::max(arithmetic, moving) < 1e-6) return "";  // nothing but small operations
  char text[48];
  std::snprintf(text, sizeof text, "%3.0f %% of %s", 100 * std::max(arithmetic, moving) / r.seconds,
                arithmetic > moving ? "arithmetic" : "bandwidth");
  return text;
}

void print_table(const std::vector<Workload>& workloads, const Options& o) {
  const Machine m = measure_machine(o.threads);
  std::printf("%s, %s\n", m.processor.c_str(), m.caches.c_str());
  std::printf("sums of products: %.0f GFLOP/s on one thread, %.0f on %d; memory: %.1f GB/s, %.1f\n\n",
              m.flops_one / 1e9, m.flops_all / 1e9, o.threads, m.bytes_one / 1e9, m.bytes_all / 1e9);
  std::printf("%-18s %12s %-10s  %-20s %10s  %s\n", "workload", "", "", "share of the limit", "memory", "threads");
  for (const Workload& w : workloads) {
    std::function<void()> call;
    const Result r = measure(w, o.seconds, &call);
    char scaling[48] = "";
    if (o.threads > 1) {
      set_num_threads(1);
      std::snprintf(scaling, sizeof scaling, "%.2f times one", seconds_per_call(o.seconds, call) / r.seconds);
      set_num_threads(o.threads);
    }
    std::printf("%-18s %12.4g %-10s  %-20s %6.0f MiB  %s\n", w.name.c_str(), figure(w, r.seconds), w.unit.c_str(),
                share_of_limit(r, m).c_str(), static_cast<double>(r.memory) / (1 << 20), scaling);
    std::fflush(stdout);
  }
}

void print_profile(const Workload& w) {
  const std::function<void()> call = w.prepare();
  for (int i = 0; i < 3; ++i) call();
  {
    const nn::Profile unread;  // who is watched computes less in place, so that first calls want memory of their own
    call();
  }
  nn::Profile profile;
  profiled = &profile;
  constexpr int calls = 10;
  for (int i = 0; i < calls; ++i) call();
  profiled = nullptr;
  std::printf("%s, %d calls\n\n", w.name.c_str(), calls);
  std::cout << profile << std::endl;
}

int run(int argc, char** argv) {
  Options o;
  cxxopts::Options cli("cairn-bench",
                       "Measures training, inference and activation functions beside what the machine can do.");
  // clang-format off
  cli.add_options()
    ("threads", "threads to compute with", cxxopts::value(o.threads)->default_value("2"))
    ("seconds", "length of a timing window; a figure is the fastest of five", cxxopts::value(o.seconds)->default_value("0.6"))
    ("only", "run the workloads whose name contains this", cxxopts::value(o.only)->default_value(""))
    ("json", "one JSON object a line and nothing else, as whenever the output is no terminal", cxxopts::value(o.json))
    ("profile", "where the time of a call goes, operation by operation", cxxopts::value(o.profile))
    ("growth", "draw how speed goes with batch, width, depth and other sizes, as SVG pictures in this folder; --seconds 0.02 is enough: two minutes a round", cxxopts::value(o.growth)->default_value(""))
    ("peer", "run this program in turn and print the ratios; it takes --threads, --seconds and --only, and prints JSON lines", cxxopts::value(o.peer)->default_value(""))
    ("rounds", "with --peer and --growth: how often", cxxopts::value(o.rounds)->default_value("3"))
    ("help", "print this");
  // clang-format on
  const auto found = cli.parse(argc, argv);
  if (found.count("help")) {
    std::puts(cli.help().c_str());
    return 0;
  }
  require<ValueError>(o.seconds > 0 && o.rounds > 0, "options", "--seconds and --rounds must be positive",
                      given("seconds", o.seconds), given("rounds", o.rounds));
  std::vector<Workload> wanted;
  std::vector<std::string> names;
  for (const auto& list : {training(), inference(), products(), overhead(), activations()})
    for (const Workload& w : list) {
      names.push_back(w.name);
      if (w.name.find(o.only) != std::string::npos) wanted.push_back(w);
    }
  if (wanted.empty()) fail_unknown("workload", o.only, names);
  set_num_threads(o.threads);
  if (!o.growth.empty()) {
    growth(o.growth, o.threads, o.seconds, o.rounds);
  } else if (!o.peer.empty()) {
    std::string arguments = " --threads " + std::to_string(o.threads) + " --seconds " + std::to_string(o.seconds);
    if (!o.only.empty()) arguments += " --only " + o.only;
    compare(argv[0], o.peer, arguments, o.rounds);
  } else if (o.profile) {
    for (const Workload& w : wanted) print_profile(w);
  } else if (!o.json && isatty(STDOUT_FILENO)) {
    print_table(wanted, o);
  } else {
    for (const Workload& w : wanted)
      print_json(w.name, w.metric, figure(w, measure(w, o.seconds).seconds), w.unit, o.threads);
    if (!o.only.empty()) {
      rusage usage{};
      getrusage(RUSAGE_SELF, &usage);
      print_json(o.only, "peak_memory", static_cast<double>(usage.ru_maxrss) / 1024, "MiB", o.threads);
    }
  }
  return 0;
}

}  // namespace

void mark(const char* part) {
  if (profiled) profiled->mark(part);
}

Result measure(const Workload& w, double seconds, std::function<void()>* keep) {
  Result r;
  const int64_t before = memory::stats().in_use;
  memory::reset_peak();
  const std::function<void()> call = w.prepare();
  r.seconds = seconds_per_call(seconds, call);
  r.memory = memory::stats().peak - before;
  {
    nn::Profile profile;
    call();
    for (const nn::OperationTime& row : profile.rows()) r.flop += row.flop, r.bytes += row.bytes;
  }
  if (keep != nullptr) *keep = call;
  return r;
}

double seconds_per_call(double seconds, const std::function<void()>& f) {
  using Clock = std::chrono::steady_clock;
  for (int i = 0; i < 3; ++i) f();
  double best = 1e30;
  for (int window = 0; window < 5; ++window) {
    int64_t calls = 0;
    const auto start = Clock::now();
    double elapsed = 0;
    do {
      f();
      ++calls;
      elapsed = std::chrono::duration<double>(Clock::now() - start).count();
    } while (elapsed < seconds);
    best = std::min(best, elapsed / static_cast<double>(calls));
  }
  return best;
}

}  // namespace bench

int main(int argc, char** argv) {
  try {
    const int status = bench::run(argc, argv);
    support::finish_output();
    return status;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "cairn-bench: %s\n", e.what());
    return 2;
  }
}
