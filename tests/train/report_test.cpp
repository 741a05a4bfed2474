#include "cairn/train/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "cairn/base/json.h"
#include "cairn/train/curves.h"
#include "support.h"
#include "train/fixture_run.h"
#include "train/report_assets.h"
#include "train/run_folder.h"

namespace cairn {
namespace {

using ::testing::ElementsAre;
using testing::Folder;
using ::testing::HasSubstr;
using ::testing::Lt;
using ::testing::Not;

// What the page is told of a run with these events.
Json told(const std::string& metrics, const std::string& run_json = "") {
  const Folder folder;
  folder.write("metrics.jsonl", metrics);
  if (!run_json.empty()) folder.write("run.json", run_json);
  train::Report report({folder.path()});
  EXPECT_TRUE(report.update());
  return Json::parse(report.data())["runs"][0];
}

// Why a run with these events is refused, with FOLDER for the folder's path.
std::string refused(const std::string& metrics, const std::string& run_json = "") {
  const Folder folder;
  if (!metrics.empty()) folder.write("metrics.jsonl", metrics);
  if (!run_json.empty()) folder.write("run.json", run_json);
  train::Report report({folder.path()});
  std::string text = text_of<FileError>([&] { report.update(); });
  const std::string place = std::filesystem::canonical(folder.path()).string();
  if (const size_t at = text.find(place); at != std::string::npos) text.replace(at, place.size(), "FOLDER");
  return text;
}

TEST(Report, TellsWhatTheEventsSay) {
  const Json run = told(R"({"event":"start","epochs":2,"batches":3,"step":0}
{"event":"step","epoch":0,"step":1,"loss":2.5,"accuracy":0.25,"lr":0.1,"grad_norm":7,"seconds":0.5}
{"event":"step","epoch":0,"step":2,"loss":2.25,"accuracy":0.5,"lr":0.1,"seconds":0.5}
{"event":"epoch","epoch":0,"step":3,"loss":2,"accuracy":0.5,"lr":0.1,"peak_memory":1048576,"validation":{"loss":1.5,"accuracy":0.75,"f1":0.7}}
{"event":"meters","epoch":0,"layers":[{"name":"1 relu","dead":0.02,"gradient_norm":3}]}
{"event":"histograms","epoch":0,"weights":[{"name":"w","low":-1,"high":1,"counts":[1,2]}],"activations":[]}
{"event":"test","loss":0.5,"accuracy":0.875,"classes":["cat","dog"],"confusion":[[3,1],[0,4]]}
{"event":"mistakes","items":[{"image":"data:image/png;base64,AAAA","label":"cat","prediction":"dog","confidence":0.75},{"shape":[1,1,2],"pixels":"00ff","label":"a","prediction":"b","confidence":0.5}]}
{"event":"end","reason":"done"}
)");
  EXPECT_EQ(run["epochs"], 2);
  EXPECT_EQ(run["end"], "done");
  EXPECT_EQ(run["steps"]["loss"].dump(), R"({"step":[1,2],"value":[2.5,2.25]})");
  EXPECT_EQ(run["steps"]["grad_norm"].dump(), R"({"step":[1],"value":[7]})") << "it need not be in every line";
  EXPECT_EQ(run["results"]["validation f1"].dump(), R"({"step":[3],"value":[0.7],"epoch":[0]})");
  EXPECT_EQ(run["results"]["peak_memory"]["value"].dump(), "[1048576]");
  EXPECT_EQ(run["meters"].dump(), R"([{"epoch":0,"layers":[["1 relu",{"dead":0.02,"gradient_norm":3}]]}])");
  EXPECT_EQ(run["histograms"].dump(), R"([{"epoch":0,"weights":[["w",-1,1,[1,2]]],"activations":[]}])");
  EXPECT_EQ(run["test"].dump(), R"({"loss":0.5,"accuracy":0.875})");
  EXPECT_EQ(run["confusion"].dump(),
            R"({"classes":["cat","dog"],"right":[0.75,1],"pairs":[[0,1,1,0.25]],"counts":[[3,1],[0,4]]})");
  EXPECT_EQ(run["mistakes"].dump(),
            R"([["data:image/png;base64,AAAA","cat","dog",0.75],["pixels 1 1 2 00ff","a","b",0.5]])");
}

TEST(Report, TellsOfTheRunWhatItsFileSays) {
  const Json about =
      told("\n", R"({"name":"a","command":["./run","mnist"],"options":{"lr":0.1,"hidden":[8,8],"model":"mlp"},
    "seed":18446744073709551615,"version":"0.1.0","machine":{"threads":2},"started":"2026-01-01T00:00:00Z","more":[],
    "model":{"text":"table","parameters":9,"layers":[{"name":"fc","type":"Linear","output":"n × 1","parameters":9}]}})")
          ["about"];
  EXPECT_EQ(about["command"].dump(), R"(["./run","mnist"])");
  EXPECT_EQ(about["options"].dump(), R"([["lr","0.1"],["hidden","[8,8]"],["model","mlp"]])");
  EXPECT_EQ(about["seed"], "18446744073709551615");
  EXPECT_EQ(about["machine"].dump(), R"([["threads","2"]])");
  EXPECT_EQ(about["model"].dump(), R"({"text":"table","parameters":9,"layers":[["fc","Linear","n × 1",9]]})");
}

TEST(Report, PassesOverWhatItDoesNotKnowAndWhatIsMissing) {
  const Json run = told(
      "{\"event\":\"news\",\"loss\":\"x\"}\n\n{\"loss\":1}\r\n{\"event\":\"step\",\"step\":5,\"more\":{}}\n"
      "{\"event\":\"test\"}\n{\"event\":\"epoch\",\"epoch\":0}\n");
  EXPECT_TRUE(run["steps"].empty());
  EXPECT_TRUE(run["results"].empty());
  EXPECT_FALSE(run.contains("confusion"));
  EXPECT_FALSE(run.contains("mistakes"));
  EXPECT_TRUE(run["about"].empty());
}

TEST(Report, NullIsANumberThatIsNotFinite) {
  const Json run = told(
      "{\"event\":\"step\",\"step\":1,\"loss\":2,\"accuracy\":null}\n"
      "{\"event\":\"step\",\"step\":2,\"loss\":null,\"accuracy\":null}\n"
      "{\"event\":\"histograms\",\"epoch\":0,\"weights\":[{\"name\":\"w\",\"low\":null,\"high\":null,\"counts\":[]}]}"
      "\n");
  EXPECT_EQ(run["steps"].dump(), R"({"loss":{"step":[1,2],"value":[2,null]}})") << "without a number there is no curve";
  EXPECT_EQ(run["histograms"][0]["weights"].dump(), "[]");
}

TEST(Report, ALastLineMayWaitForItsRest) {
  const Folder folder;
  const std::string first = "{\"event\":\"step\",\"step\":1,\"loss\":3}\n",
                    second = "{\"event\":\"step\",\"step\":2,\"loss\":2}";
  const auto losses = [](const train::Report& r) {
    return Json::parse(r.data())["runs"][0]["steps"]["loss"]["value"].dump();
  };
  folder.write("metrics.jsonl", first + second.substr(0, 20));
  train::Report report({folder.path()});
  EXPECT_TRUE(report.update());
  EXPECT_EQ(losses(report), "[3]");
  EXPECT_FALSE(report.update()) << "there is nothing new";
  folder.write("metrics.jsonl", first + second);
  EXPECT_TRUE(report.update());
  EXPECT_EQ(losses(report), "[3,2]") << "an object is whole without its end of line";
  EXPECT_FALSE(report.update());
  folder.write("metrics.jsonl", first + second + "\n" + second.substr(0, 5));
  EXPECT_FALSE(report.update());
  folder.write("metrics.jsonl", first + second + "\nwrong\n");
  EXPECT_THAT(text_of<FileError>([&] { report.update(); }), HasSubstr("line 3"));
  EXPECT_EQ(losses(report), "[3,2]");
  folder.write("metrics.jsonl", second + "\n");
  EXPECT_TRUE(report.update()) << "a shorter file is another one";
  EXPECT_EQ(losses(report), "[2]");
}

TEST(Report, AResumeForgetsWhatWasBeyondIt) {
  const std::string before = R"({"event":"start","epochs":3,"batches":2}
{"event":"step","step":1,"loss":9}
{"event":"epoch","epoch":0,"step":2,"loss":8}
{"event":"meters","epoch":0,"layers":[{"name":"a","dead":0}]}
{"event":"step","step":3,"loss":7}
{"event":"epoch","epoch":1,"step":4,"loss":6}
{"event":"meters","epoch":2,"layers":[{"name":"a","dead":0.5}]}
{"event":"end","reason":"interrupted"}
)";
  const Json resumed =
      told(before + "{\"event\":\"resume\",\"epoch\":1,\"step\":2}\n{\"event\":\"step\",\"step\":3,\"loss\":1}\n");
  EXPECT_EQ(resumed["steps"]["loss"].dump(), R"({"step":[1,3],"value":[9,1]})");
  EXPECT_EQ(resumed["results"]["loss"].dump(), R"({"step":[2],"value":[8],"epoch":[0]})");
  EXPECT_EQ(resumed["meters"].size(), 1u);
  EXPECT_EQ(resumed["end"], "");
  EXPECT_EQ(resumed["epochs"], 3);
  const Json again = told(before + "{\"event\":\"start\",\"epochs\":1}\n");
  EXPECT_TRUE(again["steps"].empty() && again["results"].empty() && again["meters"].empty());
  EXPECT_EQ(again["epochs"], 1);
}

