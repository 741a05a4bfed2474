#!/usr/bin/env bash
# What taylor prints and draws. Arguments: the program, scratch folder.
set -euo pipefail
program=$1 folder=$2
source "$(dirname "$0")/functions.sh"
rm -rf "$folder"
mkdir -p "$folder"
cd "$folder"

small=(--samples 400 --epochs 1 --hidden 8 --run '')
"$program" "${small[@]}" --degrees 1,3,5 --plot plot.svg --curves curves.svg >first
has first '^tanh at 0: 1 x - 0\.333333 x\^3 \+ 0\.133333 x\^5$'
has first ' trained for 1 epoch on 400 images: '
has first '^radius of convergence 1\.5708'
has first '^ +1 +5\.95e-01$' # 1.5 − tanh 1.5
has first '^ +5 +4\.82e-01$'
number='[0-9]+\.[0-9]{2}'
for degree in none 1 3 5; do
  has first "^ +$degree +$number +$number +0\.00 +$number +$number +$number$" # bounded: nothing leaves the interval
done
for picture in plot.svg curves.svg; do
  has $picture '^</svg>$'
  [[ $(grep -o '<path class="line"' $picture | wc -l) == 4 ]] || fail "$picture has not 4 lines"
done
CAIRN_NUM_THREADS=3 "$program" "${small[@]}" --degrees 1,3,5 --plot plot.svg --curves curves.svg >second
cmp -s first second || fail "another number of threads gives other numbers"
"$program" "${small[@]}" --activation 'x * sigmoid(2 * x)' --interval 1 --degrees 2 >formula
has formula '^x \* sigmoid\(2 \* x\) at 0: 0\.5 x \+ 0\.5 x\^2$'
run=(--samples 400 --epochs 1 --hidden 8 --degrees 1,3,5)
"$program" "${run[@]}" --run whole | sed '/^runs/d' >run
cmp <(sed '/^picture/d' first | cat -s) <(cat -s run) || fail "a run has other numbers"
(timeout -s KILL 0.2 "$program" "${run[@]}" --resume parts >/dev/null 2>&1 || true) 2>/dev/null
"$program" "${run[@]}" --resume parts | sed '/^runs/d' >resumed
cmp run resumed || fail "other numbers than without a stop"
cmp whole/free-5/last.safetensors parts/free-5/last.safetensors || fail "other weights than without a stop"
sed -i s/taylor/mnist/ parts/run.json
refused "a run of another program" --resume parts
rm -r out err whole parts run resumed
rm first second formula plot.svg curves.svg
[[ -z $(ls -A) ]] || fail "it wrote files"

refused "its derivative of order 1 jumps there; got function 'relu'" --activation relu
refused "the interval must end within the radius of convergence" --interval 2
refused "unknown name 'tahn'; did you mean 'tanh'" --activation tahn
disk_full
refused "--degrees must be .* got '101'" --degrees 101
refused "--degrees needs 1 to 7 numbers" --degrees ""
refused "takes no arguments but options" tanh
