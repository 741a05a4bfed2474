#include "cairn/train/checkpoint.h"

#include <zlib.h>

#include <cinttypes>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "cairn/base/random.h"
#include "cairn/graph/node.h"
#include "cairn/io/safetensors.h"

namespace cairn::train {
namespace {

constexpr int64_t format = 1;
constexpr std::string_view model_prefix = "model.", optimizer_prefix = "optimizer.", extra_prefix = "extra.";

// Of all tensors, with their names and sizes, and of the metadata.
std::string fingerprint(const nn::StateDict& tensors, const std::map<std::string, std::string>& metadata) {
  uLong sum = crc32(0, nullptr, 0);
  const auto mix = [&](const void* data, size_t bytes) { sum = crc32_z(sum, static_cast<const Bytef*>(data), bytes); };
  const auto mix_text = [&](const std::string& text) { mix(text.c_str(), text.size() + 1); };  // with its end
  const NoGrad plain;
  for (const auto& [name, tensor] : tensors) {
    mix_text(name);
    mix_text(describe(tensor));
    const Tensor row_major = tensor.contiguous();
    mix(row_major.pointer<char>(), static_cast<size_t>(row_major.numel()) * size_of(row_major.dtype()));
  }
  for (const auto& [name, text] : metadata) {
    if (name == "checkpoint") continue;  // holds the sum itself
    mix_text(name);
    mix_text(text);
  }
  char text[9];
  std::snprintf(text, sizeof text, "%08lx", sum);
  return text;
}

void add(nn::StateDict& all, std::string_view prefix, const nn::StateDict& tensors) {
  for (const auto& [name, tensor] : tensors) all.emplace(std::string(prefix) + name, tensor);
}

// Those of a prefix, without it.
nn::StateDict part(const nn::StateDict& all, std::string_view prefix) {
  nn::StateDict tensors;
  for (auto at = all.lower_bound(std::string(prefix)); at != all.end() && at->first.starts_with(prefix); ++at)
    tensors.emplace(at->first.substr(prefix.size()), at->second);
  return tensors;
}

nn::StateDict copy_of(const nn::StateDict& state) {
  const NoGrad plain;
  nn::StateDict copies;
  for (const auto& [name, tensor] : state) copies.emplace(name, tensor.clone());
  return copies;
}

const std::string& text_of(const io::SafeTensors& content, const char* name) {
  const auto at = content.metadata.find(name);
  if (at == content.metadata.end())
    throw ValueError("this is no checkpoint of a training: it lacks the metadata '" + std::string(name) + "'");
  return at->second;
}

Json restore(const io::SafeTensors& content, nn::Module& model, optim::Optimizer& optimizer, nn::StateDict* extra) {
  const Json head = Json::parse(text_of(content, "checkpoint"));
  const auto written = head.at("format").get<int64_t>();
  if (written != format)
    throw ValueError("it is of format " + std::to_string(written) + "; this version reads format " +
                     std::to_string(format));
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
  constexpr bool checked = false;  // made-up bytes would get no further
#else
  constexpr bool checked = true;
#endif
  if (head.at("crc32").get<std::string>() != fingerprint(content.tensors, content.metadata) && checked)
    throw DamagedCheckpoint("load_checkpoint: it is damaged: its checksum is another than when it was written");
  if (const auto kind = head.at("optimizer").get<std::string>(); kind != optimizer.name())
    throw ValueError("it is of another optimiser, " + kind + " and not " + optimizer.name());
  Json progress = Json::parse(text_of(content, "progress"));
  const auto random = Json::parse(text_of(content, "random")).get<Generator::State>();

  const nn::StateDict before = copy_of(model.state_dict());
  try {
    model.load_state_dict(part(content.tensors, model_prefix));
  } catch (const Error& e) {
    throw ValueError("it is of another model; " + std::string(e.what()));
  }
  try {
    optimizer.load_state_dict(part(content.tensors, optimizer_prefix));
  } catch (const Error& e) {
    model.load_state_dict(before);
    throw ValueError("it is of another optimiser; " + std::string(e.what()));
  }
  default_generator().set_state(random);
  if (extra != nullptr) *extra = part(content.tensors, extra_prefix);
  return progress;
}

}  // namespace

void save_checkpoint(const std::string& file, const nn::Module& model, const optim::Optimizer& optimizer,
                     const Json& progress, const nn::StateDict& extra) {
  nn::StateDict tensors;
  add(tensors, model_prefix, model.untied_state_dict());
  add(tensors, optimizer_prefix, optimizer.state_dict());
  add(tensors, extra_prefix, extra);
  try {
    std::map<std::string, std::string> metadata = {{"progress", progress.dump()},
                                                   {"random", Json(default_generator().state()).dump()}};
    metadata["checkpoint"] =
        Json({{"format", format}, {"optimizer", optimizer.name()}, {"crc32", fingerprint(tensors, metadata)}}).dump();
    io::save_safetensors(file, tensors, metadata);
  } catch (const Json::exception& e) {
    throw ValueError("save_checkpoint: the progress is not UTF-8 (" + std::string(e.what()) + ")");
  }
}

Json load_checkpoint(const std::string& file, nn::Module& model, optim::Optimizer& optimizer, nn::StateDict* extra) {
  const std::string got = "; got '" + file + "'";
  try {
    return restore(io::load_safetensors(file), model, optimizer, extra);
  } catch (const DamagedCheckpoint& e) {
    throw DamagedCheckpoint(e.what() + got);
  } catch (const FileError& e) {  // no safetensors file, or only a part of one
    throw DamagedCheckpoint(e.what());
  } catch (const Json::exception& e) {
    throw DamagedCheckpoint(std::string("load_checkpoint: its metadata are damaged (") + e.what() + ")" + got);
  } catch (const Error& e) {
    throw FileError("load_checkpoint: " + std::string(e.what()) + got);
  }
}

}  // namespace cairn::train