TEST(Report, DamageIsToldWithItsPlaceAndWithoutWhatItIs) {
  const std::string no_pixels =
      "'pixels' must hold c·h·w bytes in hexadecimal digits of the 'shape' [c, h, w], where c is 1 or 3";
  const std::string good = "{\"event\":\"step\",\"step\":1,\"loss\":1}\n";
  EXPECT_EQ(refused(good + "{\"event\":\n" + good),
            "report: line 2: this is no JSON object; got 'FOLDER/metrics.jsonl'");
  EXPECT_EQ(refused("root:x:0:0\n"), "report: line 1: this is no JSON object; got 'FOLDER/metrics.jsonl'");
  EXPECT_EQ(refused("[1]\n"), "report: line 1: this is no JSON object; got 'FOLDER/metrics.jsonl'");
  EXPECT_EQ(refused("\n" + good + "{\"event\":\"step\",\"step\":2,\"loss\":NaN}\n"),
            "report: line 3: this is no JSON object; got 'FOLDER/metrics.jsonl'");
  const std::vector<std::pair<std::string, std::string>> cases = {
      {R"({"event":7})", "'event' must be a text"},
      {R"({"event":"step","step":1,"loss":"high"})", "'loss' must be a number"},
      {R"({"event":"step","loss":1})", "'step' must be a count"},
      {R"({"event":"step","step":-1})", "'step' must be a count"},
      {R"({"event":"epoch","epoch":0.5})", "'epoch' must be a count"},
      {R"({"event":"epoch","epoch":1e300})", "'epoch' must be a count"},
      {R"({"event":"epoch","epoch":0,"validation":3})", "'validation' must hold objects"},
      {R"({"event":"meters","epoch":0,"layers":{}})", "'layers' must be a list"},
      {R"({"event":"meters","epoch":0,"layers":[1]})", "'layers' must hold objects"},
      {R"({"event":"histograms","epoch":0,"weights":[{"counts":["a"]}]})", "'counts' must hold numbers"},
      {R"({"event":"test","confusion":[[1,2],[3]]})",
       "'confusion' must hold as many counts in every row as there are rows"},
      {R"({"event":"test","confusion":[[1,-2],[3,4]]})",
       "'confusion' must hold as many counts in every row as there are rows"},
      {R"({"event":"test","confusion":[[1]],"classes":["a","b"]})",
       "'classes' must have a name for every row of 'confusion'"},
      {R"({"event":"test","classes":[1]})", "'classes' must hold texts"},
      {R"({"event":"mistakes","items":[{"image":"javascript:alert"}]})", "'image' must be data:image/png;base64,…"},
      {R"({"event":"mistakes","items":[{"shape":[1,1,2],"pixels":"00f"}]})", no_pixels},
      {R"({"event":"mistakes","items":[{"shape":[2,1,1],"pixels":"00ff"}]})", no_pixels},
      {R"({"event":"mistakes","items":[{"shape":[1,1,1],"pixels":"<s"}]})", no_pixels},
      {R"({"event":"mistakes","items":[{"shape":[0,1,1],"pixels":""}]})", "'shape' must hold sizes up to 1024"},
      {R"({"event":"resume","epoch":1})", "'step' must be a count"},
      {R"({"event":"end","reason":[]})", "'reason' must be a text"},
      {"{\"event\":\"step\",\"x\":" + std::string(100000, '[') + std::string(100000, ']') + "}",
       "this is no JSON object"},
  };
  for (const auto& [line, problem] : cases)
    EXPECT_EQ(refused(line + "\n"), "report: line 1: " + problem + "; got 'FOLDER/metrics.jsonl'");
  EXPECT_EQ(refused("", "{\"name\":"), "report: this is no JSON object; got 'FOLDER/run.json'");
  EXPECT_EQ(refused("", R"({"command":"ls"})"), "report: 'command' must be a list; got 'FOLDER/run.json'");
  EXPECT_EQ(refused("", R"({"options":[]})"), "report: 'options' must hold objects; got 'FOLDER/run.json'");
  EXPECT_THAT(refused("", ""), HasSubstr("the folder has neither a run.json nor a metrics.jsonl"));
}

