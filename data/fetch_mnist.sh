#!/usr/bin/env bash
# shellcheck disable=SC2034 # what is set here is used by fetch.sh
# Fetches the four MNIST files, checks them and leaves what is already there alone.
# Usage: fetch_mnist.sh [FOLDER]; the default is mnist/ beside this script.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
title=MNIST script=fetch_mnist
folder=${1:-$here/mnist}
mirrors=(
  https://ossci-datasets.s3.amazonaws.com/mnist
  https://storage.googleapis.com/cvdf-datasets/mnist
)
files=( # name, SHA-256
  train-images-idx3-ubyte.gz 440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609
  train-labels-idx1-ubyte.gz 3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c
  t10k-images-idx3-ubyte.gz 8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6
  t10k-labels-idx1-ubyte.gz f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6
)

# shellcheck source=data/fetch.sh
source "$here/fetch.sh"
