#pragma once
// Folders of runs as a training of digits leaves them: for the tests of the report, and to look at it.

#include <cstdint>
#include <string>

namespace cairn::testing {

struct FixtureRun {
  std::string name = "digits";
  int64_t epochs = 10, batches = 469;
  int64_t every = 10;  // steps between two that are written down
  int64_t layers = 6;  // that have meters and histograms
  double speed = 1;    // at which it learns
  uint64_t seed = 1;
  int64_t classes = 10;
  bool ended = true;
};

/// Writes run.json and metrics.jsonl into the folder, which is made. The same bytes each time.
void write_fixture_run(const std::string& folder, const FixtureRun& run = {});

}  // namespace cairn::testing
