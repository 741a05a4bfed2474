#include "cairn/io/safetensors.h"

#include <memory>
#include <nlohmann/json.hpp>
#include <vector>

#include "cairn/base/file.h"
#include "cairn/tensor/create.h"
#include "io/elements.h"
#include "io/safetensors_header.h"

namespace cairn::io {

// ---- writing -----------------------------------------------------------------------------------------------------------

static const Stored& type_of(const Tensor& t, Floats floats) {
  if (floats == Floats::same || !is_float(t.dtype())) return stored_as(t.dtype());
  return *stored_type(floats == Floats::f16 ? "F16" : "BF16");
}

void save_safetensors(const std::string& file, const nn::StateDict& tensors,
                      const std::map<std::string, std::string>& metadata, Floats floats) {
  require<NameError>(!tensors.contains("__metadata__"), "save_safetensors",
                     "a tensor cannot have the name '__metadata__'");
  for (const auto& [name, tensor] : tensors)
    require<ValueError>(tensor.defined(), "save_safetensors", "a tensor is undefined", given("name", name));

  // Sorted by name within an object: Json would look each name up among all those before it.
  nlohmann::json header = nlohmann::json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  const auto types = stored_types();
  std::vector<std::pair<const std::string, Tensor> const*> order;
  int64_t at = 0;
  for (auto type = types.rbegin(); type != types.rend(); ++type)
    for (const auto& named : tensors) {
      const Tensor& tensor = named.second;
      if (&type_of(tensor, floats) != &*type) continue;
      const int64_t end = at + tensor.numel() * type->size;
      header[named.first] = {{"dtype", type->safetensors},
                             {"shape", std::vector<int64_t>(tensor.shape().begin(), tensor.shape().end())},
                             {"data_offsets", {at, end}}};
      order.push_back(&named);
      at = end;
    }
  std::string text;
  try {
    text = header.dump();
  } catch (const nlohmann::json::exception& e) {
    throw ValueError("save_safetensors: a name or the metadata are not UTF-8 (" + std::string(e.what()) + ")");
  }
  text.resize((text.size() + 7) / 8 * 8, ' ');
  require<ValueError>(text.size() <= max_header, "save_safetensors",
                      "names and metadata are longer than the format allows", given("bytes", text.size()),
                      given("allowed", max_header));

  AtomicFile out(file);
  const uint64_t length = text.size();
  out.write(&length, sizeof length);
  out.write(text);
  for (const auto* named : order)
    write_elements(named->second, type_of(named->second, floats), "save_safetensors", named->first,
                   [&](const void* data, size_t bytes) { out.write(data, bytes); });
  out.commit();
}

// ---- reading -------------------------------------------------------------------------------------------------------------

// The tensor on the pages of the file, where it can lie there; undefined elsewhere.
static Tensor on_map(const std::shared_ptr<char>& map, int64_t position, const HeaderEntry& e) {
  char* at = map.get() + position;
  if (e.type->widen || e.type->dtype == boolean || reinterpret_cast<uintptr_t>(at) % size_of(e.type->dtype) != 0)
    return Tensor();
  return detail::on_memory(at, e.shape, e.type->dtype, [map] {});
}

SafeTensors load_safetensors(const std::string& file, const SafeTensorsOptions& options) {
  FileSource in("load_safetensors", file);
  if (const int64_t n = in.left(8); n < 8)
    in.fail("the file is cut short: it has " + std::to_string(n) + " bytes, and 8 give the length of the header");
  uint64_t length = 0;
  in.read(&length, sizeof length);
  if (length > max_header)
    in.fail("not a safetensors file: its header would have " + std::to_string(length) + " bytes, " +
            std::to_string(max_header) + " are allowed");
  const auto header_bytes = static_cast<int64_t>(length);
  if (const int64_t n = in.left(header_bytes); n < header_bytes)
    in.fail("the header has " + std::to_string(length) + " bytes, the file only " + std::to_string(n) +
            " after its length");
  std::string text(length, '\0');
  in.read(text.data(), header_bytes);
  Header header = read_header(in, text);

  SafeTensors result;
  result.metadata = std::move(header.metadata);
  const std::shared_ptr<char> map = options.map ? in.map() : nullptr;
  for (const HeaderEntry& e : header.entries) {  // in the order of the file
    Tensor t = map ? on_map(map, in.position(), e) : Tensor();
    if (t.defined())
      in.skip(e.end - e.begin);
    else
      t = read_elements(in, *e.type, e.shape, false, "tensor '" + e.name + "'");
    result.tensors.emplace(e.name, std::move(t));
  }
  return result;
}

}  // namespace cairn::io
