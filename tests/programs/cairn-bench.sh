#!/usr/bin/env bash
# What cairn-bench prints, not how fast anything is. Arguments: the program, scratch folder.
set -euo pipefail
program=$1 folder=$2
source "$(dirname "$0")/functions.sh"
rm -rf "$folder"
mkdir -p "$folder"
cd "$folder"

quick=(--only op_no_grad --seconds 0.001 --threads 1)
"$program" "${quick[@]}" >lines
has lines '^\{"peer":"cairn","workload":"op_no_grad","threads":1,"metric":"[a-z_]+","value":[0-9.e+]+,"unit":"us"\}$'
has lines '"metric":"peak_memory","value":[0-9.]+,"unit":"MiB"\}$'
"$program" "${quick[@]}" --profile >profile
has profile '^op_no_grad, 10 calls$'
for way in --json --profile --help; do disk_full "${quick[@]}" $way; done

refused "unknown name 'op_no_grat'; did you mean 'op_no_grad'" --only op_no_grat
refused '--seconds and --rounds must be positive' --seconds 0
