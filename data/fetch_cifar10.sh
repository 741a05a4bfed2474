#!/usr/bin/env bash
# Fetches CIFAR-10's binary version (170 MB), checks it, unpacks its six files and leaves what is already there alone.
# Usage: fetch_cifar10.sh [FOLDER]; the default is cifar-10/ beside this script.
set -euo pipefail
folder=${1:-$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/cifar-10}
url=https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz
md5=c32a1d4ab5d03f1284b67883e8d87530 # as its page states it
files=(data_batch_{1,2,3,4,5}.bin test_batch.bin)
size=30730000 # bytes of each

fail() { printf 'fetch_cifar10: %s\n' "$*" >&2; exit 1; }

complete() {
  local file
  for file in "${files[@]}"; do
    [[ -f $folder/$file && $(wc -c <"$folder/$file") -eq $size ]] || return 1
  done
}

if command -v md5sum >/dev/null; then checksum=(md5sum)
elif command -v md5 >/dev/null; then checksum=(md5 -q)
else fail "neither md5sum nor md5 is here to check the archive with"; fi

mkdir -p "$folder" || fail "cannot make the folder $folder"
[[ -w $folder ]] || fail "cannot write to $folder"
part=$folder/part.$$
trap 'rm -rf "$part"; rmdir "$folder" 2>/dev/null || true' EXIT # rmdir: only when nothing came
if ! complete; then
  by_hand="to do it by hand, unpack $url (MD5 $md5) and copy its .bin files into $folder"
  command -v curl >/dev/null || fail "curl is not installed; $by_hand"
  printf '› %s\n' "$url"
  mkdir "$part"
  # No --location: a mirror that sends us elsewhere, as a hotel's login page does, is no mirror.
  curl --fail --silent --show-error --proto =https --connect-timeout 5 --max-time 1800 \
    --speed-limit 1000 --speed-time 30 --output "$part/archive" "$url" || fail "the download failed; $by_hand"
  [[ $("${checksum[@]}" <"$part/archive") == "$md5"* ]] || fail "$url is not the file we know (its MD5 differs)"
  tar -xzf "$part/archive" -C "$part"
  for file in "${files[@]}"; do mv -f "$part"/cifar-10-batches-bin/"$file" "$folder/$file"; done
  complete || fail "the archive did not hold what it should"
fi
printf '› CIFAR-10 is in %s\n' "$folder"
