#!/usr/bin/env bash
# shellcheck disable=SC2034 # what is set here is used by fetch.sh
# Fetches Tiny Shakespeare, checks it and leaves what is already there alone.
# Usage: fetch_tiny_shakespeare.sh [FOLDER]; the default is tiny-shakespeare/ beside this script.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
title='Tiny Shakespeare' script=fetch_tiny_shakespeare
folder=${1:-$here/tiny-shakespeare}
mirrors=(https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare)
files=(input.txt 86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed) # name, SHA-256

# shellcheck source=data/fetch.sh
source "$here/fetch.sh"
