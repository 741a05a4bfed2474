// Speed of whole workloads: training steps, latency, activation functions. `cairn-bench --help` lists the options.
#include <cairn/base/threads.h>

#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <cxxopts.hpp>
#include <exception>

#include "bench.h"

namespace bench {

void report(const Options& options, const std::string& workload, const char* metric, double value, const char* unit) {
  std::printf(R"({"peer":"cairn","workload":"%s","threads":%d,"metric":"%s","value":%.6g,"unit":"%s"})"
              "\n",
              workload.c_str(), options.threads, metric, value, unit);
  std::fflush(stdout);
}

double seconds_per_call(const Options& options, const std::function<void()>& f) {
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
    } while (elapsed < options.seconds);
    best = std::min(best, elapsed / static_cast<double>(calls));
  }
  return best;
}

}  // namespace bench

int main(int argc, char** argv) {
  try {
    bench::Options options;
    cxxopts::Options cli("cairn-bench",
                         "Measures training, inference and activation functions; one JSON object a line.");
    cli.add_options()                                                                                //
        ("threads", "threads to compute with", cxxopts::value(options.threads)->default_value("2"))  //
        ("seconds", "length of a timing window; a figure is the fastest of five",
         cxxopts::value(options.seconds)->default_value("0.6"))                                                  //
        ("only", "run the workloads whose name contains this", cxxopts::value(options.only)->default_value(""))  //
        ("help", "print this");
    const auto given = cli.parse(argc, argv);
    if (given.count("help")) {
      std::puts(cli.help().c_str());
      return 0;
    }
    cairn::set_num_threads(options.threads);
    bench::training(options);
    bench::inference(options);
    bench::activations(options);
    if (!options.only.empty()) {
      rusage usage{};
      getrusage(RUSAGE_SELF, &usage);
      bench::report(options, options.only, "peak_memory", static_cast<double>(usage.ru_maxrss) / 1024, "MiB");
    }
  } catch (const std::exception& e) {
    std::fprintf(stderr, "cairn-bench: %s\n", e.what());
    return 2;
  }
}
