#!/usr/bin/env bash
# shellcheck disable=SC2034 # what is set here is used by fetch.sh
# Fetches the four Fashion-MNIST files, checks them and leaves what is already there alone.
# Usage: fetch_fashion_mnist.sh [FOLDER]; the default is fashion-mnist/ beside this script.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
title=Fashion-MNIST script=fetch_fashion_mnist
folder=${1:-$here/fashion-mnist}
mirrors=(
  https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion
  https://storage.googleapis.com/tensorflow/tf-keras-datasets
)
files=( # name, SHA-256
  train-images-idx3-ubyte.gz 3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84
  train-labels-idx1-ubyte.gz a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845
  t10k-images-idx3-ubyte.gz 346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073
  t10k-labels-idx1-ubyte.gz 67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5
)

# shellcheck source=data/fetch.sh
source "$here/fetch.sh"
