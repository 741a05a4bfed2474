# shellcheck shell=bash
# What the scripts here share; they set `program` to the path of the one that they test.
program_name=$(basename "$program")

fail() {
  printf '%s.sh: %s\n' "$program_name" "$*" >&2
  exit 1
}
has() { # has(file, pattern): a line of the file matches
  grep -qE -- "$2" "$1" || { cat "$1" >&2; fail "no line is like '$2'"; }
}
has_not() { # has_not(file, pattern)
  ! grep -qE -- "$2" "$1" || { cat "$1" >&2; fail "a line is like '$2'"; }
}
refused() { # refused(pattern, option…): one line on stderr, nothing on stdout, status 2
  local pattern=$1 status=0
  shift
  "$program" "$@" >out 2>err || status=$?
  ((status == 2)) || fail "status $status instead of 2 for: $*"
  [[ ! -s out ]] || fail "prints something before it refuses: $*"
  [[ $(wc -l <err) == 1 ]] || { cat err >&2; fail "more than one line for: $*"; }
  has err "^$program_name: .*$pattern"
}
disk_full() { # disk_full(option…): what it prints has no room, which it says in one line on stderr, with a status of failure
  if [[ ! -w /dev/full ]]; then return; fi
  ! "$program" "$@" >/dev/full 2>err || fail "ends with success though nothing of what it prints arrived: $*"
  [[ $(wc -l <err) == 1 ]] || { cat err >&2; fail "more than one line for: $*"; }
  has err "^$program_name: what is printed cannot be written"
}
is_picture() { # is_picture(file.svg, lines): an SVG with so many lines in its panels
  has "$1" '^<svg xmlns="http://www.w3.org/2000/svg" '
  has "$1" '^</svg>$'
  local lines
  lines=$(grep -cE '^<path class="line[^"]*" stroke="#[0-9a-f]*" d="M[^"]*"/>$' "$1" || true)
  ((lines == $2)) || fail "$1 has $lines lines instead of $2"
}
accuracy_of() { # accuracy_of(file): the whole percents of its last line
  [[ $(tail -n 1 "$1") =~ ^test\ accuracy:\ ([0-9]+)\.[0-9]{2}\ %$ ]] || fail "the last line is: $(tail -n 1 "$1")"
  printf '%s' "${BASH_REMATCH[1]}"
}

# Pictures that differ in where their light bytes lie: class k has 1/10 of its `bytes` set, at k/10 of them.
picture_bytes() { # picture_bytes(class, bytes)
  local tenth=$(($2 / 10))
  head -c $(($1 * tenth)) /dev/zero
  head -c "$tenth" /dev/zero | tr '\0' '\377'
  head -c $(($2 - ($1 + 1) * tenth)) /dev/zero
}
byte() { printf "\\x$(printf %02x "$1")"; }
