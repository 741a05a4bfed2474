#!/usr/bin/env bash
# One compiler call with what pkg-config says, as a Makefile would do it. Arguments: installation prefix, scratch folder.
set -euo pipefail
here=$(dirname "$0")
pc=$(find "$1" -name cairn.pc)
PKG_CONFIG_PATH=$(dirname "$pc")
export PKG_CONFIG_PATH
# Unquoted on purpose: flags are words.
# shellcheck disable=SC2046,SC2086
"${CXX:-c++}" ${CXXFLAGS:-} "$here/main.cpp" -o "$2/pkg_config" $(pkg-config --cflags --libs cairn)
"$2/pkg_config"
