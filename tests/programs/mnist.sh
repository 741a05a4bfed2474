#!/usr/bin/env bash
# What the mnist program prints and returns, on a few built-in digits. Arguments: the program, scratch folder.
set -euo pipefail
mnist=$1 folder=$2
rm -rf "$folder"
mkdir -p "$folder"
cd "$folder"
unset CAIRN_DATA
few=(--glyphs=400 --hidden 32 --epochs 30)

fail() {
  printf 'mnist.sh: %s\n' "$*" >&2
  exit 1
}
has() { # has(file, pattern): a line of the file matches
  grep -qE -- "$2" "$1" || { cat "$1" >&2; fail "no line is like '$2'"; }
}
refused() { # refused(pattern, option…): one line on stderr, nothing on stdout, status 2
  local pattern=$1 status=0
  shift
  "$mnist" "$@" >out 2>err || status=$?
  ((status == 2)) || fail "status $status instead of 2 for: $*"
  [[ ! -s out ]] || fail "prints something before it refuses: $*"
  [[ $(wc -l <err) == 1 ]] || { cat err >&2; fail "more than one line for: $*"; }
  has err "^mnist: .*$pattern"
}

# A training: what is shown, and that the weights are the same on another number of threads.
"$mnist" "${few[@]}" --threads 1 --save model.safetensors >first
has first '^data: built-in glyphs.*: 400 images to train on, 100 to test on$'
has first '^  \(1\): Linear\(.*784.*32.*\) +25,120$'
has first '^epoch 30/30  loss [0-9.]+  accuracy [0-9. ]+ %  [0-9]+ samples/s  [0-9.]+ s$'
has first '^says [0-9] \([0-9.]+ %\) '
has first ', it is [0-9]$'
has first '[▀▄█]{3}'
has first '^  [0-9] taken for [0-9]: [0-9]+ times?$'
has first '^trained for [0-9.]+ s$'
has first '^saved as model.safetensors$'
[[ $(tail -n 1 first) =~ ^test\ accuracy:\ ([0-9]+)\.[0-9]{2}\ %$ ]] || fail "the last line is: $(tail -n 1 first)"
((BASH_REMATCH[1] >= 60)) || fail "it has learned next to nothing: $(tail -n 1 first)"
grep -q $'\x1b' first && fail "there are control sequences in a file"
"$mnist" "${few[@]}" --threads 3 >second
cmp <(tail -n 2 first) <(tail -n 2 second) || fail "other bits on another number of threads"

# The saved model says the same of the same digits: pictures, mistakes, checksum and accuracy.
"$mnist" --glyphs=400 --load model.safetensors >loaded
grep -q '^epoch' loaded && fail "--load trains"
cmp <(sed -n '/^says/,$p' first | grep -v '^saved') <(sed -n '/^says/,$p' loaded) || fail "a saved model says something else"

# Other options, a validation after each epoch, and a linear classifier.
"$mnist" "${few[@]}" --optimizer sgd --schedule cosine --activation 'elu(0.5)' --dropout 0.2 --validation 100 \
  --batch-size 64 --lr 0.1 --weight-decay 0.001 --seed 2 >third
has third '^data: .*: 300 images to train on'
has third '^training: sgd, learning rate 0.1 \(cosine\), batches of 64, seed 2'
has third '^epoch 30/30  loss .*  validation [0-9.]+  [0-9.]+ %'
"$mnist" --glyphs=400 --epochs 1 --hidden '' >fourth
has fourth '^7,850 parameters$'

# Mistakes.
refused "--epochs must be a whole number from 1 to 10000; got 'many'" --epochs many
refused "--epochs must be .* got '0'" --epochs 0
refused "--threads must be .* got '1.5'" --threads 1.5
refused "--dropout must be a number from 0 to 0.99; got '2'" --dropout 2
refused "--lr must be .* got 'nan'" --lr nan
refused "--hidden must be .* got ''" --hidden 32,,16
refused "unknown name 'adamm'; did you mean 'adam'" --optimizer adamm
refused "unknown name 'cosin'; did you mean 'cosine'" --schedule cosin
refused "unknown name 'rely'; did you mean 'relu'" --activation rely
refused 'epoch.* does not exist' --epoch 3
refused 'missing an argument' --epochs
refused "every option begins with --; got 'digits'" digits
refused "--data and --glyphs exclude each other" --data . --glyphs
refused "no training images are left; got validation 400, images 400" --glyphs=400 --validation 400
refused 'no such folder.*nowhere' --data nowhere
refused 'nowhere/model' --glyphs=400 --save nowhere/model
refused 'no such file.*nothing' --load nothing
refused "takes no option of training; got option 'lr'" --load model.safetensors --lr 0.1
head -c 1000 model.safetensors >damaged
refused "damaged'$" --load damaged
[[ ! -e nowhere ]] || fail "a refusal leaves something behind"

# What goes wrong in the middle: status 1, and no model is written.
status=0
"$mnist" "${few[@]}" --optimizer sgd --lr 1000000 --schedule constant --save broken >out 2>err || status=$?
((status == 1)) || fail "status $status instead of 1 when training fails"
has err '^mnist: fit: the loss is not finite.*epoch [0-9]+, batch [0-9]+$'
[[ ! -e broken ]] || fail "a model is written although training failed"

"$mnist" --help >help
for option in data glyphs validation hidden activation dropout epochs batch-size optimizer lr weight-decay schedule seed \
  threads save load; do
  has help "^ +--$option "
done
