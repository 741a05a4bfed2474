#include "support/picture.h"

#include <cairn/tensor/create.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <sstream>

namespace support {

using cairn::Shape;
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

namespace {

// A picture in rows of doubles, one channel.
struct Plane {
  int64_t h, w;
  std::vector<double> v;
};

// Resamples along the rows and returns the result turned, so that a second call does the columns and turns it back.
Plane resample_rows(const Plane& in, int64_t width) {
  Plane out{.h = width, .w = in.h, .v = std::vector<double>(static_cast<size_t>(width * in.h))};
  const double step = static_cast<double>(in.w) / static_cast<double>(width), reach = std::max(step, 1.0);
  for (int64_t x = 0; x < width; ++x) {
    const double centre = (static_cast<double>(x) + 0.5) * step;
    const auto begin = std::max<int64_t>(static_cast<int64_t>(std::floor(centre - reach)), 0);
    const auto end = std::min<int64_t>(static_cast<int64_t>(std::ceil(centre + reach)), in.w);
    std::vector<double> weights;
    double total = 0;
    for (int64_t i = begin; i < end; ++i) {
      weights.push_back(std::max(0.0, 1 - std::abs(static_cast<double>(i) + 0.5 - centre) / reach));
      total += weights.back();
    }
    for (int64_t y = 0; y < in.h; ++y) {
      double sum = 0;
      for (int64_t i = begin; i < end; ++i)
        sum += weights[static_cast<size_t>(i - begin)] * in.v[static_cast<size_t>(y * in.w + i)];
      out.v[static_cast<size_t>(x * in.h + y)] = sum / total;
    }
  }
  return out;
}

}  // namespace

Tensor resize(const Tensor& image, const Shape& shape) {
  const int64_t c = image.size(0), h = image.size(1), w = image.size(2), channels = shape[0];
  const std::vector<double> pixels = image.to_vector<double>();
  std::vector<uint8_t> bytes;
  for (int64_t k = 0; k < channels; ++k) {
    Plane plane{.h = h, .w = w, .v = std::vector<double>(static_cast<size_t>(h * w))};
    for (int64_t i = 0; i < h * w; ++i) {
      const auto at = [&](int64_t channel) { return pixels[static_cast<size_t>(channel * h * w + i)]; };
      plane.v[static_cast<size_t>(i)] = c == 1 ? at(0) : channels == 1 ? luma(at(0), at(1), at(2)) : at(k);
    }
    for (const double v : resample_rows(resample_rows(plane, shape[2]), shape[1]).v)
      bytes.push_back(static_cast<uint8_t>(std::clamp(std::lround(v), 0L, 255L)));
  }
  return cairn::from_vector(bytes).reshape(shape);
}

}  // namespace support
