#pragma once
// Which layer is at work: observers read it to say where in a model an operation ran.

#include <string_view>

#include "cairn/base/isa.h"

namespace cairn {

/// Dotted name of the layer whose forward runs on this thread; "" outside of any, and in the outermost one.
std::string_view current_scope();

/// Sets current_scope() during its lifetime, on this thread. `name` must live as long.
class Scope {
 public:
  explicit Scope(std::string_view name);
  ~Scope();
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;

 private:
  std::string_view before_;
};

}  // namespace cairn
