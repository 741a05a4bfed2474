#include "cairn/train/run.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <ctime>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>
#include <system_error>
#include <utility>
#include <vector>

#include "cairn/base/error.h"
#include "cairn/base/file.h"
#include "cairn/base/isa.h"
#include "cairn/base/machine.h"
#include "cairn/base/threads.h"
#include "io/source.h"
#include "train/parse_object.h"

namespace cairn::train {
namespace fs = std::filesystem;

namespace {

constexpr const char *last = "last.safetensors", *metrics = "metrics.jsonl", *facts_file = "run.json";

[[noreturn]] void fail_run(const std::string& problem, const std::string& path, int error = 0) {
  const std::string reason = error == 0 ? "" : " (" + std::generic_category().message(error) + ")";
  throw FileError("Run: " + problem + reason + "; got '" + path + "'");
}

std::string read_text(const std::string& path) {
  io::FileSource file("Run", path);  // which is no device: of some there is no end
  std::string text(static_cast<size_t>(file.left(INT64_MAX)), '\0');
  file.read(text.data(), static_cast<int64_t>(text.size()));
  return text;
}

// 2026-02-03T04:05:06Z
std::string now() {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  char text[32];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts)};
}

void write_all(int descriptor, const std::string& text, const std::string& path) {
  for (size_t done = 0; done < text.size();) {
    const ssize_t written = ::write(descriptor, text.data() + done, text.size() - done);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail_run("cannot write the file", path, errno);
    done += static_cast<size_t>(written);
  }
}

}  // namespace

