#!/usr/bin/env bash
# What the models program lists. Arguments: the program, scratch folder.
set -euo pipefail
program=$1 folder=$2
source "$(dirname "$0")/functions.sh"
rm -rf "$folder"
mkdir -p "$folder"
cd "$folder"

"$program" --input 1,28,28 --classes 10 >all
has all '^lenet5 +1 × 28 × 28 +10 +61,706 +416,520 +0\.24 MiB +[0-9.]+ MiB$'
has all '^resnet20 +1 × 28 × 28 +10 +272,186 +31,021,952 '
has all '^alexnet64 .*this model takes images of one size only'
[[ $(grep -c '^resnet' all) == 8 ]] || { cat all >&2; fail "it does not list eight ResNets"; }

"$program" lenet5 resnet20 --norm group --batch 2 >two
has two '^lenet5$'
has two '^resnet20$'
has two '^fc +Linear +\(2, 10\) +650 +1,280$'

refused "unknown name 'lenet'" lenet
refused "unknown name 'gleu'; did you mean 'gelu'" --activation gleu
refused "unknown name 'batsh'" --norm batsh
refused "--input needs three numbers" --input 28,28
refused "--batch must be .* got '0'" --batch 0
