#!/usr/bin/env bash
# A small comparison, and a claim. Arguments: the program, scratch folder.
set -euo pipefail
program=$1 folder=$2
source "$(dirname "$0")/functions.sh"
rm -rf "$folder"
mkdir -p "$folder"
cd "$folder"

"$program" --set spirals --hidden 16,16 --seeds 2 --epochs 2 --activations 'relu, max(x, 0.1 * x), x * sigmoid(beta * x); beta = 1' --curves c.svg >three
has three ', 2 epochs, 2 seeds$'
has three '^relu +[0-9.]+ ± [0-9.]+ '
has three '^max\(x, 0\.1 \* x\) +[0-9.]+ '
has three '^x \* sigmoid\(beta \* x\); beta = 1 +[0-9.]+ '
is_picture c.svg 6
"$program" --set sine --hidden 16 --seeds 1 --epochs 1 --activations tanh,identity --init unit >sine
has sine ', 1 epoch, 1 seed$'
has sine '^identity +[0-9.]+ '
"$program" --claim b --curves gradients.svg >gradients
has gradients.svg 'aria-label="30 layers, .*gradient norm of each weight'
has gradients '^  sigmoid .* [0-9.]+e-[0-9]+$'

# Trainings that are killed, the comparison gone on with: the numbers of one that was not, but for the time of a step.
comparison=(--activations relu,tanh --hidden 64 --seeds 2 --epochs 3)
"$program" "${comparison[@]}" --run whole | sed 's/ [0-9.]*$//; /^runs/d' >expected
for pause in 0.2 0.5 0.8; do
  "$program" "${comparison[@]}" --resume parts >out 2>err &
  sleep $pause
  kill -KILL $! 2>/dev/null || true
  wait $! 2>/dev/null || true
done
CAIRN_NUM_THREADS=3 "$program" --resume parts >out
has out '^runs: parts; ./run report parts/\*-1 shows the first of each$'
cmp <(sed 's/ [0-9.]*$//; /^runs/d' out) expected || fail "other numbers than without a stop"
for run in relu-1 relu-2 tanh-1 tanh-2; do
  cmp whole/$run/last.safetensors parts/$run/last.safetensors || fail "other weights than without a stop"
done
"$program" --resume parts >again # nothing to train: the times are those that were recorded
cmp out again || fail "other numbers than before it was finished"
refused "those that may be other ones: --data, --curves; got '--epochs=4'" --resume parts --epochs 4
refused "there is a run already" --run parts
refused "a claim leaves no run" --claim b --run other
refused "leave out the others; got --claim 'b', option 'lr'" --claim b --lr 5

refused "unknown name 'e'" --claim e
refused "unknown name 'gleu'" --activations gleu
refused "a fold" --activations softmax
refused "seeds must be" --seeds 0
refused "init is usual, gain or unit" --init none
