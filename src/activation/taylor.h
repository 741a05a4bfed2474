#pragma once
// "taylor(tanh, 7, 1.5)": Taylor polynomials as text.

#include <string_view>

#include "cairn/activation/activation.h"

namespace cairn {

/// Whether the text, without blanks around it, is meant as one, and not as a formula.
bool is_taylor(std::string_view text);
/// throws  as taylor_activation and activation; ValueError for text of another form
Activation read_taylor(std::string_view text);

}  // namespace cairn
