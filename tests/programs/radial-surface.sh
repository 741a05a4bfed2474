#!/usr/bin/env bash
# What radial-surface prints. Arguments: the program, scratch folder.
set -euo pipefail
program=$1 folder=$2
source "$(dirname "$0")/functions.sh"
rm -rf "$folder"
mkdir -p "$folder"
cd "$folder"

"$program" --points 150 --centres 20,40 --steps 20 --grid 21 >first
number='[0-9]\.[0-9]{2}e[-+][0-9]{2}'
has first '^ +points +20 +40 +150$'
has first '^ +centres +20 +trained +40 +trained$'
for kind in gaussian multiquadric inverse_multiquadric inverse_quadratic 'polyharmonic\(3\)' 'polyharmonic\(5\)' thin_plate wendland; do
  has first "^ +$kind +$number +$number +[0-9]\.[0-9]{2}e-0[2-9]$" # 150 points: errors below 0.1
  has first "^ +$kind +$number +$number +$number +$number$"
done
has_not first 'nan|inf$'
CAIRN_NUM_THREADS=3 "$program" --points 150 --centres 20,40 --steps 20 --grid 21 >second
cmp -s first second || fail "another number of threads gives other numbers"
rm first second
[[ -z $(ls -A) ]] || fail "it wrote files"

refused "--centres must be .* got '200'" --points 150 --centres 200
refused "--points must be .* got '3'" --points 3
refused "takes no arguments but options" surface
