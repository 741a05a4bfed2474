#!/usr/bin/env bash
# The bert program on sentences of the grammar. Arguments: the program, scratch folder.
set -euo pipefail
program=$1 folder=$2
source "$(dirname "$0")/functions.sh"
rm -rf "$folder"
mkdir -p "$folder"
cd "$folder"
unset CAIRN_DATA
few=(--grammar=2000 --vocabulary-size 150 --length 24 --epochs 6)

# It learns far more than how often each word occurs, and answers.
"$program" "${few[@]}" --threads 1 --save words.safetensors --ask 'the farmer [MASK] himself .' >first
has first '^text: 2000 sentences of a grammar: [0-9]+ tokens to train on, [0-9]+ held out$'
has first '^without a model, from how often each token occurs: accuracy [0-9.]+ %, perplexity [0-9.]+$'
has first '^epoch 6/6  loss [0-9.]+  accuracy [0-9. ]+ %  validation'
has first '^run: runs/bert, with report.html$'
has first '^the farmer ?[a-z.]* himself \.$'
has first '^  [^ ]+ [0-9.]+ %, [^ ]+ [0-9.]+ %'
[[ $(grep -oE '^without a model.*accuracy [0-9]+' first) =~ ([0-9]+)$ ]] && baseline=${BASH_REMATCH[1]}
[[ $(grep -oE '^held out: accuracy [0-9]+' first) =~ ([0-9]+)$ ]] && learned=${BASH_REMATCH[1]}
((learned > 2 * baseline)) || fail "accuracy $learned %, without a model $baseline %"

# The same bits on other threads; a saved model gives the same answer.
for threads in 2 3 8; do
  "$program" "${few[@]}" --threads $threads --run '' </dev/null >second
  cmp <(grep '^checksum' first) <(grep '^checksum' second) || fail "other bits on $threads threads"
done
"$program" --load words.safetensors --ask 'the farmer [MASK] himself .' >third
cmp <(sed -n '/^the farmer/,$p' first) <(sed -n '/^the farmer/,$p' third) || fail "a saved model answers otherwise"
"$program" --resume runs/bert </dev/null >fourth
cmp <(grep '^checksum' first) <(grep '^checksum' fourth) || fail "a finished run has other weights"

"$program" --load words.safetensors --ask 'a farmer , who [MASK] .' --ask '[MASK] farmer sings .' >asked
[[ $(grep -c '%, ' asked) == 2 ]] || fail "two questions, one with a comma, are not two answers"

# Lines from a pipe are answered as questions are.
printf 'a farmer , who [MASK] .\r\n\n[MASK] farmer sings .' | "$program" --load words.safetensors >piped
cmp <(tr -d '\r' <piped) asked || fail "a pipe is answered otherwise"
status=0
printf 'nothing\n[MASK] farmer sings .\n' | "$program" --load words.safetensors >piped 2>err || status=$?
((status == 1)) || fail "status $status instead of 1 after a line without [MASK]"
has err '^bert: line 1: .*write \[MASK\] where a word is missing'
[[ $(grep -c '%, ' piped) == 1 ]] || fail "the lines behind are not answered"
"$program" --load words.safetensors </dev/null >piped
[[ ! -s piped ]] || fail "it answers what nobody asked"

# Characters, and several activations side by side.
"$program" --grammar=300 --tokenizer char --length 16 --epochs 1 --activation relu,gelu --seeds 2 >fifth
has fifth '^tokenizer: char, [0-9]+ tokens$'
has fifth '^gelu, seed 2: held out: accuracy '
has fifth '^relu +[0-9.]+ ± [0-9.]+ % +[0-9.]+ ± [0-9.]+ +[0-9]+ s$'

refused "unknown name 'bert_teny'; did you mean 'bert_tiny'" --model bert_teny
refused "a fold of several numbers" --activation swiglu
refused "unknown name 'gleu'; did you mean 'gelu'" --activation gleu
refused "unknown name 'wordpeace'" --tokenizer wordpeace
refused '--length must be .* got .2.' --length 2
refused 'nowhere' --text nowhere
refused 'nowhere/model' --grammar=100 --save nowhere/model
refused '.--save and --text are one file' --text words.safetensors --save ./words.safetensors
refused 'leave out --vocabulary-size' --tokenizer char --vocabulary-size 100
refused "takes no option of training" --load words.safetensors --epochs 3
refused 'leave one out; got grammar .20000., text .words.' --text words --grammar
refused 'leave one out; got data .here., grammar .100.' --data here --grammar=100
refused 'leave one out; got vocabulary-size .90., vocabulary .v.txt.' --vocabulary v.txt --vocabulary-size 90
refused 'no file of .bert --save' --load runs/bert/last.safetensors
refused '--save and --ask are for one model' --activation relu,gelu --save x
refused 'write .MASK. where a word is missing' --grammar=100 --ask 'nothing is missing'
head -c 3000 words.safetensors >damaged
refused 'damaged' --load damaged

# What the file says of itself is not believed: sizes, the tokenizer, the words, the weights.
spoiled() { # spoiled(sed command): the file with another header of the same length
  LC_ALL=C sed -b "$1" words.safetensors >spoiled
  [[ $(wc -c <spoiled) == $(wc -c <words.safetensors) ]] || fail "sed changed the length"
  ! cmp -s spoiled words.safetensors || fail "sed changed nothing: $1"
}
spoiled '1s/intermediate_size\\":512/intermediate_size\\":9e9/'
refused 'intermediate_size must be a whole number.*spoiled' --load spoiled
spoiled '1s/intermediate_size\\":512,\\"max_position_embeddings\\":128/intermediate_size\\":99999,\\"max_position_embeddings\\":1/'
refused 'larger than the limit.*spoiled' --load spoiled
spoiled '1s/num_hidden_layers\\":2/num_hidden_layers\\":9/'
refused 'spoiled' --load spoiled
spoiled '1s/wordpiece/wordpeace/'
refused "unknown name 'wordpeace'; did you mean 'wordpiece'" --load spoiled
spoiled '1s/\[UNK\]/[UNX]/'
refused "\[UNK\].*spoiled" --load spoiled
cp words.safetensors spoiled
printf 'x' | dd of=spoiled bs=1 seek=$(($(wc -c <spoiled) - 1)) conv=notrunc status=none
refused 'the weights are damaged.*spoiled' --load spoiled
status=0
"$program" --load words.safetensors --ask 'nothing is missing' >out 2>err || status=$?
((status == 1)) || fail "status $status instead of 1 without [MASK]"
has err 'write \[MASK\] where a word is missing'
"$program" --help >help
has help '^ +--activation NAME '
