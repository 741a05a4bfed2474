#!/usr/bin/env bash
# What the activations program shows. Arguments: the program, scratch folder.
set -euo pipefail
program=$1 folder=$2
source "$(dirname "$0")/functions.sh"
rm -rf "$folder"
mkdir -p "$folder"
cd "$folder"

"$program" >all
has all '^gelu +ridge +x \* normal_cdf\(x\) +Hendrycks & Gimpel 2016'
has all '^softmax\(dim=-1\) +fold '
has all '^prelu\(weight=0\.25\) +learnable '
(($(wc -l <all) > 50)) || fail "it lists fewer than 45 activations"
"$program" --family radial >radial
has_not radial ' ridge '

"$program" gelu 'max(x, a * x); a = 0.1' --plot both.svg >two
has two '^  gain +1\.53'
has two '^  learns +a = 0\.1$'
has two '^  kinks +0$'
has two '^picture: both\.svg$'
has both.svg '^</svg>$'

refused "unknown name 'gleu'; did you mean 'gelu'" gleu
refused "unknown name 'rigde'; did you mean 'ridge'" --family rigde
refused "this is no plain file; got '/dev/full'" gelu --plot /dev/full
disk_full
disk_full gelu
disk_full --check relu
refused "from must be below" gelu --from 1 --to 0
status=0
"$program" 'x * tanhh(x)' >out 2>err || status=$?
((status == 2)) && [[ $(tail -n 1 err) == '      ^' ]] || fail "a wrong formula is not pointed at"

"$program" --check gelu 'x * sigmoid(x)' >checked || true
has checked '^gelu: 9 checks, all passed$'
has checked '^  infinity            FAILED '
has checked '^  cost                '
has checked '^1 of 2 activations passed$'
"$program" --check relu >/dev/null || fail "relu is found faulty"
! "$program" --check 'x * sigmoid(x)' >/dev/null || fail "a failed check ends with success"
refused "a fold is no function of one number" --check softmax
