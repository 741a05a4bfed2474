#pragma once
// Where the time of a training step goes:
//
//   nn::Profile profile;
//   optimizer.zero_grad();
//   profile.mark("zero_grad");
//   cross_entropy(model(x), y).backward();
//   profile.mark("backward");
//   optimizer.step();
//   profile.mark("optimizer step");
//   std::cout << profile;

#include <cstdint>
#include <memory>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

namespace cairn::nn {

/// What one operation took, over all its calls in one layer.
struct OperationTime {
  std::string operation;  ///< name of a recorded operation, or what mark() was given
  std::string layer;      ///< dotted name of the layer in whose forward it ran; "" outside of any
  bool backward = false;
  int64_t calls = 0;
  double seconds = 0;
  /// Floating-point operations of products and convolutions, as the definition counts them: two for each multiplication
  /// and addition. 0 for operations that do no such work.
  double flop = 0;
  /// Bytes that have to be moved: every operand once, every result once; nothing for views.
  double bytes = 0;
};

/// Takes the time of every operation that this thread computes during its lifetime, forward and backward. The time of an
/// operation is that since the one before it, so what the program does between two is counted with the second; mark()
/// separates what is no operation. Profiles do not nest.
///   throws  GraphError when there is another on this thread
class Profile {
 public:
  Profile();
  ~Profile();
  Profile(const Profile&) = delete;
  Profile& operator=(const Profile&) = delete;

  /// What has passed since the last operation or mark is `name`'s; after a backward, its last operation's.
  void mark(std::string_view name);
  /// Those with the most time first.
  ///   by_layer  apart for each layer; else together, with an empty `layer`
  std::vector<OperationTime> rows(bool by_layer = false) const;

  struct State;

 private:
  std::shared_ptr<State> state_;
};

/// A table: time, share of the whole, calls, GFLOP/s and GB/s of each operation; rows of less than a thousandth of the
/// time are added up in the last but one.
std::string to_string(const Profile& profile, bool by_layer = false);
std::ostream& operator<<(std::ostream& out, const Profile& profile);

}  // namespace cairn::nn