Run::Run(std::string folder, RunOptions options) : folder_(std::move(folder)), options_(options) {
  require<ValueError>(options.keep >= 1, "Run", "at least one checkpoint must be kept", given("keep", options.keep));
  require<ValueError>(options.checkpoint_steps >= 0 && options.log_steps >= 1, "Run",
                      "steps must be ≥ 0 between checkpoints, ≥ 1 between events",
                      given("checkpoint_steps", options.checkpoint_steps), given("log_steps", options.log_steps));
  require<ValueError>(options.checkpoint_seconds >= 0, "Run", "seconds between checkpoints must be ≥ 0",
                      given("checkpoint_seconds", options.checkpoint_seconds));
  if (folder_.empty()) fail_run("the folder needs a name", folder_);
  while (folder_.size() > 1 && folder_.back() == '/') folder_.pop_back();
  std::error_code error;
  fs::create_directories(folder_, error);
  if (error) fail_run("cannot make the folder", folder_, error.value());

  const std::string lock = file("lock");
  lock_ = ::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (lock_ < 0) fail_run("cannot write to the folder", folder_, errno);
  try {
    if (::flock(lock_, LOCK_EX | LOCK_NB) != 0) {
      if (errno != EWOULDBLOCK) fail_run("cannot lock the file", lock, errno);
      std::string holder = read_text(lock);
      if (!holder.empty() && holder.back() == '\n') holder.pop_back();
      fail_run("somebody else writes there: " + (holder.empty() ? "unknown" : holder), folder_);
    }
    const std::string holder = "process " + std::to_string(::getpid()) + " since " + now() + "\n";
    if (::ftruncate(lock_, 0) != 0) fail_run("cannot write the file", lock, errno);
    write_all(lock_, holder, lock);
    if (!options.resume && (has_checkpoint() || fs::exists(file(metrics))))
      fail_run("there is a run already; resume it or choose another folder", folder_);
    // What a killed process left half written.
    for (const fs::directory_entry& entry : fs::directory_iterator(folder_)) {
      const std::string name = entry.path().filename().string();
      if (name.starts_with(".cairn-") && name.ends_with(".tmp")) fs::remove(entry.path(), error);
    }
    // Opening a pipe would wait for a reader, and a device can be written but not gone on with.
    if (const auto status = fs::status(file(metrics), error); fs::exists(status) && !fs::is_regular_file(status))
      fail_run("this is no plain file", file(metrics));
    metrics_ = ::open(file(metrics).c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (metrics_ < 0) fail_run("cannot write the file", file(metrics), errno);
  } catch (...) {
    ::close(lock_);
    throw;
  }
}

Run::~Run() {
  ::close(metrics_);
  ::close(lock_);  // which unlocks it
}

bool Run::has_checkpoint() const { return fs::exists(file(last)); }

std::string Run::older_checkpoint() const {
  std::string newest;
  std::error_code error;
  for (fs::directory_iterator at(folder_, error), end; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename().string();
    std::error_code unknown;
    const bool older = name.starts_with("step-") && name.ends_with(".safetensors") &&
                       !fs::equivalent(at->path(), file(last), unknown);  // the newest is a link to it
    if (older && name > newest) newest = name;
  }
  return newest;
}

// ---- run.json -------------------------------------------------------------------------------------------------------------

void Run::describe(const Json& facts) {
  Json told = {{"name", fs::path(folder_).filename().string()}};
  told.update(facts);
  told["version"] = CAIRN_VERSION;
  told["machine"] = {{"cpu", cpu_name()}, {"threads", num_threads()}, {"isa", isa_name()}, {"system", system_name()}};
  told["started"] = now();
  Json all = description();
  if (all.is_null())
    all = told;
  else if (Json& resumed = all["resumed"]; resumed.is_null() || resumed.is_array())
    resumed.push_back(told);
  else
    fail_run("the description of the run is damaged", file(facts_file));
  io::write_text(file(facts_file), all.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
}

static Json read_description(const std::string& file) {
  if (!fs::exists(file)) return nullptr;
  if (const auto all = parse_object(read_text(file))) return *all;
  fail_run("the description of the run is damaged", file);
}

Json Run::description() const { return read_description(file(facts_file)); }

std::vector<std::string> Run::command_of(const std::string& folder) {
  const std::string file = folder + "/" + facts_file;
  const Json all = read_description(file);
  if (!all.contains("command")) return {};
  try {
    const Json resumed = all.value("resumed", Json::array());
    return (resumed.empty() ? all : resumed.back()).at("command").get<std::vector<std::string>>();
  } catch (const Json::exception&) {
    fail_run("the command of the run is damaged", file);
  }
}

// ---- metrics.jsonl ----------------------------------------------------------------------------------------------------------

void Run::log(const std::string& event, const Json& fields, int64_t step) {
  Json line = {{"event", event}};
  if (step >= 0) line["step"] = step;
  line.update(fields);
  write_all(metrics_, line.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n", file(metrics));
}

void Run::rewind(int64_t epoch, int64_t step) {
  const auto stays = [&](const std::string& line) {
    const auto event = parse_object(line);
    const auto is = [&](const char* name) { return event->value("event", Json()) == name; };
    const auto at = [&](const char* name, int64_t otherwise) {
      const Json number = event->value(name, Json());
      return number.is_number_integer() ? number.get<int64_t>() : otherwise;
    };
    if (!event) return false;
    if (is("start") || is("resume")) return true;
    if (is("step") || !event->contains("epoch")) return at("step", step + 1) <= step && !is("end");
    return at("epoch", epoch) < epoch;
  };
  std::string kept;
  std::istringstream lines(read_text(file(metrics)));
  for (std::string line; std::getline(lines, line);)
    if (stays(line)) kept += line + "\n";
  io::write_text(file(metrics), kept);
  ::close(metrics_);  // the file has another place on the disk now
  metrics_ = ::open(file(metrics).c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  if (metrics_ < 0) fail_run("cannot write the file", file(metrics), errno);
}

// ---- checkpoints ------------------------------------------------------------------------------------------------------------

void Run::checkpoint(int64_t step, const std::function<void(const std::string& file)>& write) {
  write(file(last));
  if (options_.keep == 1) return;
  std::string number = std::to_string(step);
  number.insert(0, number.size() < 9 ? 9 - number.size() : 0, '0');
  const fs::path kept = file("step-" + number + ".safetensors");
  std::error_code error;
  fs::remove(kept, error);
  fs::create_hard_link(file(last), kept, error);
  if (error) fs::copy_file(file(last), kept, error);  // a file system without links
  if (error) fail_run("cannot keep a copy of the checkpoint", kept.string(), error.value());

  std::vector<fs::path> all;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder_)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("step-") && name.ends_with(".safetensors")) all.push_back(entry.path());
  }
  std::sort(all.begin(), all.end());
  for (size_t i = 0; i + static_cast<size_t>(options_.keep) < all.size(); ++i) fs::remove(all[i], error);
}

std::string fresh_run_folder(const std::string& parent, const std::string& name) {
  const std::string first = (fs::path(parent) / name).string();
  std::string folder = first;
  for (int i = 2; fs::exists(folder); ++i) folder = first + "-" + std::to_string(i);
  return folder;
}

}  // namespace cairn::train
