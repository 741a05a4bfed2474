#!/usr/bin/env bash
# A program compiled without the library's instruction set must not link, and the linker must say why: it names a symbol
# of cairn with the instruction set in it. Arguments: installation prefix, scratch folder.
set -euo pipefail
here=$(dirname "$0")
pc=$(find "$1" -name cairn.pc)
PKG_CONFIG_PATH=$(dirname "$pc")
export PKG_CONFIG_PATH
cxx=${CXX:-c++}
read -ra common <<<"${CXXFLAGS:-}"
read -ra flags <<<"$(pkg-config --cflags cairn)"
read -ra libs <<<"$(pkg-config --libs cairn)"
plain=()
for flag in "${flags[@]}"; do
  [[ $flag == -march=* ]] || plain+=("$flag")
done

isa() { # the name of the instruction set these flags select
  printf '#include <cairn/base/isa.h>\nCAIRN_ISA\n' | "$cxx" "${common[@]}" "$@" -x c++ -E -P - | tail -n 1
}
library=$(isa "${flags[@]}")
program=$(isa "${plain[@]}")
if [[ $library == "$program" ]]; then
  echo "nothing to mismatch: library and program are both built for $library"
  exit 0
fi

"$cxx" "${common[@]}" "${plain[@]}" -c "$here/main.cpp" -o "$2/isa_mismatch.o"
if message=$("$cxx" "${common[@]}" "$2/isa_mismatch.o" -o "$2/isa_mismatch" "${libs[@]}" 2>&1); then
  echo "a program built for $program linked with a library built for $library"
  exit 1
fi
if [[ $message != *cairn::"$program"::library_is_built_for_another_isa* ]]; then
  echo "the link failed, as it should, but does not name the instruction set:"
  echo "$message"
  exit 1
fi
grep -m 1 library_is_built_for_another_isa <<<"$message"
