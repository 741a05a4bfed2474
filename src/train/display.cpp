#include "train/display.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdarg>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace cairn::train {

namespace {

[[gnu::format(printf, 1, 2)]] std::string text(const char* format, ...) {
  char buffer[128];
  std::va_list values;
  va_start(values, format);
  const int size = std::vsnprintf(buffer, sizeof buffer, format, values);
  va_end(values);
  return {buffer, std::min(static_cast<size_t>(std::max(size, 0)), sizeof buffer - 1)};
}

long long whole(int64_t n) { return n; }

std::string loss_text(double loss) {
  const bool common = loss == 0 || !(std::abs(loss) < 1e-3 || std::abs(loss) >= 1e4);
  return text(common ? "%.4f" : "%.3e", loss);
}

// 0:04, 12:30, 1:02:03
std::string duration(double seconds) {
  const int64_t s = std::llround(std::clamp(seconds, 0.0, 3.6e8));
  if (s < 3600) return text("%lld:%02lld", whole(s / 60), whole(s % 60));
  return text("%lld:%02lld:%02lld", whole(s / 3600), whole(s / 60 % 60), whole(s % 60));
}

std::string epoch_text(int64_t epoch, int64_t epochs) {
  const std::string all = std::to_string(epochs);
  return text("epoch %*lld/%s", static_cast<int>(all.size()), whole(epoch + 1), all.c_str());
}

// A part of a line. Those of the highest rank are left out first, those of rank 0 never.
struct Part {
  std::string text;
  int rank;
};

int columns(const std::vector<Part>& parts) {
  size_t sum = 0;
  for (const Part& p : parts) sum += p.text.size();
  return static_cast<int>(sum);
}

// Leaves out parts until the rest is no wider than `width`.
void fit_into(std::vector<Part>& parts, int width) {
  while (columns(parts) > width) {
    int highest = 0;
    for (const Part& p : parts) highest = std::max(highest, p.rank);
    if (highest == 0) return;
    std::erase_if(parts, [&](const Part& p) { return p.rank == highest; });
  }
}

std::string bar(double done, int width) {
  const int halves = static_cast<int>(std::lround(std::clamp(done, 0.0, 1.0) * 2 * width));
  std::string cells;
  for (int i = 0; i < width; ++i) cells += 2 * i + 1 < halves ? "━" : 2 * i < halves ? "╸" : "─";
  return cells;
}

constexpr int shortest_bar = 8, longest_bar = 40;

}  // namespace

std::string progress_line(const Progress& p, int width) {
  const std::string batches = std::to_string(p.batches);
  std::vector<Part> parts = {
      {epoch_text(p.epoch, p.epochs), 0},
      {std::string(1 + shortest_bar, '-'), 4},  // the place of the bar
      {text(" %*lld/%s", static_cast<int>(batches.size()), whole(p.batch), batches.c_str()), 5},
      {"  loss " + loss_text(p.loss), 1},
      {std::isnan(p.accuracy) ? "" : text("  accuracy %5.2f %%", 100 * p.accuracy), 2},
      {text("  %.0f", static_cast<double>(p.samples) / std::max(p.seconds, 1e-9)), 6},
      {" samples", 7},
      {"/s", 6},
      {"  " + duration(p.seconds_left) + " left", 3},
  };
  fit_into(parts, width);
  const int rest = width - columns(parts);
  std::string line;
  for (const Part& part : parts) {
    if (part.rank == 4)
      line += " " + bar(static_cast<double>(p.batch) / static_cast<double>(p.batches),
                        std::min(shortest_bar + rest, longest_bar));
    else
      line += part.text;
  }
  return rest >= 0 ? line : line.substr(0, static_cast<size_t>(std::max(width, 0)));
}

std::string epoch_line(const EpochResult& r, int64_t epochs, int width) {
  std::vector<Part> parts = {{epoch_text(r.epoch, epochs), 0}, {"  loss " + loss_text(r.loss), 1}};
  if (!std::isnan(r.accuracy)) parts.push_back({text("  accuracy %5.2f %%", 100 * r.accuracy), 3});
  if (r.validation) {
    parts.push_back({"  validation " + loss_text(r.validation->loss), 2});
    if (!std::isnan(r.validation->accuracy)) parts.push_back({text("  %5.2f %%", 100 * r.validation->accuracy), 2});
  }
  parts.push_back({text("  %.0f samples/s", r.samples_per_second), 5});
  parts.push_back({"  " + (r.seconds < 100 ? text("%.1f s", r.seconds) : duration(r.seconds)), 4});
  if (r.peak_memory >= 1 << 20)
    parts.push_back({text("  %.0f MiB", static_cast<double>(r.peak_memory) / (1 << 20)), 6});
  fit_into(parts, width);
  std::string line;
  for (const Part& part : parts) line += part.text;
  return line;
}

Display::Display(Output output, std::FILE* stream) : output_(output), stream_(stream) {
  if (output != Output::automatic) return;
  const char* kind = std::getenv("TERM");
  const bool moves = ::isatty(::fileno(stream)) == 1 && !(kind != nullptr && std::strcmp(kind, "dumb") == 0);
  output_ = moves ? Output::bar : Output::lines;
}

Display::~Display() {
  if (!drawn_) return;
  std::fputc('\n', stream_);
  std::fflush(stream_);
}

// One column stays free: some terminals begin a new line as soon as the last one is written.
int Display::width() const {
  winsize size{};
  const bool known = ::ioctl(::fileno(stream_), TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return (known ? size.ws_col : 80) - 1;
}

void Display::draw(const Progress& p, Clock::time_point now) {
  // Written at once, over the old line, of which the rest is erased last: nothing flickers.
  const std::string line = "\r" + progress_line(p, width()) + "\x1b[K";
  std::fwrite(line.data(), 1, line.size(), stream_);
  std::fflush(stream_);
  drawn_ = true;
  next_ = now + std::chrono::milliseconds(100);
}

void Display::note(std::string line) {
  if (output_ == Output::silent) return;
  if (output_ == Output::bar) line = "\r" + line + "\x1b[K";
  line += '\n';
  std::fwrite(line.data(), 1, line.size(), stream_);
  std::fflush(stream_);
  drawn_ = false;
}

void Display::epoch(const EpochResult& r, int64_t epochs) {
  note(epoch_line(r, epochs, output_ == Output::bar ? width() : 1000));
}

}  // namespace cairn::train
