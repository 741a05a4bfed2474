#include "support/picture.h"

#include <cairn/tensor/create.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <sstream>

namespace support {

using cairn::Tensor;

int terminal_columns() {
  winsize size{};
  return ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

Ink ink_for_photographs() {
  const char* plain = std::getenv("NO_COLOR");
  const char* terminal = std::getenv("TERM");
  const bool colours =
      ::isatty(STDOUT_FILENO) == 1 && !(plain && *plain) && terminal && std::string(terminal) != "dumb";
  return colours ? Ink::colours : Ink::shades;
}

namespace {

// Rec. 601.
double luma(double red, double green, double blue) { return 0.299 * red + 0.587 * green + 0.114 * blue; }

struct Colour {
  int red, green, blue;

  double grey() const { return luma(red, green, blue); }
  // The nearest of the 24 greys, or of the 6 × 6 × 6 colours, of a terminal.
  std::string code() const {
    if (std::max({red, green, blue}) - std::min({red, green, blue}) < 12) {
      const int level = static_cast<int>(std::lround((grey() - 8) / 10));
      return std::to_string(level < 0 ? 16 : level > 23 ? 231 : 232 + level);
    }
    const auto level = [](int v) { return v < 48 ? 0 : v < 115 ? 1 : (v - 35) / 40; };
    return std::to_string(16 + 36 * level(red) + 6 * level(green) + level(blue));
  }
};

std::string cell(Ink ink, const Colour& upper, const Colour& lower) {
  if (ink == Ink::colours) return "\x1b[38;5;" + upper.code() + ";48;5;" + lower.code() + "m▀";
  if (ink == Ink::shades) {
    constexpr const char* shades[] = {" ", "░", "▒", "▓", "█"};
    return shades[std::clamp(static_cast<int>((upper.grey() + lower.grey()) / 2 * 5 / 256), 0, 4)];
  }
  const bool above = upper.grey() >= 128, below = lower.grey() >= 128;
  return above && below ? "█" : above ? "▀" : below ? "▄" : " ";
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

}  // namespace

std::string draw(const Tensor& images, const std::vector<std::string>& captions, int columns, Ink ink) {
  const int64_t n = images.size(0), c = images.size(1), h = images.size(2), w = images.size(3), gap = 2;
  const int64_t in_a_row = std::clamp((columns + gap) / (w + gap), int64_t{1}, std::max<int64_t>(n, 1));
  const std::vector<uint8_t> pixels = images.to_vector<uint8_t>();
  const auto pixel = [&](int64_t i, int64_t y, int64_t x) {
    const auto channel = [&](int64_t k) {  // of a grey picture always the first
      return y < h ? int{pixels[static_cast<size_t>(((i * c + std::min(k, c - 1)) * h + y) * w + x)]} : 0;
    };
    return Colour{channel(0), channel(1), channel(2)};
  };
  std::string text;
  for (int64_t first = 0; first < n; first += in_a_row) {
    const int64_t end = std::min(first + in_a_row, n);
    const auto row_of = [&](const auto& piece) {  // a piece of w columns from every picture
      std::string row;
      for (int64_t i = first; i < end; ++i) row += piece(i) + std::string(static_cast<size_t>(gap), ' ');
      text += row.erase(row.find_last_not_of(' ') + 1) + "\n";
    };
    size_t caption_lines = 0;
    for (int64_t i = first; i < end; ++i)
      caption_lines = std::max(caption_lines, lines_of(captions[static_cast<size_t>(i)]).size());
    for (size_t line = 0; line < caption_lines; ++line)
      row_of([&](int64_t i) {
        const std::vector<std::string> lines = lines_of(captions[static_cast<size_t>(i)]);
        std::string caption = line < lines.size() ? lines[line] : "";
        caption.resize(static_cast<size_t>(w), ' ');
        return caption;
      });
    for (int64_t y = 0; y < h; y += 2)
      row_of([&](int64_t i) {
        std::string cells;
        for (int64_t x = 0; x < w; ++x) cells += cell(ink, pixel(i, y, x), pixel(i, y + 1, x));
        return ink == Ink::colours ? cells + "\x1b[0m" : cells;
      });
  }
  return text;
}

Tensor with_channels(const Tensor& image, int64_t channels) {
  const int64_t c = image.size(0), pixels = image.size(1) * image.size(2);
  if (c == channels) return image;
  if (c == 1) return image.expand({channels, image.size(1), image.size(2)}).contiguous();
  const std::vector<double> v = image.to_vector<double>();
  std::vector<uint8_t> grey;
  for (size_t i = 0, n = static_cast<size_t>(pixels); i < n; ++i)
    grey.push_back(static_cast<uint8_t>(std::lround(luma(v[i], v[n + i], v[2 * n + i]))));
  return cairn::from_vector(grey, {1, image.size(1), image.size(2)});
}

}  // namespace support
