// A small BERT learns to fill the gaps in a text: `bert --help` lists the options.
#include <cairn/base/threads.h>
#include <cairn/cairn.h>
#include <unistd.h>

#include <cinttypes>
#include <cmath>
#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>

#include "support/command.h"
#include "support/experiment.h"
#include "support/language.h"
#include "support/options.h"
#include "support/output.h"

namespace {

using namespace cairn;
using namespace support;

struct Options {
  std::string text, data, tokenizer, vocabulary, model, save, load, schedule;
  std::vector<std::string> activations, ask, command;
  RunPlace run;
  int64_t grammar = 0, size = 0, length = 0, batch_size = 0, epochs = 0, seeds = 0;
  double lr = 0, minutes = 0, dropout = 0;
  uint64_t seed = 0;
};

cxxopts::Options all_options() {
  cxxopts::Options all("bert", "Trains a small BERT to fill the gaps in a text, and asks it.");
  const auto add = [&](const char* group, const char* name, const std::string& help, const std::string& otherwise,
                       const char* form) {
    const auto value = cxxopts::value<std::string>();
    all.add_options(group)(name, help, otherwise.empty() ? value : value->default_value(otherwise), form);
  };
  add("Text", "text", "a text file of one's own, of which the last tenth is held out", "", "FILE");
  add("Text", "data", "folder of Tiny Shakespeare; else $CAIRN_DATA/tiny-shakespeare or data/tiny-shakespeare", "",
      "DIR");
  all.add_options("Text")("grammar", "N sentences made up by a grammar instead",
                          cxxopts::value<std::string>()->implicit_value("20000"), "N");
  add("Text", "tokenizer", "wordpiece or char", "wordpiece", "NAME");
  add("Text", "vocabulary", "a vocab.txt for the tokenizer; without it one is made from the text", "", "FILE");
  add("Text", "vocabulary-size", "tokens of that one", "2000", "N");
  add("Text", "length", "tokens of a piece of text", "64", "N");
  add("Model", "model", listed(models::bert_names()), "bert_tiny", "NAME");
  add("Model", "activation", "of the feed-forward layers; several with commas are trained in turn and compared", "gelu",
      "NAME");
  add("Model", "dropout", "share of the hidden numbers, and of the attention, left out in training", "0", "P");
  add("Training", "epochs", "passes over the text", "60", "N");
  add("Training", "minutes", "ends each training after so many, and a resumed one after as many again; 0: never", "0",
      "M");
  add("Training", "batch-size", "pieces a step", "32", "N");
  add("Training", "lr", "largest learning rate of AdamW", "0.002", "RATE");
  add("Training", "schedule", listed(optim::schedule_names()), "warmup_cosine", "NAME");
  add("Training", "seed", "of the first weights, the order and what is hidden", "1", "N");
  add("Training", "seeds", "so many trainings with each activation, from --seed on", "1", "N");
  add("Program", "threads", "to compute on; the result is the same for any number", std::to_string(num_threads()), "N");
  add_run_options(all, "Program", "runs/bert");
  add("Program", "save", "write the trained model there", "", "FILE");
  add("Program", "load", "ask a saved model instead of training one", "", "FILE");
  all.add_options("Program")("ask",
                             "a text with [MASK] in it; may be given several times. Without it texts are asked for "
                             "on a terminal, and with --load the lines of a pipe are answered",
                             cxxopts::value<std::string>(), "TEXT");
  all.add_options("Program")("h,help", "this text");
  return all;
}

Options read_options(int argc, char** argv) {
  cxxopts::Options all = all_options();
  const cxxopts::ParseResult found =
      parse_resumable(all, "bert", argc, argv, {"data", "epochs", "minutes", "save", "threads", "ask"});
  if (found.count("help") > 0) {
    std::printf("%s", all.help({"Text", "Model", "Training", "Program"}).c_str());
    std::exit(0);
  }
  const auto given_one = [&](const char* name) { return found.count(name) > 0; };
  const auto text = [&](const char* name) {
    return given_one(name) || found[name].has_default() ? found[name].as<std::string>() : std::string();
  };
  const auto whole = [&](const char* name, int64_t low, int64_t high) { return number(name, text(name), low, high); };
  for (const std::string& word : found.unmatched())
    fail<ValueError>("options",
                     given_one("grammar") ? "every option begins with --, and --grammar takes its number behind a ="
                                          : "every option begins with --",
                     word);
  for (const cxxopts::KeyValue& option : found.arguments())
    require<ValueError>(
        !given_one("load") || option.key() == "load" || option.key() == "ask" || option.key() == "threads", "options",
        "--load trains nothing, so it takes no option of training", given("option", option.key()));
  const std::pair<const char*, const char*> instead[] = {
      {"grammar", "text"}, {"data", "text"}, {"data", "grammar"}, {"vocabulary-size", "vocabulary"}};
  for (const auto& [ignored, used] : instead)
    require<ValueError>(!given_one(ignored) || !given_one(used), "options",
                        "each of these stands in the place of the other; leave one out", given(ignored, text(ignored)),
                        given(used, text(used)));
  require<ValueError>(text("tokenizer") != "char" || !given_one("vocabulary-size"), "options",
                      "characters are as many as the text has; leave out --vocabulary-size");
  set_num_threads(static_cast<int>(whole("threads", 1, 1024)));
  Options o;
  o.text = text("text");
  o.data = text("data");
  o.grammar = given_one("grammar") ? whole("grammar", 10, 10'000'000) : 0;
  o.tokenizer = text("tokenizer");
  require_known("tokenizer", o.tokenizer, {"wordpiece", "char"});
  o.vocabulary = text("vocabulary");
  o.size = whole("vocabulary-size", 50, 1'000'000);
  o.length = whole("length", 4, 512);
  o.model = text("model");
  require_known("model", o.model, models::bert_names());
  o.activations = split_list(text("activation"));
  for (const std::string& name : o.activations)
    require<ValueError>(activation(name).info().elementwise(), "options",
                        "a fold of several numbers does not fit into these feed-forward layers", name);
  o.dropout = number("dropout", text("dropout"), 0.0, 0.99);
  o.epochs = whole("epochs", 1, 1'000'000);
  o.minutes = number("minutes", text("minutes"), 0.0, 1e6);
  o.batch_size = whole("batch-size", 1, 100'000);
  o.lr = number("lr", text("lr"), 0.0, 1e3);
  o.schedule = text("schedule");
  optim::schedule_by_name(o.schedule, 1);
  o.seed = number("seed", text("seed"), uint64_t{0}, ~uint64_t{0} - 1000);
  o.seeds = whole("seeds", 1, 100);
  o.run = run_place(found, "runs/bert");
  o.save = text("save");
  o.load = text("load");
  require_different_files({{"save", o.save}, {"text", o.text}});
  require_different_files({{"save", o.save}, {"vocabulary", o.vocabulary}});
  for (const cxxopts::KeyValue& option : found.arguments())  // a list of them would be cut at commas
    if (option.key() == "ask") o.ask.push_back(option.value());
  o.command = command_of("bert", found);
  const bool several = o.activations.size() * static_cast<size_t>(o.seeds) > 1;
  require<ValueError>(!several || (o.save.empty() && o.ask.empty()), "options",
                      "--save and --ask are for one model; give one --activation and no --seeds");
  return o;
}

// ---- what is seen ----------------------------------------------------------------------------------------------------------

// Whether all could be answered.
bool answer(const Language& language, const Options& o) {
  const auto fill_one = [&](const std::string& text) {
    std::printf("\n%s\n%s\n", text.c_str(), fill(language, text).c_str());
    std::fflush(stdout);
  };
  for (const std::string& text : o.ask) fill_one(text);
  if (!o.ask.empty()) return true;
  if (::isatty(STDIN_FILENO) == 0) {
    if (o.load.empty()) return true;  // what a training finds there may be meant for others, and never end
    bool all = true;
    int64_t number = 0;
    for (std::string line; ++number, std::getline(std::cin, line);) {
      if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
      try {
        fill_one(line);
      } catch (const ValueError& e) {
        std::fprintf(stderr, "bert: line %" PRId64 ": %s\n", number, e.what());
        all = false;
      }
    }
    return all;
  }
  std::printf("\nWrite a text with [MASK] in it, as: to be or [MASK] to be; an empty line ends.\n");
  for (std::string line; std::printf("> "), std::fflush(stdout), std::getline(std::cin, line) && !line.empty();) {
    try {
      std::printf("%s\n", fill(language, line).c_str());
    } catch (const Error& e) {
      std::printf("%s\n", e.what());
    }
  }
  return true;
}

struct Result {
  train::Evaluation test;
  double seconds = 0;
};

// Why it ended is told through `end`.
Result learn(const Options& o, const Language& l, const MaskedText& train_set, const MaskedText& test_set,
             uint64_t seed, train::Run* run, train::Output output, train::End& end) {
  const data::DataLoader loader(train_set, {.batch_size = o.batch_size, .shuffle = true, .seed = seed});
  const data::DataLoader held(test_set, {.batch_size = 64});
  optim::AdamW optimizer(l.model->parameters(), {.lr = o.lr, .weight_decay = 0.01});
  train::Trainer trainer(*l.model, optimizer, masked_step(*l.model),
                         {.epochs = o.epochs,
                          .schedule = optim::schedule_by_name(o.schedule, o.epochs * loader.batches()),
                          .clip_grad_norm = 1,
                          .metrics = {{"perplexity", train::Perplexity()}},
                          .max_seconds = 60 * o.minutes,
                          .run = run,
                          .output = output});
  const train::History history = trainer.fit(loader, &held);
  end = trainer.end();
  Result r;
  if (!history.empty()) r.test = history.back().validation.value();
  for (const train::EpochResult& e : history) r.seconds += e.seconds;
  return r;
}

void describe_run(train::Run& run, const Options& o, const std::string& activation, uint64_t seed,
                  const models::BertForMaskedLM& model) {
  run.describe({{"command", o.command},
                {"seed", seed},
                {"options", {{"model", o.model}, {"activation", activation}, {"lr", o.lr}, {"epochs", o.epochs}}},
                {"model", {{"text", nn::summary(model)}, {"parameters", model.num_parameters()}}}});
}

int run(const Options& o, bool& begun) {
  if (!o.load.empty()) {
    const Language language = load_language(o.load);
    begun = true;
    return answer(language, o) ? 0 : 1;
  }
  const Text text = find_text(o.text, o.data, o.grammar);
  if (!o.save.empty()) const io::AtomicFile writable(o.save);
  Language l{.tokenizer_kind = o.tokenizer,
             .tokenizer = make_tokenizer(o.tokenizer, o.vocabulary, text.train, o.size),
             .model = {}};
  const MaskedText test_set(*l.tokenizer, text.test, o.length, o.seed + 1000);
  models::BertConfig config = models::bert_config(o.model);
  config.vocab_size = l.tokenizer->vocabulary().size();
  config.max_position_embeddings = std::max<int64_t>(o.length, 128);
  config.type_vocab_size = 2;
  config.pad_token_id = l.tokenizer->vocabulary().pad();
  config.hidden_dropout_prob = config.attention_probs_dropout_prob = o.dropout;

  for (const std::string& ask : o.ask) question(*l.tokenizer, ask, config.max_position_embeddings);

  const bool several = o.activations.size() * static_cast<size_t>(o.seeds) > 1;
  std::optional<Runs> runs;
  std::vector<std::string> rows;
  for (const std::string& name : o.activations) {
    std::vector<double> accuracies, perplexities, seconds;
    for (uint64_t seed = o.seed; seed < o.seed + static_cast<uint64_t>(o.seeds); ++seed) {
      manual_seed(seed);
      config.hidden_act = name;
      l.model = std::make_unique<models::BertForMaskedLM>(config);
      const MaskedText train_set(*l.tokenizer, text.train, o.length, seed);
      if (!begun) {
        runs.emplace(o.run, train::RunOptions(), several, o.command);
        begun = true;
        const Unigrams base = unigrams(*l.tokenizer, text.train, test_set);
        std::printf("text: %s: %" PRId64 " tokens to train on, %" PRId64 " held out\n", text.source.c_str(),
                    train_set.tokens(), test_set.tokens());
        std::printf("tokenizer: %s, %" PRId64 " tokens\n", o.tokenizer.c_str(), config.vocab_size);
        std::printf("model: %s, %s, %s parameters\n", o.model.c_str(), name.c_str(),
                    nn::with_commas(l.model->num_parameters()).c_str());
        std::printf("without a model, from how often each token occurs: accuracy %.2f %%, perplexity %.1f\n\n",
                    100 * base.accuracy, base.perplexity);
      }
      std::fflush(stdout);
      train::Run* const record = runs->training(name + "-" + std::to_string(seed));
      if (record) describe_run(*record, o, name, seed, *l.model);
      train::End end{};
      const Result r = learn(o, l, train_set, test_set, seed, record,
                             several ? train::Output::silent : train::Output::automatic, end);
      if (end == train::End::interrupted) {
        std::printf("%s\n", how_to_go_on("bert", runs->folder()).c_str());
        return 130;
      }
      const double perplexity = r.test.metrics.at("perplexity");
      accuracies.push_back(100 * r.test.accuracy), perplexities.push_back(perplexity);
      if (r.seconds > 0) seconds.push_back(r.seconds);
      std::printf("%sheld out: accuracy %.2f %%, perplexity %.2f, after %s s\n",
                  several ? (name + ", seed " + std::to_string(seed) + ": ").c_str() : "\n", 100 * r.test.accuracy,
                  perplexity, time_cell(r.seconds, 0, 0).c_str());
    }
    char row[160];
    std::snprintf(row, sizeof row, "%-16s %8.2f ± %.2f %% %10.2f ± %.2f %s s", name.c_str(), mean_of(accuracies),
                  spread_of(accuracies), mean_of(perplexities), spread_of(perplexities),
                  time_cell(mean_of(seconds), 8, 0).c_str());
    rows.emplace_back(row);
  }
  if (several) {
    std::printf("\n%-16s %17s %17s %10s\n", "activation", "masked accuracy", "perplexity", "training");
    for (const std::string& row : rows) std::printf("%s\n", row.c_str());
    if (const std::string folder = runs->folder(); !folder.empty())
      std::printf("runs: %s; ./run report %s/*-%" PRIu64 " shows the first of each\n", folder.c_str(), folder.c_str(),
                  o.seed);
    return 0;
  }
  l.model->eval();
  if (train::Run* const record = runs->training("")) {
    save(l, record->file("model.safetensors"));
    train::write_report(record->file("report.html"), {record->folder()});
    std::printf("run: %s, with report.html\n", record->folder().c_str());
  }
  if (!o.save.empty()) {
    save(l, o.save);
    std::printf("saved as %s\n", o.save.c_str());
  }
  std::printf("checksum of the weights: %s\n", nn::checksum_text(*l.model).c_str());
  return answer(l, o) ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  bool begun = false;
  try {
    const int status = run(read_options(argc, argv), begun);
    support::finish_output();
    return status;
  } catch (const std::exception& e) {
    std::fflush(stdout);
    std::fprintf(stderr, "bert: %s\n", e.what());
    return begun ? 1 : 2;
  }
}
