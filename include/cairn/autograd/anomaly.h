#pragma once
// Which operation made the first NaN or infinity, and from what:
//
//   set_anomaly(true);  // or for a block: const DetectAnomaly detect;
//   loss.backward();
//
//   AnomalyError: log in head, call 1: its output holds 3 inf, and what it was computed from is finite
//     input 0  (64, 10) f32 in [0, 0.82]
//     output   (64, 10) f32, 3 inf, else in [-4.1, -0.2]

#include <cstdint>
#include <string>
#include <vector>

#include "cairn/base/dtype.h"

namespace cairn {

class Tensor;

/// What a tensor holds.
struct TensorRange {
  std::string name;  ///< "input 0", "output", "gradient of input 0"
  Shape shape;
  Dtype dtype = f32;
  int64_t nan = 0, inf = 0;  ///< how many elements are NaN, and infinite with either sign
  double min = 0, max = 0;   ///< of the finite ones; NaN where there are none
  bool finite() const { return nan == 0 && inf == 0; }
};
TensorRange range_of(const Tensor& x, std::string name = {});
/// "(64, 10) f32, 1 NaN, 3 inf, else in [-4.1, -0.2]"
std::string to_string(const TensorRange& range);

/// An operation that gave a number that is not finite.
struct Anomaly {
  std::string operation;  ///< as record() was told, "log"
  std::string layer;      ///< dotted name of the layer that ran it; "" in the outermost one and outside of any
  int64_t call = 0;       ///< which call of this layer since the last backward, from 1; 0 outside of any layer
  bool backward = false;  ///< whether its backward did; layer and call are still those of its forward
  std::string inside;     ///< of a backward: the operation in it that gave the first such number; may be ""
  /// What it read: its inputs; of a backward the gradient of the output, and those inputs and the output that were kept
  /// for it.
  std::vector<TensorRange> inputs;
  std::vector<TensorRange> outputs;  ///< what it gave: its output; of a backward the gradients of its inputs
  /// Whether all it read was finite. Otherwise what made that was no operation, or it was let through (set_anomaly).
  bool at_fault() const;
};
/// A line that says what happened, and one for each tensor.
std::string to_string(const Anomaly& anomaly);

struct AnomalyError : Error {
  ///   before  what the message begins with: whoever catches it may know more, "epoch 3, batch 12: "
  explicit AnomalyError(Anomaly found, const std::string& before = {})
      : Error(before + to_string(found)), anomaly(std::move(found)) {}
  Anomaly anomaly;
};

/// From here on the first operation that gives a NaN or an infinity, on any thread, in a forward or a backward, throws
/// an AnomalyError. Every result is read once more for it: switch it on to find a fault, not to train.
///
/// Infinities may be meant, as in the mask of an attention: in a forward an operation may hand on those that it was
/// given, and where(), masked_fill() and pad() may put in what they are told. A NaN that was given, by data or by a
/// weight, is reported by the first operation that hands it on, as an input that already holds it. A backward is judged
/// by the gradients it gives: what is masked out inside of it harms nobody. Modifications in place, steps of optimisers
/// among them, are no operations.
///   source  torch.autograd.set_detect_anomaly, which reports NaN in backward only
void set_anomaly(bool on);
bool anomaly_enabled();

/// Watches during its lifetime, beside what set_anomaly() says: several, also on several threads, do not end each other.
class DetectAnomaly {
 public:
  DetectAnomaly();
  ~DetectAnomaly();
  DetectAnomaly(const DetectAnomaly&) = delete;
  DetectAnomaly& operator=(const DetectAnomaly&) = delete;
};

}  // namespace cairn
