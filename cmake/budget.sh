#!/usr/bin/env bash
# Prints the lines of every floor against the budget; fails when a file is too long to be read at one sitting.
set -euo pipefail
cd "$(dirname "$0")/.."
file_limit=450 kernel_limit=1500 core_limit=8000
core=(base math tensor kernels graph ops autograd activation nn optim data io train)

sources() { find "$@" \( -name '*.h' -o -name '*.cpp' \) 2>/dev/null || true; }

total=0
printf '  %-12s %7s %7s\n' floor lines 'no blank'
for floor in "${core[@]}" models; do
  mapfile -t files < <(sources "include/cairn/$floor" "src/$floor")
  ((${#files[@]})) || continue
  lines=$(cat "${files[@]}" | wc -l)
  printf '  %-12s %7d %7d\n' "$floor" "$lines" "$(cat "${files[@]}" | grep -c '[^[:space:]]')"
  [[ $floor == models ]] || total=$((total + lines))
  [[ $floor != kernels ]] || ((lines <= kernel_limit)) || echo "  kernels pass their budget of $kernel_limit lines"
done
over=''
((total <= core_limit)) || over=': over the budget'
echo "  base to train: $total of $core_limit lines$over"

long=$(sources include src tests examples bench | xargs -d '\n' wc -l | awk -v limit=$file_limit '$2 != "total" && $1 > limit')
if [[ -n $long ]]; then
  printf '  files of more than %d lines:\n%s\n' $file_limit "$long"
  exit 1
fi
