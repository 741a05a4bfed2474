#!/usr/bin/env bash
# Fetches the four MNIST files, checks them and leaves what is already there alone.
# Usage: fetch_mnist.sh [FOLDER]; the default is mnist/ beside this script.
set -euo pipefail
folder=${1:-$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/mnist}
mirrors=(
  https://ossci-datasets.s3.amazonaws.com/mnist
  https://storage.googleapis.com/cvdf-datasets/mnist
)
files=( # name, SHA-256
  train-images-idx3-ubyte.gz 440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609
  train-labels-idx1-ubyte.gz 3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c
  t10k-images-idx3-ubyte.gz 8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6
  t10k-labels-idx1-ubyte.gz f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6
)

fail() { printf 'fetch_mnist: %s\n' "$*" >&2; exit 1; }

if command -v sha256sum >/dev/null; then checksum=(sha256sum)
elif command -v shasum >/dev/null; then checksum=(shasum -a 256)
else fail "neither sha256sum nor shasum is here to check the files with"; fi

good() { # good(file, sum)
  [[ -f $1 && $("${checksum[@]}" <"$1") == "$2 "* ]]
}

by_hand() {
  printf 'fetch_mnist: to put the files there by hand, copy these into %s:\n' "$folder" >&2
  printf '  %s  (SHA-256 %s)\n' "${files[@]}" >&2
  exit 1
}

fetch() { # fetch(name, sum): from the first mirror that has it whole
  local name=$1 sum=$2 mirror url status
  part=$folder/$name.part.$$
  for mirror in "${mirrors[@]}"; do
    url=$mirror/$name
    printf '› %s\n' "$url"
    status=0
    # No --location: a mirror that sends us elsewhere, as a hotel's login page does, is no mirror.
    curl --fail --silent --show-error --proto =https --connect-timeout 5 --max-time 300 \
      --speed-limit 1000 --speed-time 30 --output "$part" "$url" || status=$?
    if ((status == 0)); then
      if good "$part" "$sum"; then
        mv -f "$part" "$folder/$name"
        return 0
      fi
      printf 'fetch_mnist: %s is not the file we know (its SHA-256 differs)\n' "$url" >&2
    fi
    rm -f "$part"
  done
  return 1
}

mkdir -p "$folder" || fail "cannot make the folder $folder"
[[ -w $folder ]] || fail "cannot write to $folder"
part=''
trap '[[ -z $part ]] || rm -f "$part"; rmdir "$folder" 2>/dev/null || true' EXIT # rmdir: only when nothing came
for ((i = 0; i < ${#files[@]}; i += 2)); do
  name=${files[i]} sum=${files[i + 1]}
  good "$folder/$name" "$sum" && continue
  command -v curl >/dev/null || { printf 'fetch_mnist: curl is not installed\n' >&2; by_hand; }
  fetch "$name" "$sum" || { printf 'fetch_mnist: no mirror gave %s; tried:\n' "$name" >&2; printf '  %s\n' "${mirrors[@]}" >&2; by_hand; }
done
printf '› MNIST is in %s\n' "$folder"
