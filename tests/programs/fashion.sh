#!/usr/bin/env bash
# The fashion program on pictures made here: in IDX files, ten classes. Arguments: the program, scratch folder.
set -euo pipefail
program=$1 folder=$2
source "$(dirname "$0")/functions.sh"
rm -rf "$folder"
mkdir -p "$folder/sets/fashion-mnist"
cd "$folder"
export CAIRN_DATA=$folder/sets

number() { byte $(($1 >> 24)) && byte $(($1 >> 16 & 255)) && byte $(($1 >> 8 & 255)) && byte $(($1 & 255)); }
idx() { # idx(images' file, labels' file, images of each class)
  local k i
  for ((k = 0; k < 10; ++k)); do picture_bytes "$k" 784 >"picture$k"; done
  { printf '\0\0\10\3' && number $((10 * $3)) && number 28 && number 28; } >"$1"
  { printf '\0\0\10\1' && number $((10 * $3)); } >"$2"
  for ((i = 0; i < $3; ++i)); do
    cat picture{0..9} >>"$1"
    printf '\0\1\2\3\4\5\6\7\10\11' >>"$2"
  done
}
sets=sets/fashion-mnist
idx $sets/train-images-idx3-ubyte $sets/train-labels-idx1-ubyte 12
idx $sets/t10k-images-idx3-ubyte $sets/t10k-labels-idx1-ubyte 2

# Its usual model, for an epoch.
"$program" --epochs 1 --batch-size 30 >first
has first "^data: Fashion-MNIST in .*/sets/fashion-mnist: 120 images to train on, 20 to test on$"
has first '^augmentation: standard, crops by up to 2 pixels, flips$'
has first '^curves: runs/fashion-resnet20.svg$'
is_picture runs/fashion-resnet20.svg 2
has first '^  T-shirt/top +[0-9.]+ %   Trouser +[0-9.]+ % '
accuracy_of first >/dev/null

# A smaller one learns these pictures by heart.
"$program" --model mlp --hidden 32 --epochs 20 --batch-size 20 --validation 20 --save clothes.safetensors >second
has second '^data: .*: 100 images to train on'
has second '^says T-shirt/top \([0-9.]+ %\)  +says Trouser'
has second '^ *█{3}'
(($(accuracy_of second) >= 90)) || fail "it does not learn: $(tail -n 1 second)"
"$program" --load clothes.safetensors >third
cmp <(tail -n 2 second) <(tail -n 2 third) || fail "a saved model says something else"

refused "no such folder.*nowhere" --data nowhere
refused "glyphs.* does not exist" --glyphs
"$program" --help >help
has help '^ +--model NAME .*'
has help '^  resnet20 +[0-9]+ +128 +sgd '
