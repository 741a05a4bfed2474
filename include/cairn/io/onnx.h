#pragma once
// Models as ONNX files, for other programs to run. In the component cairn::onnx, which needs libonnx and protobuf.
//
//   io::save_onnx(model, "mnist.onnx", {1, 1, 28, 28});
//
// BERT takes several tensors: models::save_onnx (cairn/models/bert_onnx.h).

#include <map>
#include <string>

#include "cairn/nn/module.h"

namespace cairn::io {

struct OnnxOptions {
  int64_t opset = 17;         ///< of the operators, 13 to 17
  bool dynamic_batch = true;  ///< the number of samples, the first size of the input, is left open and called "n"
  std::string input = "input", output = "output";    ///< names of what goes in and comes out
  std::string name = "model";                        ///< of the graph
  std::map<std::string, std::string> metadata = {};  ///< texts to go with the model
};

/// Writes a model (whole or not at all) as it computes in evaluation mode; the model stays as it is. It is made of the
/// layers of this library, with any activations and formulas. Initializers have the names of the parameters and buffers
/// that they hold (of tied ones the first), nodes begin with the path of their layer: "layer1.0.conv1/Conv". A layer is
/// asked for the size of its result by running it on zeros.
///   input   sizes of an input, with the number of samples first: the others are fixed in the file. A model that begins
///           with an Embedding takes i64
///   dtype   that of the model. Runtimes know most operators for f32 alone: model.to(f32) before
///   values  those of the model but for rounding, with these exceptions. Where x is infinite, x · s with s → 0 (gelu,
///           silu, mish and their kin) is NaN. ONNX has no erfc, no normal_cdf and no accurate softplus: what goes to 0
///           on one side of them does so with an absolute error of 1e-7, not a relative one. expm1 and log1p keep their
///           digits near 0
///   checks  by ONNX's own checker and its inference of types and shapes, before anything is written
///   throws  NameError for a layer that is not known here, naming it; ShapeError for an input that the model does not
///           take; ValueError for another opset, for names that are empty or taken, for 2 GB or more (the limit of the
///           format), and when the model works for the given number of samples alone, unless dynamic_batch is false;
///           DtypeError for parameters of several dtypes; FileError when the file cannot be written
void save_onnx(const nn::Layer& model, const std::string& file, const Shape& input, const OnnxOptions& options = {});

}  // namespace cairn::io
