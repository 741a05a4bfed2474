#include "train/display.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cmath>
#include <memory>
#include <sstream>

#include "cairn/base/memory.h"
#include "cairn/graph/node.h"
#include "cairn/nn/linear.h"
#include "cairn/ops/loss.h"
#include "cairn/optim/sgd.h"
#include "cairn/tensor/create.h"
#include "train/squared.h"

namespace cairn {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using train::EpochResult;
using train::Output;
using train::Progress;
using train::Trainer;

// Columns of a text whose characters are all one column wide.
int columns(const std::string& text) {
  int n = 0;
  for (const char c : text) n += (c & 0xC0) != 0x80;
  return n;
}

const Progress half_way = {.epoch = 1,
                           .epochs = 6,
                           .batch = 231,
                           .batches = 469,
                           .samples = 29568,
                           .loss = 0.08125,
                           .accuracy = 0.97451,
                           .lr = 0.001,
                           .seconds = 0.48,
                           .seconds_left = 4.4};

TEST(ProgressLine, ShowsAllThatHasPlace) {
  EXPECT_EQ(train::progress_line(half_way, 110),
            "epoch 2/6 ━━━━━━━━━━━━━━━━╸──────────────── 231/469  loss 0.0813  accuracy 97.45 %  61600 samples/s  "
            "0:04 left");
  EXPECT_EQ(train::progress_line(half_way, 79),
            "epoch 2/6 ━━━━━───── 231/469  loss 0.0813  accuracy 97.45 %  61600/s  0:04 left");
  EXPECT_EQ(train::progress_line(half_way, 60), "epoch 2/6 ━━━━────  loss 0.0813  accuracy 97.45 %  0:04 left");
  EXPECT_EQ(train::progress_line(half_way, 45), "epoch 2/6  loss 0.0813  accuracy 97.45 %");
  EXPECT_EQ(train::progress_line(half_way, 25), "epoch 2/6  loss 0.0813");
  EXPECT_EQ(train::progress_line(half_way, 7), "epoch 2");
}

TEST(ProgressLine, FitsEveryWidth) {
  Progress long_one = half_way;
  long_one.epochs = 1000;
  long_one.batches = 1234567;
  long_one.seconds_left = 360000;
  for (const Progress& p : {half_way, long_one}) {
    for (int width = 0; width <= 200; ++width) {
      const std::string line = train::progress_line(p, width);
      EXPECT_LE(columns(line), width) << line;
      EXPECT_EQ(line.find("loss 0.0813") != std::string::npos, width >= 22 + (p.epochs > 6 ? 6 : 0)) << line;
    }
  }
}

TEST(ProgressLine, TheBarGrowsFromEmptyToFull) {
  Progress p = half_way;
  p.batch = 0;
  EXPECT_THAT(train::progress_line(p, 79), HasSubstr(" ──────────   0/469"));
  p.batch = p.batches;
  EXPECT_THAT(train::progress_line(p, 79), HasSubstr(" ━━━━━━━━━━ 469/469"));
  EXPECT_THAT(train::progress_line(p, 500), HasSubstr(" ━━"));
}

TEST(ProgressLine, AccuracyIsShownWhereThereIsOne) {
  Progress p = half_way;
  p.accuracy = NAN;
  EXPECT_THAT(train::progress_line(p, 100), Not(::testing::AnyOf(HasSubstr("accuracy"), HasSubstr("nan"))));
}

TEST(ProgressLine, NumbersOfAnySizeAreReadable) {
  Progress p = half_way;
  p.loss = 1.5e-7;
  p.seconds_left = 3725;
  EXPECT_THAT(train::progress_line(p, 120), HasSubstr("loss 1.500e-07"));
  EXPECT_THAT(train::progress_line(p, 120), HasSubstr("1:02:05 left"));
  p.loss = 123456;
  p.seconds_left = 754;
  EXPECT_THAT(train::progress_line(p, 120), HasSubstr("loss 1.235e+05"));
  EXPECT_THAT(train::progress_line(p, 120), HasSubstr("12:34 left"));
  p.loss = NAN;
  p.seconds = 0;  // a clock too coarse
  EXPECT_THAT(train::progress_line(p, 120), HasSubstr("loss nan"));
}

const EpochResult result = {.epoch = 1,
                            .loss = 0.08125,
                            .accuracy = 0.97451,
                            .validation = train::Evaluation{.loss = 0.0912, .accuracy = 0.972},
                            .seconds = 4.94,
                            .samples_per_second = 61234.4,
                            .lr = 0.001,
                            .peak_memory = 0};

TEST(EpochLine, LeavesOutWhatMattersLess) {
  EXPECT_EQ(train::epoch_line(result, 10, 1000),
            "epoch  2/10  loss 0.0813  accuracy 97.45 %  validation 0.0912  97.20 %  61234 samples/s  4.9 s");
  EXPECT_EQ(train::epoch_line(result, 6, 79),
            "epoch 2/6  loss 0.0813  accuracy 97.45 %  validation 0.0912  97.20 %  4.9 s");
  EXPECT_EQ(train::epoch_line(result, 6, 60), "epoch 2/6  loss 0.0813  validation 0.0912  97.20 %");
  EXPECT_EQ(train::epoch_line(result, 6, 30), "epoch 2/6  loss 0.0813");
}

TEST(EpochLine, SaysNothingOfWhatThereIsNot) {
  EpochResult r = result;
  r.validation.reset();
  EXPECT_EQ(train::epoch_line(r, 6, 1000), "epoch 2/6  loss 0.0813  accuracy 97.45 %  61234 samples/s  4.9 s");
  r.peak_memory = 300 << 20;
  EXPECT_EQ(train::epoch_line(r, 6, 1000), "epoch 2/6  loss 0.0813  accuracy 97.45 %  61234 samples/s  4.9 s  300 MiB");
  EXPECT_EQ(train::epoch_line(r, 6, 66), "epoch 2/6  loss 0.0813  accuracy 97.45 %  61234 samples/s  4.9 s");
  r.peak_memory = 0;
  r.accuracy = NAN;
  r.validation = train::Evaluation{.loss = 2, .accuracy = NAN};
  r.seconds = 125;
  EXPECT_EQ(train::epoch_line(r, 6, 1000), "epoch 2/6  loss 0.0813  validation 2.0000  61234 samples/s  2:05");
}

// ---- what fit() writes ------------------------------------------------------------------------------------------------

using File = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

// Trains for two epochs of eight batches, the last of each a little late.
void show(const data::Dataset& set, Output output, std::FILE* stream, const train::Loss& loss = {},
          useconds_t microseconds_late = 0) {
  const data::DataLoader loader(set, {.batch_size = 1});
  nn::Linear model(1, 2);
  {
    const NoGrad no_grad;  // whatever the first weights: both outputs are 0
    model.weight.zero_();
    model.bias.zero_();
  }
  optim::SGD optimizer(model.parameters(), {.lr = 0});
  Trainer trainer(model, optimizer, {.epochs = 2, .loss = loss, .output = output, .stream = stream});
  trainer.on_batch_end([&](const Progress& p) {
    if (p.batch == 7) ::usleep(microseconds_late);
  });
  trainer.fit(loader);
}

std::string written(Output output, const data::Dataset& set, const train::Loss& loss = {}) {
  const File file(std::tmpfile(), std::fclose);
  show(set, output, file.get(), loss);
  std::rewind(file.get());
  std::string text(10000, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file.get()));
  return text;
}

