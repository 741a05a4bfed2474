#include "cairn/data/glyphs.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "cairn/base/random.h"
#include "cairn/base/threads.h"

namespace cairn::data {
namespace {

constexpr int side = 28;

struct Point {
  float x, y;
};
Point operator+(Point a, Point b) { return {a.x + b.x, a.y + b.y}; }
Point operator-(Point a, Point b) { return {a.x - b.x, a.y - b.y}; }
Point operator*(float s, Point p) { return {s * p.x, s * p.y}; }

// Points that the pen passes through in a smooth curve, in a box of 100 × 100 with y downwards; a point given twice is
// a corner.
using Stroke = std::vector<Point>;
using Style = std::vector<Stroke>;

// clang-format off
const std::vector<Style>& styles_of(int digit) {
  static const std::array<std::vector<Style>, 10> alphabet = {{
      // 0: a ring; one whose ends cross
      {{{{52, 1}, {26, 14}, {15, 48}, {24, 84}, {50, 99}, {77, 84}, {85, 50}, {75, 14}, {50, 1}}},
       {{{66, 10}, {42, 5}, {20, 30}, {16, 70}, {40, 98}, {72, 85}, {84, 45}, {68, 10}, {40, 0}, {30, 8}}}},
      // 1: a line; with a flag; with flag and foot
      {{{{50, 0}, {50, 100}}},
       {{{26, 26}, {42, 14}, {55, 0}, {55, 0}, {55, 100}}},
       {{{28, 24}, {42, 14}, {54, 0}, {54, 0}, {54, 98}}, {{26, 99}, {82, 98}}}},
      // 2: with a corner at the foot; with a loop
      {{{{17, 24}, {30, 5}, {56, 0}, {78, 16}, {74, 40}, {48, 70}, {14, 98}, {14, 98}, {86, 97}}},
       {{{20, 22}, {46, 0}, {76, 14}, {70, 45}, {44, 80}, {22, 96}, {12, 86}, {28, 78}, {56, 92}, {88, 93}}}},
      // 3: two bows; a flat top
      {{{{18, 14}, {46, 0}, {76, 14}, {70, 38}, {40, 48}, {40, 48}, {74, 56}, {82, 78}, {56, 99}, {16, 88}}},
       {{{20, 2}, {78, 2}, {78, 2}, {45, 40}, {45, 40}, {76, 50}, {82, 76}, {52, 100}, {16, 88}}}},
      // 4: open; closed, in one stroke; rounded
      {{{{32, 2}, {16, 58}, {16, 58}, {86, 56}}, {{66, 22}, {62, 100}}},
       {{{66, 100}, {67, 0}, {67, 0}, {12, 66}, {12, 66}, {90, 66}}},
       {{{20, 6}, {17, 34}, {32, 52}, {60, 48}, {78, 34}}, {{82, 2}, {76, 45}, {72, 100}}}},
      // 5: bow, then bar; in one stroke
      {{{{28, 3}, {22, 44}, {22, 44}, {50, 38}, {80, 52}, {80, 80}, {50, 100}, {15, 90}}, {{28, 3}, {82, 0}}},
       {{{82, 4}, {32, 2}, {32, 2}, {24, 40}, {50, 42}, {80, 60}, {74, 88}, {46, 100}, {14, 92}}}},
      // 6: a round back; a straight one
      {{{{70, 2}, {36, 24}, {17, 62}, {28, 93}, {55, 99}, {79, 82}, {72, 57}, {46, 52}, {21, 70}}},
       {{{46, 0}, {28, 36}, {18, 72}, {36, 98}, {68, 96}, {80, 76}, {60, 60}, {22, 74}}}},
      // 7: plain; crossed; bent, with a hook
      {{{{14, 4}, {84, 3}, {84, 3}, {42, 100}}},
       {{{14, 4}, {84, 3}, {84, 3}, {44, 100}}, {{32, 52}, {80, 48}}},
       {{{16, 18}, {18, 4}, {18, 4}, {84, 4}, {84, 4}, {58, 42}, {46, 100}}}},
      // 8: in one stroke; two rings
      {{{{76, 15}, {50, 0}, {24, 15}, {32, 38}, {56, 50}, {80, 72}, {70, 95}, {46, 100}, {20, 88}, {24, 66},
          {50, 48}, {74, 30}, {75, 12}}},
       {{{50, 47}, {28, 34}, {28, 12}, {50, 0}, {72, 12}, {72, 34}, {50, 47}}, {{50, 47}, {20, 62}, {20, 88},
          {50, 100}, {80, 88}, {80, 62}, {50, 47}}}},
      // 9: a straight stem; a curved tail
      {{{{76, 16}, {48, 1}, {22, 18}, {24, 42}, {50, 50}, {74, 34}, {77, 12}, {77, 12}, {70, 100}}},
       {{{74, 14}, {46, 1}, {20, 20}, {26, 44}, {52, 48}, {76, 32}, {77, 12}, {77, 12}, {80, 60}, {60, 94}, {24, 94}}}},
  }};
  return alphabet[static_cast<size_t>(digit)];
}
// clang-format on

// How much writers differ. Chosen so that a linear classifier fails where a small network does not.
constexpr double smallest = 15, tallest = 20;     // height in pixels
constexpr double narrowest = .65, widest = 1.05;  // width per height
constexpr double slant = .32, turn = .18;         // at most: shift per height, radians
constexpr double shift = 2;                       // from the middle, in pixels, at most
constexpr double bend = .2;                       // coefficients of the second order, standard deviation
constexpr double wobble = 4.5;                    // of the points of a stroke, standard deviation
constexpr double thin = .75, thick = 1.8;         // half the width of a line, in pixels
constexpr double pale = 180, dark = 255;          // ink
constexpr double noise = 24;                      // standard deviation, at most

double between(Generator& random, double low, double high) { return low + (high - low) * random.uniform(); }

// The strokes of one digit as a row of points in pixels, `ends` where each stroke ends.
struct Line {
  std::vector<Point> points;
  std::vector<size_t> ends;
};

// Catmull and Rom 1974: a cubic from each point to the next, its slopes from the neighbours.
void trace(const Stroke& stroke, Line& line) {
  constexpr int steps = 8;
  const size_t n = stroke.size();
  for (size_t i = 0; i + 1 < n; ++i) {
    const Point a = stroke[i], b = stroke[i + 1];
    const Point da = .5F * (b - stroke[i > 0 ? i - 1 : 0]), db = .5F * (stroke[std::min(i + 2, n - 1)] - a);
    for (int k = 0; k < steps; ++k) {
      const float t = static_cast<float>(k) / steps, u = 1 - t;
      line.points.push_back((u * u * (1 + 2 * t)) * a + (u * u * t) * da + (t * t * (3 - 2 * t)) * b -
                            (t * t * u) * db);
    }
  }
  line.points.push_back(stroke.back());
  line.ends.push_back(line.points.size());
}

// One digit as one writer would put it, no nearer to the edge of the image than `margin`.
Line write(int digit, float margin, Generator& random) {
  const auto& styles = styles_of(digit);
  Line line;
  for (Stroke stroke : styles[static_cast<size_t>(random.integer(static_cast<int64_t>(styles.size())))]) {
    const Stroke model = stroke;
    for (size_t i = 0; i < stroke.size(); ++i) {
      const bool corner = i > 0 && model[i].x == model[i - 1].x && model[i].y == model[i - 1].y;
      const Point off{static_cast<float>(wobble * random.normal()), static_cast<float>(wobble * random.normal())};
      stroke[i] = corner ? stroke[i - 1] : model[i] + off;
    }
    trace(stroke, line);
  }
  const double height = between(random, smallest, tallest), width = height * between(random, narrowest, widest);
  const double lean = between(random, -slant, slant), angle = between(random, -turn, turn);
  const double c = std::cos(angle), s = std::sin(angle);
  std::array<double, 6> bends;
  for (double& b : bends) b = bend * random.normal();
  Point low{1e9F, 1e9F}, high{-1e9F, -1e9F};
  for (Point& p : line.points) {
    const double u = p.x / 100. - .5, v = p.y / 100. - .5;
    const double y = (v + bends[0] * u * u + bends[1] * u * v + bends[2] * v * v) * height;
    const double x = (u + bends[3] * u * u + bends[4] * u * v + bends[5] * v * v) * width - lean * y;
    p = {static_cast<float>(c * x - s * y), static_cast<float>(s * x + c * y)};
    low = {std::min(low.x, p.x), std::min(low.y, p.y)};
    high = {std::max(high.x, p.x), std::max(high.y, p.y)};
  }
  // The middle of what was drawn goes near the middle of the image.
  const Point middle = .5F * (low + high), size = high - low;
  const float room = side - 2 * margin, fit = std::min(1.F, room / std::max(size.x, size.y));
  const auto place = [&](float extent) {
    const float most = std::min(static_cast<float>(shift), (room - fit * extent) / 2);
    return side / 2.F + static_cast<float>(between(random, -most, most));
  };
  const Point target{place(size.x), place(size.y)};
  for (Point& p : line.points) p = fit * (p - middle) + target;
  return line;
}

// Squared distance of each pixel's middle from the line, as far as `reach`; beyond that it is large.
using Field = std::array<float, side * side>;
void measure(const Line& line, float reach, Field& field) {
  field.fill(1e9F);
  const auto pixel = [](float v) { return std::clamp(static_cast<int>(v), 0, side - 1); };
  for (size_t e = 0, i = 0; e < line.ends.size(); ++e, ++i)
    for (; i + 1 < line.ends[e]; ++i) {
      const Point a = line.points[i], b = line.points[i + 1], d = b - a;
      const float squared = d.x * d.x + d.y * d.y, per = squared > 0 ? 1 / squared : 0;
      const int x0 = pixel(std::min(a.x, b.x) - reach), x1 = pixel(std::max(a.x, b.x) + reach);
      const int y0 = pixel(std::min(a.y, b.y) - reach), y1 = pixel(std::max(a.y, b.y) + reach);
      for (int y = y0; y <= y1; ++y)
        for (int x = x0; x <= x1; ++x) {
          const Point p = Point{static_cast<float>(x) + .5F, static_cast<float>(y) + .5F} - a;
          const Point off = p - std::clamp((p.x * d.x + p.y * d.y) * per, 0.F, 1.F) * d;
          float& f = field[static_cast<size_t>(y) * side + static_cast<size_t>(x)];
          f = std::min(f, off.x * off.x + off.y * off.y);
        }
    }
}

void draw(int digit, Generator& random, uint8_t* pixels) {
  const auto radius = static_cast<float>(between(random, thin, thick)), reach = radius + .5F;
  const auto ink = static_cast<float>(between(random, pale, dark));
  const auto grain = static_cast<float>(between(random, 0, noise) / 147.8);  // deviation of a sum of four bytes
  Field field;
  measure(write(digit, reach + .5F, random), reach, field);  // the outermost pixels stay free
  constexpr size_t groups = (side * side + 63) / 64;         // of sixteen blocks of four words
  alignas(64) std::array<uint32_t, 64 * groups> words;
  const Generator::Reserved r = random.reserve(16 * groups);
  for (size_t k = 0; k < groups; ++k) r.stream.sixteen_blocks(r.position + 16 * k, words.data() + 64 * k);
  for (size_t i = 0; i < field.size(); ++i) {
    const uint32_t w = words[i];
    const auto bell = static_cast<float>((w & 255) + (w >> 8 & 255) + (w >> 16 & 255) + (w >> 24)) - 510;
    const float cover = std::clamp(reach - std::sqrt(field[i]), 0.F, 1.F);  // of the pixel by the line
    pixels[i] = static_cast<uint8_t>(std::clamp(ink * cover + grain * bell + .5F, 0.F, 255.F));
  }
}

void draw_all(const char* purpose, uint64_t seed, int64_t n, Tensor& images, Tensor& labels) {
  images = empty({n, 1, side, side}, u8);
  labels = empty({n}, i64);
  auto* pixels = images.pointer<uint8_t>();
  auto* digits = labels.pointer<int64_t>();
  parallel_for(n, 16, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      Generator random(seed, purpose, 0, static_cast<uint64_t>(i));
      digits[i] = i % 10;
      draw(static_cast<int>(i % 10), random, pixels + i * side * side);
    }
  });
}

}  // namespace

Mnist glyphs(const GlyphOptions& options) {
  require<ValueError>(options.train >= 1 && options.test >= 1, "glyphs", "needs at least one image of each part",
                      given("train", options.train), given("test", options.test));
  Mnist m;
  draw_all("glyphs: train", options.seed, options.train, m.train_images, m.train_labels);
  draw_all("glyphs: test", options.seed, options.test, m.test_images, m.test_labels);
  return m;
}

}  // namespace cairn::data
