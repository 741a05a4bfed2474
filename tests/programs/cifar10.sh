#!/usr/bin/env bash
# The cifar10 program on pictures made here. Arguments: the program, scratch folder.
set -euo pipefail
program=$1 folder=$2
source "$(dirname "$0")/functions.sh"
rm -rf "$folder"
mkdir -p "$folder/cifar-10"
cd "$folder"
unset CAIRN_DATA

records() { # records(of each class)
  local i k
  for ((i = 0; i < $1; ++i)); do
    for ((k = 0; k < 10; ++k)); do cat "record$k"; done
  done
}
for ((k = 0; k < 10; ++k)); do { byte "$k" && picture_bytes "$k" 3072; } >"record$k"; done
records 7 >cifar-10/data_batch_1.bin
records 5 | gzip >cifar-10/data_batch_2.bin.gz
records 2 >cifar-10/test_batch.bin

"$program" --data cifar-10 --epochs 1 --batch-size 30 --augment strong --mixup 0.2 >first
has first "^data: CIFAR-10 in cifar-10: 120 images to train on, 20 to test on$"
has first '^augmentation: strong, crops by up to 4 pixels, flips, brightness ±0.2, contrast ±0.2, erasing 0.25, mixup 0.2$'
is_picture runs/cifar10-resnet20.svg 1
has first '^  airplane +[0-9.]+ %   automobile +[0-9.]+ % '
accuracy_of first >/dev/null

"$program" --data cifar-10 --model mlp --hidden 32 --augment none --epochs 20 --batch-size 20 >second
(($(accuracy_of second) >= 90)) || fail "it does not learn: $(tail -n 1 second)"
has second '^says airplane \([0-9.]+ %\)  +says automobile'
has_not second $'\x1b'

head -c 5000 cifar-10/test_batch.bin >half && mv half cifar-10/test_batch.bin
refused 'test_batch.bin' --data cifar-10
refused "this model takes images of one size only" --data cifar-10 --model lenet5