TEST(Report, ReadsFoldersOfRunsOnly) {
  const Folder folder, other;
  EXPECT_THAT(text_of<ValueError>([] { train::Report({}); }), HasSubstr("report: needs the folder of a run"));
  EXPECT_EQ(text_of<FileError>([&] { train::Report({folder / "none"}); }),
            "report: this is no folder of a run; got '" + (folder / "none") + "'");
  // A file of another folder is not read through a link, whatever it holds.
  other.write("secret", "{\"event\":\"step\",\"step\":1,\"loss\":1}\n");
  std::filesystem::create_symlink(other / "secret", folder / "metrics.jsonl");
  train::Report report({folder.path()});
  EXPECT_THAT(text_of<FileError>([&] { report.update(); }),
              HasSubstr("the file is a link out of the folder of its run"));
  // The folder itself may stand elsewhere.
  std::filesystem::remove(folder / "metrics.jsonl");
  other.write("metrics.jsonl", "{\"event\":\"end\"}\n");
  std::filesystem::create_directory_symlink(other.path(), folder / "run");
  EXPECT_TRUE(train::Report({folder / "run"}).update());
  std::filesystem::create_directory(folder / "metrics.jsonl");
  EXPECT_THAT(text_of<FileError>([&] { train::Report({folder.path()}).update(); }), HasSubstr("this is no plain file"));
}

