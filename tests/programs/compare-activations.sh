#!/usr/bin/env bash
# A small comparison, and a claim. Arguments: the program, scratch folder.
set -euo pipefail
program=$1 folder=$2
source "$(dirname "$0")/functions.sh"
rm -rf "$folder"
mkdir -p "$folder"
cd "$folder"

"$program" --set spirals --hidden 16,16 --seeds 2 --epochs 2 --activations 'relu, max(x, 0.1 * x), x * sigmoid(beta * x); beta = 1' --curves c.svg >three
has three '^relu +[0-9.]+ \+- [0-9.]+ '
has three '^max\(x, 0\.1 \* x\) +[0-9.]+ '
has three '^x \* sigmoid\(beta \* x\); beta = 1 +[0-9.]+ '
is_picture c.svg 6
"$program" --set sine --hidden 16 --seeds 1 --epochs 1 --activations tanh,identity --init unit >sine
has sine '^identity +[0-9.]+ '
"$program" --claim b >gradients
has gradients '^  sigmoid .* [0-9.]+e-[0-9]+$'

refused "unknown name 'e'" --claim e
refused "unknown name 'gleu'" --activations gleu
refused "a fold" --activations softmax
refused "seeds must be" --seeds 0
refused "init is usual, gain or unit" --init none
