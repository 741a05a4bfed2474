#include "support/masked_lm.h"

#include <cairn/io/safetensors.h>
#include <cairn/tensor/storage.h>

#include <nlohmann/json.hpp>

namespace support {

using namespace cairn;

void save_masked_lm(const models::BertForMaskedLM& model, const std::string& file,
                    std::map<std::string, std::string> metadata) {
  metadata["bert"] = models::to_json(model.bert.config).dump();
  metadata["checksum"] = nn::checksum_text(model);
  io::save_safetensors(file, model.untied_state_dict(), metadata);
}

SavedMaskedLm load_masked_lm(const std::string& file) {
  const io::SafeTensors content = io::load_safetensors(file);
  std::string problem;
  try {
    SavedMaskedLm saved{.model = nullptr, .metadata = content.metadata};
    const models::BertConfig config = models::parse_bert_config(content.metadata.at("bert"));
    size_t bytes = size_t{1} << 20;
    for (const auto& [name, tensor] : content.tensors)
      bytes += 2 * static_cast<size_t>(tensor.numel()) * size_of(tensor.dtype());
    {
      const StorageLimit limit(bytes);
      saved.model = std::make_unique<models::BertForMaskedLM>(config);
    }
    saved.model->load_state_dict(content.tensors);
    if (nn::checksum_text(*saved.model) != content.metadata.at("checksum"))
      throw ValueError("the weights are damaged: their checksum is another than when the file was written");
    saved.model->eval();
    return saved;
  } catch (const std::out_of_range&) {
    problem = "this is no file of `bert --save`, or one of an earlier version";
  } catch (const Error& e) {
    problem = e.what();
  }
  throw FileError(problem + "; got '" + file + "'");
}

bool is_masked_lm(const std::string& file) {
  return io::load_safetensors(file, {.map = true}).metadata.contains("bert");
}

}  // namespace support
