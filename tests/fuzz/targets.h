#pragma once
// What reads bytes from outside, each as a function that must come back from any bytes: with a result, or with an Error.

#include <string>
#include <string_view>
#include <vector>

namespace cairn::fuzz {

struct Target {
  const char* name;
  void (*run)(std::string_view bytes);
};

/// All of them; the corpus of each lies in corpus/NAME.
const std::vector<Target>& targets();

/// Runs a target; an Error is what it may throw, anything else goes on.
void run(const Target& target, std::string_view bytes);

}  // namespace cairn::fuzz
