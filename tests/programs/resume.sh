#!/usr/bin/env bash
# A training that is killed at random moments and resumed each time is one that was never disturbed: same weights, same
# checkpoint, and no file that cannot be read. Arguments: the mnist program, scratch folder, number of kills.
#   bash tests/programs/resume.sh build/release/examples/mnist /tmp/resume 100
set -euo pipefail
program=$1 folder=$2 kills=${3:-10}
source "$(dirname "$0")/functions.sh"
rm -rf "$folder"
mkdir -p "$folder"
cd "$folder"
unset CAIRN_DATA
training=(--glyphs=1000 --model lenet5 --validation 100 --batch-size 50 --epochs $((5 + kills / 2)) --checkpoint-steps 1)

begin=$(date +%s%N)
"$program" "${training[@]}" --run undisturbed --threads 2 >whole
share=$((($(date +%s%N) - begin) / 1000000 / kills)) # milliseconds between two kills, so that it takes them all
has whole '^run: undisturbed, with report.html$'
has undisturbed/report.html '"mistakes"'

RANDOM=1
for ((kill = 1; kill <= kills; ++kill)); do
  "$program" "${training[@]}" --resume disturbed --threads $((1 + kill % 3)) >>part 2>&1 &
  pause=$((30 + RANDOM % (2 * share + 1)))
  sleep "$((pause / 1000)).$(printf %03d $((pause % 1000)))"
  kill -KILL $! 2>/dev/null || true
  wait $! 2>/dev/null || true
  for file in disturbed/*.safetensors; do # whole, whenever it was
    [[ ! -e $file ]] || "$program" --glyphs=8 --load "$file" >out 2>err || has err 'these are tensors without a model'
  done
done
(($(grep -c '^going on in disturbed' part) >= kills / 3)) || { cat part >&2; fail "it was hardly ever resumed"; }
"$program" --resume disturbed --threads 1 >rest
cmp <(tail -n 2 whole) <(tail -n 2 rest) || fail "other weights than without a stop"
for file in last best model; do
  cmp "undisturbed/$file.safetensors" "disturbed/$file.safetensors" || fail "another $file.safetensors"
done
[[ $(grep -c '"event":"epoch"' disturbed/metrics.jsonl) == $((5 + kills / 2)) ]] || fail "epochs were logged twice"
[[ -z $(find disturbed -name '.cairn-*') ]] || fail "temporary files are left"

# A polite stop: saved where it is, status 130, and how to go on.
if ((kills <= 10)); then
  status=0
  "$program" "${training[@]}" --epochs 1000 --run polite >stopped & # the last --epochs counts
  sleep 1
  kill -TERM $!
  wait $! || status=$?
  ((status == 130)) || fail "status $status instead of 130 after a stop"
  has stopped '^stopped after (batch [0-9]+ of )?epoch [0-9]+; saved in polite$'
  has stopped '^to go on: ./run mnist --resume polite$'

  # Who may write, and where.
  refused 'there is a run already; resume it or choose another folder' "${training[@]}" --run polite
  refused "leave out --run" --run a --resume b
  exec 9>polite/lock
  flock -n 9 # this script writes there
  refused 'somebody else writes there' --resume polite
  exec 9>&-
  mv polite/run.json described
  refused "no run.json beside it.*got 'polite'" --resume polite
  echo '{' >polite/run.json
  refused "polite/run.json" --resume polite
  mv described polite/run.json
  head -c 5000 polite/last.safetensors >half && mv half polite/last.safetensors
  "$program" "${training[@]}" --resume polite >out 2>err && fail "a damaged checkpoint is resumed"
  has err 'polite/last.safetensors'
  refused 'those that may be other ones: .*--epochs.*--threads; got .--lr=0.5.' --lr 0.5 --resume undisturbed

  # Several trainings, each in a folder beneath: the second one was stopped, the first is not made again.
  several=(--glyphs=1000 --model mlp --activation relu,gelu --epochs 3 --batch-size 50)
  "$program" "${several[@]}" --run both >out
  mv both/gelu whole_gelu
  epochs_of() { grep '"event":"epoch"' "$1/metrics.jsonl"; } # with the times that they took
  epochs_of both/relu >relu_epochs
  "$program" --resume both >rest
  cmp <(epochs_of both/relu) relu_epochs || fail "a training that was finished is made again"
  cmp <(grep '^relu ' rest) <(grep '^relu ' out) || fail "another result than when it was trained"
  rm both/relu/metrics.jsonl
  "$program" --resume both >rest
  has rest '^relu +[0-9.]+ +[0-9.]+ % +– s$' # nothing tells how long it took
  cmp whole_gelu/last.safetensors both/gelu/last.safetensors || fail "other weights than without a stop"
  sed -i 's/--model=lenet5/--model=mlp/' undisturbed/run.json
  "$program" --resume undisturbed >out 2>err && fail "another model is resumed"
  has err 'another model.*undisturbed/last.safetensors'
fi
