// A network learns pieces of clothing: `fashion --help` lists the options.
#include "support/classifier.h"

int main(int argc, char** argv) {
  return support::run_classifier(
      argc, argv,
      {.program = "fashion",
       .description = "Trains a residual network, or another model, on the pieces of clothing of Fashion-MNIST.",
       .set = support::fashion_mnist(),
       .crop_padding = 2,
       .horizontal_flip = true});
}
