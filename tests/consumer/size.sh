#!/usr/bin/env bash
# What a program costs that has one source file: the first of the README, which trains. It shall compile within 8 seconds
# of the processor's time, and be no larger than 3 MB without symbols. Arguments: installation prefix, scratch folder.
set -euo pipefail
pc=$(find "$1" -name cairn.pc)
PKG_CONFIG_PATH=$(dirname "$pc")
export PKG_CONFIG_PATH
out=$2/size
mkdir -p "$out"
awk '/^```cpp/ {on = 1; next} /^```/ && on {exit} on' "$(dirname "$0")/../../README.md" >"$out/program.cpp"
TIMEFORMAT='%U'
# shellcheck disable=SC2046,SC2086
seconds=$({ time "${CXX:-c++}" -O2 ${CXXFLAGS:-} "$out/program.cpp" -o "$out/program" $(pkg-config --cflags --libs cairn) 1>&2; } 2>&1 | tail -n 1)
strip "$out/program" -o "$out/stripped"
bytes=$(wc -c <"$out/stripped")
echo "compiled in $seconds s, $bytes bytes stripped"
"$out/stripped" >/dev/null
awk -v s="$seconds" -v b="$bytes" 'BEGIN {exit !(s <= 8 && b <= 3e6)}' || { echo "more than 8 s or 3 MB" >&2; exit 1; }
