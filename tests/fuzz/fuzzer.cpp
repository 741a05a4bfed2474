// One target under libFuzzer, chosen by the environment: CAIRN_FUZZ_TARGET=idx. `./run fuzz` sets it.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "targets.h"

static const cairn::fuzz::Target* chosen = nullptr;

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  const char* name = std::getenv("CAIRN_FUZZ_TARGET");
  std::string known;
  for (const auto& target : cairn::fuzz::targets()) {
    if (name != nullptr && std::string(name) == target.name) chosen = &target;
    known += std::string(known.empty() ? "" : ", ") + target.name;
  }
  if (chosen != nullptr) return 0;
  std::fprintf(stderr, "fuzz: unknown target '%s'; known: %s\n", name == nullptr ? "" : name, known.c_str());
  std::exit(2);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  cairn::fuzz::run(*chosen, {reinterpret_cast<const char*>(data), size});
  return 0;
}