TEST(Report, AFolderOfSeveralTrainingsStandsForThem) {
  const Folder folder;
  const auto names = [](const train::Report& report) {
    std::vector<std::string> all;
    const Json data = Json::parse(report.data());
    for (const Json& run : data["runs"]) all.push_back(run["name"]);
    return all;
  };
  const auto begin = [&](const std::string& name) {
    std::filesystem::create_directory(folder / name);
    folder.write(name + "/metrics.jsonl", "{\"event\":\"step\",\"step\":1,\"loss\":1}\n");
  };
  folder.write("run.json", R"({"name":"all of them"})");
  folder.write("metrics.jsonl", "");
  train::Report report({folder.path()});
  EXPECT_TRUE(report.update());
  EXPECT_THAT(names(report), ElementsAre("all of them")) << "before the first begins";
  begin("tanh-1");
  begin("relu-1");
  std::filesystem::create_directory(folder / "notes");
  EXPECT_TRUE(report.update());
  EXPECT_THAT(names(report), ElementsAre("relu-1", "tanh-1"));
  EXPECT_FALSE(report.update());
  begin("elu-1");
  EXPECT_TRUE(report.update());
  EXPECT_THAT(names(report), ElementsAre("relu-1", "tanh-1", "elu-1")) << "a page knows them by their place";
  // A training of its own is what it shows, whatever lies beside that.
  folder.write("metrics.jsonl", "{\"event\":\"step\",\"step\":1,\"loss\":1}\n");
  EXPECT_TRUE(report.update());
  EXPECT_THAT(names(report), ElementsAre("all of them"));
}

