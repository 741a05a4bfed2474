#pragma once
// Four claims of the literature on activation functions, put to the test. Each prints what it does and a table.

#include <string>

namespace support {

struct ClaimOptions {
  bool full = false;   ///< the lengths that docs/why-relu-and-gelu.md reports
  std::string data;    ///< folder of MNIST, for claim d
  std::string curves;  ///< SVG file of the curves, where there are some; "" for none
};

/// a: without a bend between them, layers fit no more than one; with one, two layers fit the better the wider they are.
void claim_bend(const ClaimOptions& o);
/// b: deep sigmoid networks lose the gradient on the way down; ReLU and GELU do not.
void claim_gradient(const ClaimOptions& o);
/// c: narrow deep ReLU networks are often born dead, and too large steps kill units.
void claim_dead(const ClaimOptions& o);
/// d: GELU learns MNIST faster than ReLU and ELU, in eight layers of 128.
void claim_gelu(const ClaimOptions& o);

}  // namespace support
