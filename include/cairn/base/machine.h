#pragma once
// What this machine calls itself.

#include <string>

namespace cairn {

/// Name of the processor, as "AMD EPYC 7763 64-Core Processor"; "" where the system does not tell.
std::string cpu_name();
/// Name and release of the system, as "Linux 6.1.0".
std::string system_name();

}  // namespace cairn
