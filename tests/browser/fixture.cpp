// Writes runs to look at: cairn-fixture-runs FOLDER makes relu, gelu, going and long in it.
#include "train/fixture_run.h"

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const std::string folder = argv[1];
  using cairn::testing::write_fixture_run;
  write_fixture_run(folder + "/relu", {.name = "relu"});
  write_fixture_run(folder + "/gelu", {.name = "gelu, </script> \u2028 ünï", .speed = 1.4, .seed = 2});
  write_fixture_run(folder + "/going", {.name = "going", .epochs = 4, .ended = false});
  write_fixture_run(folder + "/long",
                    {.name = "long", .epochs = 50, .batches = 2000, .every = 1, .layers = 20, .seed = 3});
}
