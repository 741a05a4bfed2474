#pragma once
// Which layer is at work: observers read it to say where in a model an operation ran.

#include <cstdint>
#include <string_view>

#include "cairn/base/isa.h"

namespace cairn {

/// Dotted name of the layer whose forward runs on this thread; "" outside of any, and in the outermost one.
std::string_view current_scope();

/// Number of the call that current_scope() is at work for, larger than those of earlier calls on this thread; 0 outside
/// of any layer.
uint64_t current_call();

/// Sets current_scope() during its lifetime, on this thread. `name` must live as long.
class Scope {
 public:
  explicit Scope(std::string_view name);
  ~Scope();
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;

 private:
  std::string_view before_;
  uint64_t call_before_;
};

}  // namespace cairn
