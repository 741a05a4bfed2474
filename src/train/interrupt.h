#pragma once
// A stop by Ctrl-C that waits for a good moment.

namespace cairn::train {

/// While one exists, the first SIGINT or SIGTERM only sets interrupted(), the second ends the process as usual; and a
/// file that grows beyond its limit is an error of write() rather than the end of the process (SIGXFSZ).
class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  static bool interrupted();
};

}  // namespace cairn::train