TEST(Report, SaysWithWhatARunWentOn) {
  const Folder folder;
  folder.write("run.json", R"({"command":["./run","mnist","--epochs=2"],"resumed":[
    {"command":["./run","mnist","--epochs=2"]},{"command":["./run","mnist","--epochs=3"]},{"seed":1}]})");
  folder.write("metrics.jsonl",
               "{\"event\":\"start\",\"step\":0,\"epochs\":2,\"batches\":5}\n"
               "{\"event\":\"resume\",\"step\":10,\"epoch\":2,\"epochs\":3}\n");
  train::Report report({folder.path()});
  report.update();
  const Json run = Json::parse(report.data())["runs"][0];
  EXPECT_EQ(run["epochs"], 3);
  EXPECT_EQ(run["about"]["command"].back(), "--epochs=2");
  EXPECT_EQ(run["about"]["later"], Json::parse(R"([["./run","mnist","--epochs=3"]])"));
}

TEST(Report, NothingInARunBreaksOutOfThePage) {
  const std::string evil = "</script><script>alert(1)</script><!--\xe2\x80\xa8\xe2\x80\xa9@DATA@&amp;\\\"";
  const Folder folder;
  folder.write("run.json", Json{{"name", evil}, {"command", {evil}}, {"options", {{evil, evil}}}}.dump());
  folder.write("metrics.jsonl", Json{{"event", "end"}, {"reason", evil}}.dump() + "\n");
  train::Report report({folder.path()});
  report.update();
  EXPECT_EQ(Json::parse(report.data())["runs"][0]["name"], evil) << "it arrives as it was";
  const std::string data = report.data();
  EXPECT_THAT(data, Not(HasSubstr("<")));
  EXPECT_TRUE(std::all_of(data.begin(), data.end(), [](char c) { return c >= ' ' && c <= '~'; }));
  const std::string page = report.page(), empty = train::report_assets::page;
  const auto count = [](const std::string& text, const std::string& part) {
    size_t n = 0;
    for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
    return n;
  };
  EXPECT_EQ(count(page, "<script"), count(empty, "<script"));
  EXPECT_EQ(count(page, "</script"), 3u) << "the data, Chart.js and the page's own";
  EXPECT_EQ(count(page, "\xe2\x80\xa8"), 0u);
}

TEST(Report, ThePageIsAllowedItsOwnScriptsAndNothingElse) {
  const Folder folder;
  folder.write("run.json", "{}");
  train::Report report({folder.path()});
  report.update();
  const std::string page = report.page();
  EXPECT_THAT(page, HasSubstr("default-src 'none'; script-src 'sha256-"));
  EXPECT_THAT(page, HasSubstr("connect-src 'none'; base-uri 'none'; form-action 'none'\""));
  EXPECT_THAT(report.page(true), HasSubstr("connect-src 'self';"));
  for (const char* no :
       {"unsafe", "http-equiv=\"refresh", " src=\"http", "@import", "style=\"", "onload=", "@CONNECT@", "@DATA@"})
    EXPECT_THAT(page.substr(0, page.find("<script")), Not(HasSubstr(no)));
  EXPECT_EQ(Json::parse(report.data())["runs"][0]["name"], std::filesystem::path(folder.path()).filename().string());
}

TEST(Report, LongCurvesAreThinnedAndKeepTheirExtremes) {
  std::string metrics;
  for (int step = 1; step <= 100000; ++step)
    metrics += "{\"event\":\"step\",\"step\":" + std::to_string(step) + ",\"loss\":" +
               (step == 31415   ? "77.5"
                : step == 27182 ? "-3.25"
                : step == 66666 ? "null"
                                : std::to_string(1 + 1e-5 * (step % 97))) +
               "}\n";
  const Json loss = told(metrics)["steps"]["loss"];
  const auto steps = loss["step"].get<std::vector<int>>();
  EXPECT_THAT(steps.size(), ::testing::AllOf(::testing::Ge(900u), ::testing::Le(1010u)));
  EXPECT_TRUE(std::is_sorted(steps.begin(), steps.end()));
  EXPECT_EQ(steps.front(), 1);
  EXPECT_EQ(steps.back(), 100000);
  const auto at = [&](int step) {
    const auto found = std::find(steps.begin(), steps.end(), step);
    return found == steps.end() ? Json("not there") : loss["value"][static_cast<size_t>(found - steps.begin())];
  };
  EXPECT_EQ(at(31415), 77.5);
  EXPECT_EQ(at(27182), -3.25);
  EXPECT_EQ(at(66666), nullptr) << "a gap is to be seen";
  // Means are those of all numbers, and not of the extremes that were kept.
  ASSERT_EQ(loss["mean"]["value"].size(), 80u);
  double sum = 0;
  for (int step = 1; step <= 1250; ++step) sum += 1 + 1e-5 * (step % 97);
  EXPECT_NEAR(loss["mean"]["value"][0].get<double>(), sum / 1250, 1e-5) << "six digits are written";
  EXPECT_EQ(loss["mean"]["step"][0], 626) << "625.5, rounded";
}

