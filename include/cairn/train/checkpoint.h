#pragma once
// All that a training depends on, in one file: from there it goes on with the same bits.
//
//   train::save_checkpoint("last.safetensors", model, optimizer, {{"epoch", epoch}});
//   const Json progress = train::load_checkpoint("last.safetensors", model, optimizer);
//
// The Trainer does this by itself when it has a Run (train/run.h).

#include <string>

#include "cairn/base/error.h"
#include "cairn/base/json.h"
#include "cairn/nn/module.h"
#include "cairn/optim/optimizer.h"

namespace cairn::train {

/// Writes parameters and buffers as "model.NAME", the optimiser's state as "optimizer.NAME", `extra` as "extra.NAME",
/// and as metadata the state of default_generator(), `progress` and a checksum of all of it. The file is safetensors,
/// written whole or not at all and flushed to the disk (io::AtomicFile). It depends on nothing else: equal trainings
/// write equal bytes.
///   progress  what the program must know to go on, such as epoch and batch; finite numbers only
///   extra     tensors of the program's own
///   throws    FileError when the file cannot be written: the old one is untouched then; ValueError for texts that are
///             not UTF-8
void save_checkpoint(const std::string& file, const nn::Module& model, const optim::Optimizer& optimizer,
                     const Json& progress, const nn::StateDict& extra = {});

/// A file that is not what save_checkpoint() wrote: cut short, overwritten, or of another kind.
struct DamagedCheckpoint : FileError {
  using FileError::FileError;
};

/// Puts all of it back and returns `progress`. Made of the same layers and options as then, model and optimiser go on
/// with the same bits, on any number of threads.
///   extra   where to put the tensors of save_checkpoint's `extra`; they are read only if it is given
///   throws  FileError naming the file, and the tensor where it is one's fault: DamagedCheckpoint for a file that is
///           missing, damaged (by its checksum), or no safetensors file; for one that is no checkpoint, for a model or an
///           optimiser of other names, sizes or kind. Nothing is changed then.
Json load_checkpoint(const std::string& file, nn::Module& model, optim::Optimizer& optimizer,
                     nn::StateDict* extra = nullptr);

}  // namespace cairn::train
