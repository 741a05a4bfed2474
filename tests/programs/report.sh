#!/usr/bin/env bash
# What the report program writes and serves, and to whom. Arguments: the program, scratch folder.
set -euo pipefail
program=$1 folder=$2
source "$(dirname "$0")/functions.sh"
rm -rf "$folder"
mkdir -p "$folder/runs/relu" "$folder/runs/gelu"
cd "$folder"
step() { printf '{"event":"step","step":%d,"loss":%s}\n' "$1" "$2"; }
for run in relu gelu; do
  printf '{"name":"%s"}' $run >runs/$run/run.json
  { step 1 2.5; step 2 1.5; } >runs/$run/metrics.jsonl
done
echo secret >secret

# A page of one run, of two, and elsewhere.
"$program" runs/relu >out
has out '^runs/relu/report.html$'
has runs/relu/report.html '"loss":\{"step":\[1,2\],"value":\[2\.5,1\.5\]\}'
"$program" runs/relu/ runs/gelu >out
has out '^runs/report.html$'
has runs/report.html '"name":"relu".*"name":"gelu"'
"$program" runs/relu --output page.html >out
cmp page.html runs/relu/report.html
mkdir both
echo '{}' >both/run.json
cp -r runs/relu runs/gelu both
"$program" both/ >out
has out '^both/report.html$'
has both/report.html '"name":"gelu".*"name":"relu"'
(cd runs/relu && "$program" . >out && has out '^\./report.html$')
(cd runs && "$program" relu gelu >../out && has ../out '^report.html$')

refused 'the folder of a run is missing'
refused "must end in .html, so that no other file is lost; got 'runs/relu/last.safetensors'" runs/relu --output runs/relu/last.safetensors
ln -s /dev/full link.html
refused "this is no plain file; got 'link.html'" runs/relu --output link.html
disk_full runs/relu --output page.html
cmp page.html runs/relu/report.html
mkdir runs/full
ln -s /dev/full runs/full/metrics.jsonl
refused 'full/metrics.jsonl' runs/full
refused "this is no folder of a run; got 'runs/tanh'" runs/tanh
refused 'neither a run.json nor a metrics.jsonl' runs
refused "port must be .* got '70000'" --live --port 70000 runs/relu
refused 'output has no meaning' --live --output x.html runs/relu
refused 'port belongs to --live' --port 80 runs/relu

# ---- served ----------------------------------------------------------------------------------------------------------

rm -f out err
"$program" --live --port 0 runs/relu >out 2>err &
server=$!
trap 'kill $server 2>/dev/null || true' EXIT
for _ in {1..100}; do
  [[ ! -s out && ! -s err ]] || break
  sleep 0.1
done
if grep -q 'needs cpp-httplib' err; then
  echo 'built without cpp-httplib, so --live is not tested'
  exit 0
fi
has out '^http://127\.0\.0\.1:[0-9]+/ '
port=$(sed -E 's|.*:([0-9]+)/ .*|\1|' out)
base=http://127.0.0.1:$port

ask() { # ask(status, curl's arguments…): the answer goes to `body`, its headers to `headers`
  local status
  status=$(curl -sS --noproxy '*' --path-as-is -o body -D headers -w '%{http_code}' "${@:2}") || fail "no answer: ${*:2}"
  [[ $status == "$1" ]] || { cat body >&2; fail "status $status instead of $1: ${*:2}"; }
}

ask 200 "$base/"
has headers 'Content-Type: text/html; charset=utf-8'
has headers 'Cross-Origin-Resource-Policy: same-origin'
has headers 'X-Frame-Options: DENY'
has body "connect-src 'self'"
ask 200 "$base/data"
has headers 'Content-Type: application/json'
has body '"value":\[2\.5,1\.5\]'
tag=$(tr -d '\r' <headers | sed -n 's/^ETag: //p')
ask 304 -H "If-None-Match: $tag" "$base/data"
step 3 0.5 >>runs/relu/metrics.jsonl
ask 200 -H "If-None-Match: $tag" "$base/data"
has body '"value":\[2\.5,1\.5,0\.5\]'

# Nothing but the page and its data, however it is asked for.
ln -s ../../secret runs/relu/link
for path in /secret /../secret /../../secret /%2e%2e/secret /..%2fsecret /%2e%2e%2f%2e%2e%2fsecret /link /run.json /metrics.jsonl \
  /data/../../secret /data/ //data /data%00 /report.html "/$PWD/secret" '/\..\secret'; do
  ask 404 "$base$path"
  has_not body 'secret|loss'
done
ask 404 -X POST -d x=1 "$base/data"
ask 404 -X PUT -d x=1 "$base/run.json"
has runs/relu/run.json '^\{"name":"relu"\}$'

# Not by a name of another site that leads here, nor without a name.
for host in evil.example "evil.example:$port" 127.0.0.1 "127.0.0.1:$((port - 1))" "127.0.0.1:$port.evil.example" "localhost.evil.example:$port" ''; do
  ask 403 -H "Host:${host:+ $host}" "$base/data"
  has_not body 'loss'
done
exec 3<>"/dev/tcp/127.0.0.1/$port" # curl sends one name only
printf 'GET /data HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nHost: evil.example\r\nConnection: close\r\n\r\n' "$port" >&3
cat <&3 >body
exec 3>&-
has body '^HTTP/1\.1 403 '
ask 200 -H "Host: localhost:$port" "$base/data"
# To this computer alone: on its other addresses nobody listens.
for address in $(hostname -I 2>/dev/null || true); do
  [[ $address != *:* ]] || address="[$address]"
  ! curl -s --noproxy '*' -m 2 -o body "http://$address:$port/" || fail "it listens on $address"
done

# A run that turns into something else is told of and not shown; it is served again when it is whole.
cp runs/relu/metrics.jsonl whole
rm runs/relu/metrics.jsonl
ln -s ../../secret runs/relu/metrics.jsonl
ask 500 "$base/data"
has body 'a link out of the folder of its run'
has_not body 'secret'
rm runs/relu/metrics.jsonl
cp whole runs/relu/metrics.jsonl
ask 200 "$base/data"

"$program" --live --port "$port" runs/relu >out2 2>err2 && fail 'two servers share a port'
has err2 "^report: this port cannot be listened on; --port names another; got port $port$"

kill -INT $server
wait $server || fail "it ends with status $?"
trap - EXIT