TEST(TrainerOutput, IsALineAnEpochWhereThereIsNoTerminal) {
  memory::reset_peak();  // of other tests: below a MiB it is not printed
  const data::TensorDataset classes(ones({8, 1}), zeros({8}, i64));
  const std::string line = "  loss 0.6931  accuracy 100.00 %  [0-9]+ samples/s  0\\.[0-9] s\n";
  EXPECT_THAT(written(Output::automatic, classes), ::testing::MatchesRegex("epoch 1/2" + line + "epoch 2/2" + line));
  EXPECT_THAT(written(Output::lines, classes), ::testing::MatchesRegex("epoch 1/2" + line + "epoch 2/2" + line));
  EXPECT_EQ(written(Output::silent, classes), "");
  const data::TensorDataset numbers(ones({8, 1}), full({8, 2}, 2));
  EXPECT_THAT(written(Output::lines, numbers, squared), Not(HasSubstr("accuracy")));
  EXPECT_THAT(written(Output::lines, numbers, squared), HasSubstr("epoch 1/2  loss 4.0000  "));
}

// What arrives at a terminal of that many columns.
std::string on_terminal(unsigned short columns, const data::Dataset& set) {
  const int master = ::posix_openpt(O_RDWR | O_NOCTTY);
  if (master < 0 || ::grantpt(master) != 0 || ::unlockpt(master) != 0) return "";
  const winsize size{.ws_row = 24, .ws_col = columns, .ws_xpixel = 0, .ws_ypixel = 0};
  std::string text;
  {
    const File slave(std::fopen(::ptsname(master), "w"), std::fclose);
    ::ioctl(master, TIOCSWINSZ, &size);
    show(set, Output::automatic, slave.get(), {}, 120'000);
  }
  char piece[4096];
  for (ssize_t n; (n = ::read(master, piece, sizeof piece)) > 0;) text.append(piece, static_cast<size_t>(n));
  ::close(master);
  return text;
}

TEST(TrainerOutput, IsABarOnATerminal) {
  ::setenv("TERM", "xterm", 1);
  const data::TensorDataset set(ones({8, 1}), zeros({8}, i64));
  for (const unsigned short columns : {40, 80, 120}) {
    const std::string text = on_terminal(columns, set);
    if (text.empty()) GTEST_SKIP() << "no pseudo-terminals here";
    std::vector<std::string> bars, lines;
    std::istringstream pieces(text);
    for (std::string piece; std::getline(pieces, piece, '\r');) {
      if (piece.find("left") != std::string::npos || piece.find("━") != std::string::npos) bars.push_back(piece);
      if (piece.find("samples/s  ") != std::string::npos || piece.starts_with("epoch")) lines.push_back(piece);
      int width = 0;
      for (const char c : piece.substr(0, piece.find('\x1b'))) width += (c & 0xC0) != 0x80;
      EXPECT_LT(width, columns) << piece;
      EXPECT_TRUE(!piece.starts_with("epoch") || piece.find("\x1b[K") != std::string::npos)
          << "a rest is left: " << piece;
    }
    // At the first batch, and once more when 0.1 s have passed: the bar of batch 8.
    EXPECT_THAT(text, HasSubstr("\repoch 1/2"));
    EXPECT_EQ(text.find("━ 8/8") != std::string::npos, columns >= 80);
    EXPECT_LE(bars.size(), 4U);
    EXPECT_THAT(lines.back(), HasSubstr("epoch 2/2  loss 0.6931"));
    EXPECT_TRUE(text.ends_with("\x1b[K\r\n")) << "the cursor is left at the beginning of a line";
  }
}

TEST(TrainerOutput, ATerminalThatCannotGoBackGetsLines) {
  ::setenv("TERM", "dumb", 1);
  const data::TensorDataset set(ones({8, 1}), zeros({8}, i64));
  const std::string text = on_terminal(80, set);
  ::setenv("TERM", "xterm", 1);
  if (text.empty()) GTEST_SKIP() << "no pseudo-terminals here";
  EXPECT_THAT(text, HasSubstr("epoch 2/2  loss 0.6931"));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
}

TEST(TrainerOutput, AnErrorBeginsOnALineOfItsOwn) {
  const data::TensorDataset set(ones({8, 1}), zeros({8}, i64));
  const data::DataLoader loader(set);
  const File file(std::tmpfile(), std::fclose);
  nn::Linear model(1, 2);
  optim::SGD optimizer(model.parameters(), {.lr = 0});
  Trainer trainer(model, optimizer, {.output = Output::bar, .stream = file.get()});
  trainer.on_batch_end([](const Progress& p) { fail<ValueError>("hook", "enough", given("epoch", p.epoch)); });
  EXPECT_THROW(trainer.fit(loader), ValueError);
  EXPECT_GT(std::ftell(file.get()), 0);
  std::fseek(file.get(), -1, SEEK_END);
  EXPECT_EQ(std::fgetc(file.get()), '\n');
}

}  // namespace
}  // namespace cairn
