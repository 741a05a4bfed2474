#!/usr/bin/env bash
# Compiles and runs every program printed in the README. Arguments: installation prefix, scratch folder.
set -euo pipefail
readme=$(dirname "$0")/../../README.md
pc=$(find "$1" -name cairn.pc)
PKG_CONFIG_PATH=$(dirname "$pc")
export PKG_CONFIG_PATH
out=$2/readme
rm -rf "$out"
mkdir -p "$out"
# Each block that begins with an include is a program of its own.
awk -v out="$out" '/^```cpp/ {on = 1; file = out "/" ++n ".cpp"; next} /^```/ {on = 0} on {print > file}' "$readme"
count=0
for source in "$out"/*.cpp; do
  libraries=() components=()
  if grep -q cairn/data/train_wordpiece.h "$source"; then
    [[ -f ${pc%/*}/../libcairn-text.a ]] || continue # built without ICU
    components=(-lcairn-text) libraries=(-licuuc)
  fi
  if grep -q gtest/gtest.h "$source"; then libraries=(-lgtest -lgtest_main -pthread); fi
  # shellcheck disable=SC2046,SC2086
  "${CXX:-c++}" -O1 ${CXXFLAGS:-} "$source" -o "${source%.cpp}" "${components[@]}" $(pkg-config --cflags --libs cairn) "${libraries[@]}"
  "${source%.cpp}"
  count=$((count + 1))
done
((count >= 4)) || { echo "found only $count programs in $readme" >&2; exit 1; }
