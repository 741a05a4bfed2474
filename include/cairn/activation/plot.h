#pragma once
// Pictures as SVG, made by no other program: activations with their derivatives, and lines through any numbers.

#include <string>
#include <vector>

#include "cairn/activation/activation.h"

namespace cairn {

struct PlotOptions {
  double low = -5, high = 5;  ///< of x
  int derivatives = 2;        ///< 0: f alone, 1: and f′, 2: and f″
  std::string title = {};     ///< plain text in UTF-8, as all words of these pictures
};

/// An activation with its derivatives on common axes; of several activations f, f′ and f″ below each other. 900 units
/// wide, on a ground of its own that follows the light or dark scheme of what shows it. Kinks and jumps are marked by
/// upright dashed lines, numbers that are not finite leave a gap, and lines do not cross a jump. What is steeper than
/// the rest is cut off at the edge rather than flattening everything else.
///   functions  1 to 8 element-wise ones
///   throws     ValueError for another count, a fold, an interval that is none, or derivatives outside 0 to 2
std::string svg_plot(const std::vector<Activation>& functions, const PlotOptions& options = {});

/// A line of a picture: y over x.
struct Line {
  std::string name;
  std::vector<double> x, y;
};

struct LinesOptions {
  std::string title = {}, x_name = {}, y_name = {};
  bool logarithmic = false;  ///< the values; those that are not above 0 then leave a gap
};

/// Lines with dots and a legend.
///   lines   1 to 8, not all without a finite value
///   throws  ValueError for another count, x and y of different lengths, and no value to show
std::string svg_lines(const std::vector<Line>& lines, const LinesOptions& options = {});

struct HistogramOptions {
  int bins = 60;
  std::string title = {};
};

/// How the numbers of tensors are spread, such as the outputs of layers: a panel each, with the share of exact zeros and
/// of numbers that are not finite, which are in no bin; zeros are not either where they are more than a fifth.
///   values  1 to 24 tensors with their names, f32 or f64
///   throws  ValueError for another count or bins below 1, DtypeError for another dtype
std::string svg_histogram(const std::vector<std::pair<std::string, Tensor>>& values,
                          const HistogramOptions& options = {});

}  // namespace cairn
