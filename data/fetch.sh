# What the fetch scripts share: they set title, script, folder, mirrors and files (name, SHA-256), and source this.
# shellcheck shell=bash disable=SC2154
fail() { printf '%s: %s\n' "$script" "$*" >&2; exit 1; }

if command -v sha256sum >/dev/null; then checksum=(sha256sum)
elif command -v shasum >/dev/null; then checksum=(shasum -a 256)
else fail "neither sha256sum nor shasum is here to check the files with"; fi

good() { # good(file, sum)
  [[ -f $1 && $("${checksum[@]}" <"$1") == "$2 "* ]]
}

by_hand() {
  printf '%s: to put the files there by hand, copy these into %s:\n' "$script" "$folder" >&2
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
      printf '%s: %s is not the file we know (its SHA-256 differs)\n' "$script" "$url" >&2
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
  command -v curl >/dev/null || { printf '%s: curl is not installed\n' "$script" >&2; by_hand; }
  fetch "$name" "$sum" || { printf '%s: no mirror gave %s; tried:\n' "$script" "$name" >&2; printf '  %s\n' "${mirrors[@]}" >&2; by_hand; }
done
printf '› %s is in %s\n' "$title" "$folder"
