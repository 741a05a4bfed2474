#!/usr/bin/env bash
# What the classify program says of two small pictures. Arguments: the program, scratch folder, the mnist program.
set -euo pipefail
program=$1 folder=$2 mnist=$3
source "$(dirname "$0")/functions.sh"
rm -rf "$folder"
mkdir -p "$folder"
cd "$folder"

# A white bar on black, 28 × 28 grey; and a dark one on white in colour, 56 × 84.
base64 -d >one.png <<<'iVBORw0KGgoAAAANSUhEUgAAABwAAAAcCAAAAABXZoBIAAAAFUlEQVR42mNgGMzgPxCMSo5KDg4AAMebR7kvR6P/AAAAAElFTkSuQmCC'
base64 -d >dark.png <<<'iVBORw0KGgoAAAANSUhEUgAAADgAAABUCAIAAABY0mNoAAAAXUlEQVR42u3aQQ0AMAwDsfCHvE9KoP9pk6UDYACX0z5RQEFBQUFBQUFBr0CTPVBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQ3xMoKCgoKCgo6IfQAf31M15rdtf2AAAAAElFTkSuQmCC'
"$mnist" --glyphs=1000 --hidden 64 --epochs 8 --curves '' --save digits.safetensors >/dev/null

"$program" --model digits.safetensors one.png >first
has first '^one.png: 28 × 28 pixels; the model sees 28 × 28 in grey$'
has first '^ +████$'
has first '^  1 +[0-9.]+ %$'
[[ $(grep -cE '^  [0-9] +[0-9.]+ %$' first) == 5 ]] || fail "it does not name five classes"
[[ $(grep -E -m 1 '^  [0-9] ' first) == '  1 '* ]] || { cat first >&2; fail "a bar is no one"; }
has_not first 'Careful'

"$program" --model digits.safetensors --top 2 one.png dark.png >second
has second '^dark.png: 56 × 84 pixels; the model sees 28 × 28 in grey$'
has second '^Careful: the ground is light'
[[ $(grep -cE '^  [0-9] +[0-9.]+ %$' second) == 4 ]] || fail "it does not name two classes for each"
"$program" --model=digits.safetensors --invert dark.png >third
has third 'in grey, inverted$'
has_not third 'Careful'
[[ $(grep -E -m 1 '^  [0-9] ' third) == '  1 '* ]] || { cat third >&2; fail "an inverted bar is no one"; }

refused '--model FILE is missing' one.png
refused 'no picture is given' --model digits.safetensors
refused 'no such file.*nothing' --model nothing one.png
refused 'nothing.png' --model digits.safetensors nothing.png
refused 'digits.safetensors' --model digits.safetensors digits.safetensors
refused "--top must be a whole number from 1 to 1000; got '0'" --model digits.safetensors --top 0 one.png
