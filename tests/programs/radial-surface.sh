#!/usr/bin/env bash
# What radial-surface prints, and that its fits go on. Arguments: the program, scratch folder.
set -euo pipefail
program=$1 folder=$2
source "$(dirname "$0")/functions.sh"
rm -rf "$folder"
mkdir -p "$folder"
cd "$folder"

small=(--points 150 --centres 20,40 --steps 20 --grid 21 --run '')
"$program" "${small[@]}" >first
number='[0-9]\.[0-9]{2}e[-+][0-9]{2}'
has first '^ +points +20 +40 +150$'
has first '^ +centres +20 +trained +40 +trained$'
for kind in gaussian multiquadric inverse_multiquadric inverse_quadratic 'polyharmonic\(3\)' 'polyharmonic\(5\)' thin_plate wendland; do
  has first "^ +$kind +$number +$number +[0-9]\.[0-9]{2}e-0[2-9]$" # 150 points: errors below 0.1
  has first "^ +$kind +$number +$number +$number +$number$"
done
has_not first 'nan|inf$'
CAIRN_NUM_THREADS=3 "$program" "${small[@]}" >second
cmp -s first second || fail "another number of threads gives other numbers"
disk_full "${small[@]}"
rm first second err
[[ -z $(ls -A) ]] || fail "it wrote files"

# Killed, stopped, and gone on with: the numbers and weights of fits that were left alone. 9015 steps end within an epoch.
fits=(--points 100 --centres 10 --steps 9015 --grid 11)
"$program" "${fits[@]}" --run whole | sed '/^runs/d' >expected
(timeout -s KILL 0.5 "$program" "${fits[@]}" --resume parts >/dev/null 2>&1 || true) 2>/dev/null
for kind in multiquadric wendland; do
  rm -rf "parts/$kind-10"
  status=0
  "$program" --resume parts >stopped &
  for _ in {1..500}; do # in the middle of this fit
    [[ ! -e parts/$kind-10/last.safetensors ]] || break
    sleep 0.01
  done
  kill -TERM $!
  wait $! || status=$?
  ((status == 130)) || fail "status $status instead of 130 after a stop"
  has stopped '^to go on: ./run radial-surface --resume parts$'
done
steps_of() { grep '"event":"step"' "$1/metrics.jsonl"; } # with the times that they took
steps_of parts/thin_plate-10 >steps
CAIRN_NUM_THREADS=3 "$program" --resume parts >resumed
has resumed '^runs: parts$'
cmp <(steps_of parts/thin_plate-10) steps || fail "a fit that was finished is made again"
cmp <(sed '/^runs/d' resumed) expected || fail "other numbers than without a stop"
for fit in whole/*/; do
  cmp "$fit/last.safetensors" "parts/$(basename "$fit")/last.safetensors" || fail "other weights than without a stop"
done
refused "those that may be other ones: none; got '--steps=10'" --resume parts --steps 10
refused "there is a run already" --run parts

refused "--centres must be .* got '200'" --points 150 --centres 200
refused "--points must be .* got '3'" --points 3
refused "takes no arguments but options" surface
