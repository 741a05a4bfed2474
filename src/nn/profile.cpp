#include "cairn/nn/profile.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>
#include <thread>
#include <tuple>

#include "nn/cost.h"
#include "nn/table.h"

namespace cairn::nn {

using Clock = std::chrono::steady_clock;

static thread_local constinit Profile::State* running = nullptr;

// Hooks in a graph may outlive the profile, hence shared.
struct Profile::State : std::enable_shared_from_this<State> {
  using Key = std::tuple<std::string, std::string, bool>;  // operation, layer, backward

  std::map<Key, OperationTime> rows;
  OperationTime* backward = nullptr;  // whose backward runs now
  Clock::time_point last = Clock::now();
  std::thread::id thread = std::this_thread::get_id();
  std::unique_ptr<Observer> observer;

  OperationTime& row(std::string_view operation, std::string_view layer, bool is_backward) {
    OperationTime& r = rows[{std::string(operation), std::string(layer), is_backward}];
    r.operation = operation, r.layer = layer, r.backward = is_backward;
    return r;
  }
  void pass(OperationTime& r) {
    const Clock::time_point now = Clock::now();
    r.seconds += std::chrono::duration<double>(now - last).count();
    last = now;
  }

  void see(const Operation& op) {
    // What a backward computes, unrecorded, is part of it.
    if (std::this_thread::get_id() != thread || (backward && !grad_enabled())) return;
    if (backward) pass(*std::exchange(backward, nullptr));
    OperationTime& r = row(op.name, op.scope, false);
    pass(r);
    const bool view = is_view(op);
    double read = 0, gradients = 0, wanted = 0;
    for (const Tensor* in : op.inputs) {
      read += static_cast<double>(bytes_of(*in));
      if (in->requires_grad()) gradients += static_cast<double>(bytes_of(*in));
    }
    for (size_t i = 0; i < std::min<size_t>(2, op.inputs.size()); ++i) wanted += op.inputs[i]->requires_grad();
    const double flop = 2 * static_cast<double>(multiply_adds(op)), written = static_cast<double>(bytes_of(op.output));
    ++r.calls;
    r.flop += flop;
    r.bytes += view ? 0 : read + written;
    if (!op.output.requires_grad()) return;
    // The engine calls this when it comes to the operation's backward, so the one before has ended.
    Tensor output = op.output;
    output.register_hook([this, alive = shared_from_this(), &to = row(op.name, op.scope, true), work = flop * wanted,
                          moved = view ? 0 : written + read + gradients](const Tensor&) {
      if (running != this) return Tensor();  // the profile has ended
      if (backward) pass(*backward);
      last = Clock::now();
      backward = &to;
      ++to.calls;
      to.flop += work;
      to.bytes += moved;
      return Tensor();
    });
  }
};

Profile::Profile() {
  require<GraphError>(!running, "Profile", "there is one on this thread already");
  state_ = std::make_shared<State>();
  state_->observer = std::make_unique<Observer>([s = state_.get()](const Operation& op) { s->see(op); });
  running = state_.get();
}

Profile::~Profile() {
  running = nullptr;
  state_->observer = nullptr;
}

void Profile::mark(std::string_view name) {
  State& s = *state_;
  if (s.backward) return s.pass(*std::exchange(s.backward, nullptr));
  OperationTime& r = s.row(name, "", false);
  ++r.calls;
  s.pass(r);
}

std::vector<OperationTime> Profile::rows(bool by_layer) const {
  std::map<State::Key, OperationTime> together;
  for (const auto& [key, r] : state_->rows) {
    if (r.calls == 0) continue;
    const std::string layer = by_layer ? r.layer : "";
    OperationTime& to = together[{r.operation, layer, r.backward}];
    to.operation = r.operation, to.layer = layer, to.backward = r.backward;
    to.calls += r.calls, to.seconds += r.seconds, to.flop += r.flop, to.bytes += r.bytes;
  }
  std::vector<OperationTime> list;
  for (auto& [key, r] : together) list.push_back(std::move(r));
  std::stable_sort(list.begin(), list.end(), [](const auto& a, const auto& b) { return a.seconds > b.seconds; });
  return list;
}

std::string to_string(const Profile& profile, bool by_layer) {
  const std::vector<OperationTime> rows = profile.rows(by_layer);
  OperationTime whole, small;
  for (const OperationTime& r : rows) whole.seconds += r.seconds, whole.flop += r.flop, whole.bytes += r.bytes;
  std::vector<std::vector<std::string>> cells = {{"operation", "ms", "share", "calls", "GFLOP/s", "GB/s"}};
  if (by_layer) cells[0].insert(cells[0].begin() + 1, "layer");
  const auto text = [](double v, int digits) {
    char buffer[32];
    std::snprintf(buffer, sizeof buffer, "%.*f", digits, v);
    return std::string(buffer);
  };
  const auto add = [&](const std::string& name, const OperationTime& r) {
    const auto rate = [&](double amount) { return amount > 0 ? text(amount / r.seconds / 1e9, 1) : std::string(); };
    std::vector<std::string> line = {name,
                                     text(1e3 * r.seconds, 3),
                                     text(100 * r.seconds / std::max(1e-300, whole.seconds), 1) + " %",
                                     r.calls > 0 ? std::to_string(r.calls) : "",
                                     rate(r.flop),
                                     rate(r.bytes)};
    if (by_layer) line.insert(line.begin() + 1, r.layer);
    cells.push_back(std::move(line));
  };
  for (const OperationTime& r : rows) {
    if (r.seconds >= 1e-3 * whole.seconds) {
      add(r.operation + (r.backward ? " backward" : ""), r);
    } else {
      small.seconds += r.seconds, small.flop += r.flop, small.bytes += r.bytes, small.calls += r.calls;
    }
  }
  if (small.calls > 0) add("others", small);
  add("all", whole);
  return aligned(cells, by_layer ? 2 : 1, true);
}

std::ostream& operator<<(std::ostream& out, const Profile& profile) { return out << to_string(profile); }

}  // namespace cairn::nn
