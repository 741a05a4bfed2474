#include "cairn/base/machine.h"

#include <sys/utsname.h>

#include <algorithm>
#include <fstream>

namespace cairn {

std::string cpu_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("model name")) return line.substr(std::min(line.size(), line.find(':') + 2));
  return "";
}

std::string system_name() {
  utsname names{};
  if (::uname(&names) != 0) return "";
  return std::string(names.sysname) + " " + names.release;
}

}  // namespace cairn
