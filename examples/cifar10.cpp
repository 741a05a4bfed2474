// A network learns animals and vehicles: `cifar10 --help` lists the options.
#include "support/classifier.h"

int main(int argc, char** argv) {
  return support::run_classifier(
      argc, argv,
      {.program = "cifar10",
       .description = "Trains a residual network, or another model, on the colour photographs of CIFAR-10.",
       .set = support::cifar10(),
       .crop_padding = 4,
       .horizontal_flip = true});
}
