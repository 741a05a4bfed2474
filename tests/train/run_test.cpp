#include "cairn/train/run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "cairn/base/error.h"
#include "cairn/base/file.h"
#include "io/files.h"
#include "support.h"

namespace cairn {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsSupersetOf;
using ::testing::ThrowsMessage;

struct RunTest : ::testing::Test {
  testing::Folder parent;
  std::string folder = parent / "runs/first";
  std::vector<Json> events() const {
    std::vector<Json> list;
    std::ifstream file(folder + "/metrics.jsonl");
    for (std::string line; std::getline(file, line);) list.push_back(Json::parse(line));
    return list;
  }
  std::vector<std::string> names() const {
    std::vector<std::string> list;
    for (const auto& entry : fs::directory_iterator(folder)) list.push_back(entry.path().filename().string());
    std::sort(list.begin(), list.end());
    return list;
  }
};

TEST_F(RunTest, MakesItsFolderAndRefusesOneThatHoldsARun) {
  EXPECT_THAT(train::fresh_run_folder(parent / "runs", "first"), folder);
  {
    train::Run run(folder + "/");
    EXPECT_EQ(run.folder(), folder);
    EXPECT_FALSE(run.has_checkpoint());
    EXPECT_TRUE(run.description().is_null());
  }
  EXPECT_THAT(train::fresh_run_folder(parent / "runs", "first"), folder + "-2");
  EXPECT_THAT([&] { train::Run again(folder); },
              ThrowsMessage<FileError>(AllOf(HasSubstr("there is a run already; resume it"), HasSubstr(folder))));
  train::Run again(folder, {.resume = true});
}

TEST_F(RunTest, OneWritesAtATimeAndIsNamed) {
  const std::string process = "process " + std::to_string(::getpid()) + " since 20";
  {
    train::Run run(folder);
    EXPECT_THAT([&] { train::Run second(folder, {.resume = true}); },
                ThrowsMessage<FileError>(AllOf(HasSubstr("somebody else writes there"), HasSubstr(process))));
    const pid_t child = ::fork();
    if (child == 0) {
      try {
        train::Run second(folder, {.resume = true});
        ::_exit(0);
      } catch (const FileError& e) {
        ::_exit(std::string(e.what()).find(process) == std::string::npos ? 2 : 3);
      }
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(WEXITSTATUS(status), 3);
  }
  train::Run third(folder, {.resume = true});  // free again
}

TEST_F(RunTest, EventsAreLinesAndARewoundRunHasNoneOfWhatIsDoneAgain) {
  {
    train::Run run(folder);
    run.log("start", {{"epochs", 3}}, 0);
    run.log("step", {{"epoch", 0}, {"loss", 0.5}}, 10);
    run.log("epoch", {{"epoch", 0}, {"loss", NAN}, {"name", "\xff"}}, 12);
    run.log("step", {{"epoch", 1}}, 20);
    run.log("epoch", {{"epoch", 1}}, 24);
    run.log("meters", {{"epoch", 1}}, 24);
    run.log("end", {{"reason", "finished"}});
    std::ofstream(folder + "/metrics.jsonl", std::ios::app) << R"({"event":"st)";
  }
  train::Run run(folder, {.resume = true});
  run.rewind(1, 20);
  run.log("resume", {{"epoch", 1}}, 20);
  const auto all = events();
  ASSERT_EQ(all.size(), 5U);
  EXPECT_EQ(all[0], (Json{{"event", "start"}, {"step", 0}, {"epochs", 3}}));
  EXPECT_TRUE(all[2].at("loss").is_null());
  EXPECT_EQ(all[3], (Json{{"event", "step"}, {"step", 20}, {"epoch", 1}}));
  EXPECT_EQ(all[4].at("event"), "resume");
}

TEST_F(RunTest, TheDescriptionOfTheBeginningStays) {
  {
    train::Run run(folder);
    run.describe({{"command", {"mnist", "--seed", "1"}}, {"seed", 1}});
  }
  train::Run run(folder, {.resume = true});
  run.describe({{"command", {"mnist", "--threads", "3"}}});
  const Json all = run.description();
  EXPECT_EQ(all.at("name"), "first");
  EXPECT_EQ(all.at("command"), (Json{"mnist", "--seed", "1"}));
  EXPECT_EQ(all.at("resumed").at(0).at("command"), (Json{"mnist", "--threads", "3"}));
  EXPECT_THAT(all.at("machine").dump(), AllOf(HasSubstr("\"threads\""), HasSubstr("\"isa\"")));
  io::write_text(folder + "/run.json", "{");
  EXPECT_THAT([&] { run.description(); }, ThrowsMessage<FileError>(HasSubstr("run.json")));
}

TEST_F(RunTest, KeepsTheNewestCheckpoints) {
  train::Run run(folder, {.keep = 2});
  for (const int64_t step : {5, 10, 15, 15})
    run.checkpoint(step, [&](const std::string& file) { io::write_text(file, std::to_string(step)); });
  EXPECT_TRUE(run.has_checkpoint());
  EXPECT_THAT(names(), ElementsAre("last.safetensors", "lock", "metrics.jsonl", "step-000000010.safetensors",
                                   "step-000000015.safetensors"));
  EXPECT_EQ(testing::bytes_of(run.file("last.safetensors")), "15");
  EXPECT_EQ(testing::bytes_of(run.file("step-000000010.safetensors")), "10");
  EXPECT_THROW(run.checkpoint(20, [](const std::string&) { throw FileError("full"); }), FileError);
  EXPECT_EQ(testing::bytes_of(run.file("last.safetensors")), "15");
}

TEST_F(RunTest, WhatAKilledProcessLeftIsRemoved) {
  { train::Run run(folder); }
  std::ofstream(folder + "/.cairn-123-1.tmp") << "half";
  std::ofstream(folder + "/notes.txt") << "mine";
  train::Run run(folder, {.resume = true});
  EXPECT_THAT(names(), ElementsAre("lock", "metrics.jsonl", "notes.txt"));
}

TEST_F(RunTest, FoldersThatCannotBeWritten) {
  EXPECT_THROW(train::Run(""), FileError);
  const std::string file = parent.write("file", "");
  EXPECT_THAT([&] { train::Run run(file); }, ThrowsMessage<FileError>(HasSubstr(file)));
  EXPECT_THAT([&] { train::Run run(file + "/below"); }, ThrowsMessage<FileError>(HasSubstr(file)));
  EXPECT_THAT([&] { train::Run run("/proc/nothing"); }, ThrowsMessage<FileError>(HasSubstr("/proc/nothing")));
  fs::create_directory(parent / "closed");
  fs::permissions(parent / "closed", fs::perms::owner_read | fs::perms::owner_exec);
  // Root may write anywhere, and so becomes somebody else, where the system knows anybody else.
  constexpr uid_t nobody = 65534;
  const bool root = ::geteuid() == 0;
  if (root && (::chown(parent.path().c_str(), nobody, nobody) != 0 ||
               ::chown((parent / "closed").c_str(), nobody, nobody) != 0))
    GTEST_SKIP() << "nobody but root is known here";
  EXPECT_TRUE(testing::in_a_child([&] {
    if (root && (::setgid(nobody) != 0 || ::setuid(nobody) != 0)) return false;
    const std::string text = text_of<FileError>([&] { train::Run run(parent / "closed"); });
    return text.find("cannot write to the folder (Permission denied)") != text.npos;
  }));
  EXPECT_TRUE(fs::is_empty(parent / "closed"));
}

// The files of a run may be links to elsewhere, but not to what can be written and never read to its end.
TEST_F(RunTest, DevicesAreNoFilesOfARun) {
  { train::Run run(folder); }
  fs::remove(folder + "/metrics.jsonl");
  fs::create_symlink("/dev/full", folder + "/metrics.jsonl");
  io::write_text(folder + "/last.safetensors", "kept");
  for (const bool resume : {false, true})
    EXPECT_THAT([&] { train::Run run(folder, {.resume = resume}); }, ThrowsMessage<FileError>(HasSubstr(folder)));
  EXPECT_THAT([&] { train::Run run(folder, {.resume = true}); },
              ThrowsMessage<FileError>("Run: this is no plain file; got '" + folder + "/metrics.jsonl'"));
  EXPECT_EQ(testing::bytes_of(folder + "/last.safetensors"), "kept");
  fs::remove(folder + "/metrics.jsonl");
  ASSERT_EQ(::mkfifo((folder + "/metrics.jsonl").c_str(), 0600), 0);  // would wait for somebody to read it
  EXPECT_THAT([&] { train::Run run(folder, {.resume = true}); },
              ThrowsMessage<FileError>(HasSubstr("this is no plain file")));
  fs::remove(folder + "/metrics.jsonl");

  train::Run run(folder, {.resume = true});
  fs::create_symlink("/dev/zero", folder + "/run.json");
  EXPECT_THAT([&] { run.description(); }, ThrowsMessage<FileError>(HasSubstr("this is no file")));
  EXPECT_THAT([&] { train::Run::command_of(folder); }, ThrowsMessage<FileError>(HasSubstr("run.json'")));
  fs::remove(folder + "/run.json");
  fs::create_symlink("/dev/full", folder + "/run.json");
  EXPECT_THAT([&] { run.describe({{"command", {"x"}}}); }, ThrowsMessage<FileError>(HasSubstr("run.json'")));
  EXPECT_TRUE(fs::is_symlink(folder + "/run.json"));
}

TEST_F(RunTest, JsonThatIsNestedDeeperThanAStackIsDamage) {
  const std::string deep = std::string(200'000, '[') + std::string(200'000, ']');
  train::Run run(folder);
  run.log("step", {{"loss", 0.5}}, 1);
  const std::string before = testing::bytes_of(folder + "/metrics.jsonl");
  std::ofstream(folder + "/metrics.jsonl", std::ios::app) << "{\"event\":" << deep << "}\n";
  run.rewind(0, 5);
  EXPECT_EQ(testing::bytes_of(folder + "/metrics.jsonl"), before);
  io::write_text(folder + "/run.json", "{\"name\":" + deep + "}\n");
  const auto damaged = ThrowsMessage<FileError>(HasSubstr("the description of the run is damaged"));
  EXPECT_THAT([&] { run.describe({{"command", {"x"}}}); }, damaged);
  EXPECT_THAT([&] { train::Run::command_of(folder); }, damaged);
}

TEST_F(RunTest, ALineThatADiskHadNoRoomForIsAnErrorAndIsCutOff) {
  {
    train::Run run(folder);
    run.log("start", Json::object());
    run.log("step", {{"loss", 0.5}}, 1);
  }
  const std::string before = testing::bytes_of(folder + "/metrics.jsonl");
  EXPECT_TRUE(testing::in_a_child_with_room(before.size() + 10, [&] {
    train::Run run(folder, {.resume = true});
    const std::string text = text_of<FileError>([&] { run.log("step", {{"loss", 0.25}}, 2); });
    return text.find("cannot write the file (File too large)") != text.npos && text.find("metrics.jsonl'") != text.npos;
  }));
  EXPECT_EQ(testing::bytes_of(folder + "/metrics.jsonl").size(), before.size() + 10);
  train::Run run(folder, {.resume = true});
  run.rewind(0, 5);
  EXPECT_EQ(testing::bytes_of(folder + "/metrics.jsonl"), before);
}

TEST_F(RunTest, OptionsAreChecked) {
  EXPECT_THROW(train::Run(folder, {.keep = 0}), ValueError);
  EXPECT_THROW(train::Run(folder, {.checkpoint_steps = -1}), ValueError);
  EXPECT_THROW(train::Run(folder, {.checkpoint_seconds = -1}), ValueError);
  EXPECT_THROW(train::Run(folder, {.log_steps = 0}), ValueError);
}

}  // namespace
}  // namespace cairn