TEST(Report, StaysBelowAMegabyte) {
  const Folder folder;
  testing::write_fixture_run(folder / "run", {.epochs = 50, .batches = 400, .every = 2, .layers = 40});
  train::write_report(folder / "report.html", {folder / "run"});
  EXPECT_THAT(std::filesystem::file_size(folder / "report.html"), Lt(1'000'000u));
}

// What a page without Chart.js draws.
TEST(Report, ARunGivesItsHistoryBack) {
  const Folder folder;
  folder.write("metrics.jsonl", R"({"event":"epoch","epoch":0,"loss":2,"accuracy":0.5,"lr":0.1,"seconds":3}
{"event":"epoch","epoch":1,"loss":1,"accuracy":0.75,"validation":{"loss":1.5}}
)");
  train::RunFolder run(folder.path());
  run.update();
  const train::History history = run.history();
  ASSERT_EQ(history.size(), 2u);
  EXPECT_EQ(history[0].loss, 2);
  EXPECT_EQ(history[0].seconds, 3);
  EXPECT_FALSE(history[0].validation.has_value());
  EXPECT_EQ(history[1].epoch, 1);
  EXPECT_EQ(history[1].accuracy, 0.75);
  EXPECT_EQ(history[1].validation->loss, 1.5);
  EXPECT_TRUE(std::isnan(history[1].validation->accuracy));
  EXPECT_THAT(train::svg_curves({{"a run", history}}), HasSubstr("a run, validation, epoch 2: 1.5"));
}

TEST(Report, ManyClassesAreShownByTheirPairs) {
  const Folder folder;
  testing::write_fixture_run(folder / "run", {.epochs = 1, .batches = 10, .layers = 1, .classes = 100});
  train::Report report({folder / "run"});
  report.update();
  const Json confusion = Json::parse(report.data())["runs"][0]["confusion"];
  EXPECT_FALSE(confusion.contains("counts"));
  EXPECT_EQ(confusion["classes"].size(), 100u);
  ASSERT_EQ(confusion["pairs"].size(), 12u);
  for (size_t i = 1; i < 12; ++i) EXPECT_GE(confusion["pairs"][i - 1][2], confusion["pairs"][i][2]);
}

TEST(Report, RunsOfOneNameAreToldApart) {
  const Folder folder;
  for (const char* name : {"a", "b", "c"}) std::filesystem::create_directory(folder / name);
  folder.write("a/run.json", R"({"name":"same"})");
  folder.write("b/run.json", R"({"name":"same"})");
  folder.write("c/run.json", "{}");
  train::Report report({folder / "a", folder / "b", folder / "c"});
  report.update();
  std::vector<std::string> names;
  const Json data = Json::parse(report.data());
  for (const Json& run : data["runs"]) names.push_back(run["name"]);
  EXPECT_THAT(names, ElementsAre("same (" + (folder / "a") + ")", "same (" + (folder / "b") + ")", "c"));
}

TEST(Report, IsWrittenWholeOrNotAtAll) {
  const Folder folder;
  testing::write_fixture_run(folder / "run", {.epochs = 2, .batches = 20});
  train::write_report(folder / "page.html", {folder / "run"});
  const std::string page = testing::bytes_of(folder / "page.html");
  EXPECT_TRUE(page.starts_with("<!doctype html>"));
  EXPECT_TRUE(page.ends_with("</html>\n"));
  train::write_report(folder / "page.html", {folder / "run"});
  EXPECT_EQ(testing::bytes_of(folder / "page.html"), page) << "the same bytes twice";
  folder.write("run/metrics.jsonl", "damaged\n");
  EXPECT_THROW(train::write_report(folder / "page.html", {folder / "run"}), FileError);
  EXPECT_EQ(testing::bytes_of(folder / "page.html"), page);
  EXPECT_THROW(train::write_report(folder / "none" + "/page.html", {folder / "run"}), FileError);
  EXPECT_THAT(folder.names(), ElementsAre("page.html", "run"));
}

}  // namespace
}  // namespace cairn
