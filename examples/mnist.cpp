// A network learns handwritten digits: `mnist --help` lists the options.
#include "support/classifier.h"

int main(int argc, char** argv) {
  return support::run_classifier(
      argc, argv,
      {.program = "mnist",
       .description = "Trains a perceptron, or another model, on the handwritten digits of MNIST.",
       .set = support::mnist(),
       .digits = true,
       .crop_padding = 2});
}
