#include "train/interrupt.h"

#include <array>
#include <csignal>
#include <mutex>

namespace cairn::train {
namespace {

constexpr std::array<int, 3> signals = {SIGINT, SIGTERM, SIGXFSZ};

volatile std::sig_atomic_t stopped = 0;
std::mutex mutex;  // of the two below: several trainers may run at once
int users = 0;
std::array<struct sigaction, signals.size()> before;

void stop(int) { stopped = 1; }

}  // namespace

Interrupt::Interrupt() {
  const std::lock_guard lock(mutex);
  if (users++ > 0) return;
  stopped = 0;
  for (size_t i = 0; i < signals.size(); ++i) {
    struct sigaction action {};
    action.sa_handler = signals[i] == SIGXFSZ ? SIG_IGN : stop;
    action.sa_flags = static_cast<int>(SA_RESETHAND | SA_RESTART);
    ::sigaction(signals[i], &action, &before[i]);
    // What the parent process wants ignored (nohup, a background job of a script) stays so.
    if (before[i].sa_handler == SIG_IGN) ::sigaction(signals[i], &before[i], nullptr);
  }
}

Interrupt::~Interrupt() {
  const std::lock_guard lock(mutex);
  if (--users > 0) return;
  for (size_t i = 0; i < signals.size(); ++i) ::sigaction(signals[i], &before[i], nullptr);
}

bool Interrupt::interrupted() { return stopped != 0; }

}  // namespace cairn::train
