#include "cairn/tensor/print.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

namespace cairn {
namespace {

class Printer {
 public:
  Printer(const Tensor& x, const PrintOptions& options)
      : x_(x), o_(options), shortened_(x.numel() > options.threshold) {
    if (is_float(x.dtype())) choose_form();
    each_shown(0, 0, [&](int64_t place) { width_ = std::max(width_, item(place).size()); });
  }

  std::string run() {
    const std::string indent = "tensor(";
    std::string text = indent;
    if (x_.numel() == 0)
      text += "[]";
    else if (x_.dim() == 0)
      text += item(0);
    else
      text += list(0, 0, indent.size());
    const bool plain = x_.dim() == 0 && (x_.dtype() == f32 || x_.dtype() == i64 || x_.dtype() == boolean);
    if (!plain) text += ", shape " + cairn::to_string(x_.shape()) + ", " + name_of(x_.dtype());
    return text + (x_.requires_grad() ? ", requires_grad)" : ")");
  }

 private:
  // Calls f(i) for the indices of dimension d that are shown, and gap() where some are left out.
  template <class F, class Gap>
  void each_index(int d, F f, Gap gap) const {
    const int64_t n = x_.shape()[d], edge = o_.edge_items;
    if (!shortened_ || n <= 2 * edge) {
      for (int64_t i = 0; i < n; ++i) f(i);
      return;
    }
    for (int64_t i = 0; i < edge; ++i) f(i);
    gap();
    for (int64_t i = n - edge; i < n; ++i) f(i);
  }

  template <class F>
  void each_shown(int d, int64_t place, const F& f) const {
    if (x_.numel() == 0) return;
    if (d == x_.dim()) return f(place);
    each_index(
        d, [&](int64_t i) { each_shown(d + 1, place + i * x_.strides()[d], f); }, [] {});
  }

  double value(int64_t place) const {
    return x_.dtype() == f32 ? static_cast<double>(x_.pointer<float>()[place]) : x_.pointer<double>()[place];
  }

  // Whole numbers, fixed point or powers of ten, by the numbers shown that are finite and not zero.
  void choose_form() {
    double smallest = std::numeric_limits<double>::infinity(), largest = 0;
    each_shown(0, 0, [&](int64_t place) {
      const double v = std::fabs(value(place));
      if (!std::isfinite(v)) return;
      whole_ = whole_ && v == std::floor(v);
      if (v == 0) return;
      smallest = std::min(smallest, v);
      largest = std::max(largest, v);
    });
    scientific_ = largest > 0 && (largest / smallest > 1e3 || largest > 1e8 || smallest < 1e-4);
  }

  std::string item(int64_t place) const {
    switch (x_.dtype()) {
      case Dtype::i64:
        return std::to_string(x_.pointer<int64_t>()[place]);
      case Dtype::u8:
        return std::to_string(x_.pointer<uint8_t>()[place]);
      case Dtype::boolean:
        return x_.pointer<bool>()[place] ? "true" : "false";
      default:
        break;
    }
    const double v = value(place);
    if (std::isnan(v)) return "nan";
    if (std::isinf(v)) return v < 0 ? "-inf" : "inf";
    char text[400];  // the largest double has 309 digits
    const int digits = std::clamp(o_.precision, 0, 40);
    if (scientific_)
      std::snprintf(text, sizeof text, "%.*e", digits, v);
    else if (whole_)
      std::snprintf(text, sizeof text, "%.0f.", v);
    else
      std::snprintf(text, sizeof text, "%.*f", digits, v);
    return text;
  }

  std::string list(int d, int64_t place, size_t indent) const {
    const bool innermost = d == x_.dim() - 1;
    std::string text = "[", line_break(static_cast<size_t>(x_.dim() - 1 - d), '\n');
    if (innermost) line_break = "\n";
    line_break.append(indent + 1, ' ');
    size_t column = indent + 1;
    bool first = true;
    const auto separate = [&](size_t next) {
      const bool full = innermost && column + 2 + next > static_cast<size_t>(o_.line_width);
      if (!first) text += innermost && !full ? ", " : "," + line_break;
      column = full ? indent + 1 + next : column + (first ? 0 : 2) + next;
      first = false;
    };
    each_index(
        d,
        [&](int64_t i) {
          const int64_t at = place + i * x_.strides()[d];
          const std::string inner = innermost ? item(at) : list(d + 1, at, indent + 1);
          separate(width_);
          if (innermost) text.append(width_ - inner.size(), ' ');
          text += inner;
        },
        [&] {
          separate(3);
          text += "...";
        });
    return text + "]";
  }

  const Tensor& x_;
  const PrintOptions& o_;
  const bool shortened_;
  bool whole_ = true, scientific_ = false;
  size_t width_ = 0;
};

}  // namespace

std::string to_string(const Tensor& x, const PrintOptions& options) {
  return x.defined() ? Printer(x, options).run() : "tensor(undefined)";
}

std::ostream& operator<<(std::ostream& out, const Tensor& x) { return out << to_string(x); }

}  // namespace cairn
