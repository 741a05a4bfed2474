#pragma once
// What fit() shows.

#include <chrono>
#include <cstdio>
#include <string>

#include "cairn/train/trainer.h"

namespace cairn::train {

/// A line in at most `width` columns: "epoch 2/6 ━━━━╸───── 231/469  loss 0.0812  accuracy 97.45 %  61234/s  0:04
/// left". Where the place does not suffice for all, what matters less is left out.
std::string progress_line(const Progress& p, int width);

/// "epoch 2/6  loss 0.0812  accuracy 97.45 %  validation 0.0912  97.20 %  61234 samples/s  4.9 s", likewise.
std::string epoch_line(const EpochResult& r, int64_t epochs, int width);

class Display {
 public:
  using Clock = std::chrono::steady_clock;
  Display(Output output, std::FILE* stream);
  ~Display();  // leaves the cursor at the beginning of a line
  Display(const Display&) = delete;
  Display& operator=(const Display&) = delete;

  void batch(const Progress& p, Clock::time_point now) {
    if (output_ == Output::bar && now >= next_) draw(p, now);
  }
  void epoch(const EpochResult& r, int64_t epochs);
  /// A line of its own, unless silent.
  void note(std::string line);

 private:
  void draw(const Progress& p, Clock::time_point now);
  int width() const;

  Output output_;
  std::FILE* stream_;
  Clock::time_point next_{};  // before which nothing is drawn
  bool drawn_ = false;        // a bar is in the line of the cursor
};

}  // namespace cairn::train
