// A program outside the library that uses the component cairn::onnx.
#include <cairn/io/onnx.h>
#include <cairn/nn/linear.h>
#include <cstdio>
#include <filesystem>
int main() {
  cairn::io::save_onnx(cairn::nn::Linear(3, 2), "consumer.onnx", {1, 3});
  const bool ok = std::filesystem::file_size("consumer.onnx") > 100;
  std::puts(ok ? "a model, exported" : "hardly a model");
  return ok ? 0 : 1;
}
