#include "targets.h"

#include <unistd.h>
#include <zlib.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

#include "cairn/activation/activation.h"
#include "cairn/activation/formula.h"
#include "cairn/base/error.h"
#include "cairn/base/memory.h"
#include "cairn/data/cifar.h"
#include "cairn/data/idx.h"
#include "cairn/io/model.h"
#include "cairn/io/npy.h"
#include "cairn/io/safetensors.h"
#include "cairn/models/bert.h"
#include "cairn/nn/linear.h"
#include "cairn/nn/registry.h"
#include "cairn/optim/adamw.h"
#include "cairn/tensor/create.h"
#include "cairn/tensor/storage.h"
#include "cairn/train/checkpoint.h"
#include "cairn/train/report.h"
#include "cairn/train/run.h"
#ifdef CAIRN_HAS_IMAGE
#include "cairn/data/image.h"
#endif
#ifdef CAIRN_HAS_NPZ
#include "cairn/io/npz.h"
#endif
#ifdef CAIRN_HAS_TEXT
#include "cairn/data/wordpiece.h"
#endif

namespace cairn::fuzz {
namespace {

// The bytes as a file, in memory where the system has such a place; the name stays the same.
class Input {
 public:
  explicit Input(std::string_view bytes) {
    std::ofstream(path(), std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  }
  static const std::string& path() {
    static const std::string path = folder() + "/input";
    return path;
  }
  static const std::string& folder() {
    static const struct Folder {
      Folder() {
        char name[] = "/dev/shm/cairn-fuzz-XXXXXX", otherwise[] = "/tmp/cairn-fuzz-XXXXXX";
        path = ::mkdtemp(name) != nullptr ? name : ::mkdtemp(otherwise);
      }
      ~Folder() { (void)!std::system(("rm -rf " + path).c_str()); }
      std::string path;
    } folder;
    return folder.path;
  }
};

void read_idx(std::string_view bytes) { data::read_idx((Input(bytes), Input::path())); }
void read_cifar10(std::string_view bytes) { data::read_cifar10((Input(bytes), Input::path())); }
void load_safetensors(std::string_view bytes) { io::load_safetensors((Input(bytes), Input::path())); }

#ifdef CAIRN_HAS_IMAGE
// As the bytes are, and with the checksums behind the parts of the file put right: made-up bytes have none that fit.
void read_png(std::string_view bytes) {
  const auto number = [](const char* at) {
    const auto byte = [&](int i) { return uint32_t{static_cast<unsigned char>(at[i])}; };
    return byte(0) << 24 | byte(1) << 16 | byte(2) << 8 | byte(3);
  };
  std::string mended(bytes);
  for (size_t at = 8; at + 12 <= mended.size();) {
    const size_t length = number(&mended[at]);
    if (length > mended.size() - at - 12) break;
    const uLong sum = crc32_z(0, reinterpret_cast<const Bytef*>(&mended[at + 4]), length + 4);
    for (size_t i = 0; i < 4; ++i) mended[at + 8 + length + i] = static_cast<char>(sum >> (24 - 8 * i));
    at += 12 + length;
  }
  for (const std::string_view file : {bytes, std::string_view(mended)}) {
    try {
      data::read_png((Input(file), Input::path()));
    } catch (const Error&) {  // the other may be fine
    }
  }
}
#endif

void load_npy(std::string_view bytes) { io::load_npy((Input(bytes), Input::path())); }

#ifdef CAIRN_HAS_NPZ
void load_npz(std::string_view bytes) { io::load_npz((Input(bytes), Input::path())); }
#endif

#ifdef CAIRN_HAS_TEXT
void load_vocabulary(std::string_view bytes) {
  const auto vocabulary = data::Vocabulary::load((Input(bytes), Input::path()));
  vocabulary.save(Input::path());
  if (data::Vocabulary::load(Input::path()).tokens() != vocabulary.tokens()) std::abort();
}

// Any text, by a small vocabulary, and back.
void split_text(std::string_view bytes) {
  static const data::WordPieceTokenizer tokenizer(data::Vocabulary(
      {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "##b", "e", "##e", "un", "##able", ".", "!"}));
  const data::Encoding encoding = tokenizer.encode(bytes, {.max_length = 64});
  tokenizer.decode(encoding.ids);
}
#endif

void load_model(std::string_view bytes) {
  const io::SavedModel saved = io::load((Input(bytes), Input::path()));
  (void)nn::describe(*saved.model);
}

void load_checkpoint(std::string_view bytes) {
  nn::Linear model(2, 3);
  optim::AdamW optimizer(model.parameters());
  train::load_checkpoint((Input(bytes), Input::path()), model, optimizer);
}

// run.json, and the lines of metrics.jsonl: resumed, and shown.
void open_run(std::string_view bytes) {
  for (const char* name : {"/run.json", "/metrics.jsonl"})
    std::ofstream(Input::folder() + name, std::ios::binary)
        .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  train::Run run(Input::folder(), {.resume = true});
  run.rewind(3, 100);
  try {
    train::Run::command_of(Input::folder());
  } catch (const Error&) {  // before the lines are looked at
  }
  try {
    train::write_report(Input::folder() + "/report.html", {Input::folder()});
  } catch (const Error&) {  // likewise
  }
  run.describe({{"command", {"fuzz"}}});
}

// Formulas: read, printed, read again, and computed.
void parse_formula(std::string_view bytes) {
  const Activation f = formula_activation(bytes);
  const Tensor x = linspace(-3, 3, 19);
  const Tensor y = f(x);
  if (formula_activation(f.formula()).formula() != f.formula()) std::abort();
}

void find_activation(std::string_view bytes) { (void)activation(std::string(bytes)).formula(); }

// A config.json, which must be the same after it was written; and the model of it, in little memory.
void build_bert(std::string_view bytes) {
  const models::BertConfig config = models::parse_bert_config(std::string(bytes));
  if (models::to_json(models::parse_bert_config(models::to_json(config).dump())) != models::to_json(config))
    std::abort();
  const StorageLimit limit(size_t{1} << 20);
  models::BertForMaskedLM bert(config);
}

// The description of a model, in memory that a description of that length may ask for.
void build_model(std::string_view bytes) {
  const Json description = Json::parse(bytes, nullptr, false);
  if (description.is_discarded()) return;
  const StorageLimit limit(size_t{1} << 24);
  const auto model = nn::build(description);
  if (nn::describe(*nn::build(nn::describe(*model))) != nn::describe(*model)) std::abort();
}

}  // namespace

const std::vector<Target>& targets() {
  static const std::vector<Target> all = {
      {"idx", read_idx},
      {"cifar10", read_cifar10},
#ifdef CAIRN_HAS_IMAGE
      {"png", read_png},
#endif
      {"safetensors", load_safetensors},
      {"npy", load_npy},
#ifdef CAIRN_HAS_NPZ
      {"npz", load_npz},
#endif
#ifdef CAIRN_HAS_TEXT
      {"vocabulary", load_vocabulary},
      {"text", split_text},
#endif
      {"model", load_model},
      {"checkpoint", load_checkpoint},
      {"run", open_run},
      {"formula", parse_formula},
      {"activation", find_activation},
      {"description", build_model},
      {"bert_config", build_bert},
  };
  return all;
}

void run(const Target& target, std::string_view bytes) {
  try {
    target.run(bytes);
  } catch (const Error&) {
  }
}

}  // namespace cairn::fuzz
