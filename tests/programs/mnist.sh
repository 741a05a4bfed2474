#!/usr/bin/env bash
# What the mnist program prints and returns, on a few built-in digits. Arguments: the program, scratch folder.
set -euo pipefail
program=$1 folder=$2
source "$(dirname "$0")/functions.sh"
rm -rf "$folder"
mkdir -p "$folder"
cd "$folder"
unset CAIRN_DATA
few=(--glyphs=400 --hidden 32 --epochs 30)

# A training: what is shown, and that the weights are the same on another number of threads.
"$program" "${few[@]}" --threads 1 --save model.safetensors >first
has first '^data: built-in glyphs.*: 400 images to train on, 100 to test on$'
has first '^model: mlp$'
has first '^1 +Linear +\(1, 32\) +25,120 +25,088$'
has first '^epoch 30/30  loss [0-9.]+  accuracy [0-9. ]+ %  [0-9]+ samples/s  [0-9.]+ s  [0-9]+ MiB$'
has first '^says [0-9] \([0-9.]+ %\) '
has first ', it is [0-9]$'
has first '[▀▄█]{3}'
has first '^  [0-9] taken for [0-9]: [0-9]+ times?$'
has first '^trained for [0-9.]+ s$'
has first '^saved as model.safetensors$'
has first '^curves: runs/mnist-mlp.svg$'
is_picture runs/mnist-mlp.svg 2
has first '^  0 +[0-9.]+ %   1 +[0-9.]+ %   2 +[0-9.]+ %   3'
(($(accuracy_of first) >= 60)) || fail "it has learned next to nothing: $(tail -n 1 first)"
has_not first $'\x1b'
"$program" "${few[@]}" --threads 3 >second
cmp <(tail -n 2 first) <(tail -n 2 second) || fail "other bits on another number of threads"

# The saved model says the same of the same digits: pictures, mistakes, checksum and accuracy.
"$program" --glyphs=400 --load model.safetensors >loaded
has_not loaded '^(epoch|curves)'
cmp <(sed -n '/^says/,$p' first) <(sed -n '/^says/,$p' loaded) || fail "a saved model says something else"

# Other options, a validation after each epoch, and a linear classifier.
"$program" "${few[@]}" --optimizer sgd --schedule cosine --activation 'elu(0.5)' --dropout 0.2 --validation 100 \
  --batch-size 64 --lr 0.1 --weight-decay 0.001 --seed 2 >third
has third '^data: .*: 300 images to train on'
has third '^training: sgd, learning rate 0.1 \(cosine\), batches of 64, seed 2'
has third '^epoch 30/30  loss .*  validation [0-9.]+  [0-9.]+ %'
"$program" --glyphs=400 --epochs 1 --hidden '' >fourth
has fourth '^total +\(1, 10\) +7,850 +7,840$'

# Convolutional networks, with what models have in common; what is trained in turn is compared.
"$program" --glyphs=200 --model lenet5 --epochs 3 --augment crop --erasing 0.1 --mixup 0.2 --label-smoothing 0.1 \
  --optimizer adamw --curves lenet.svg --save lenet.safetensors >fifth
has fifth '^training: adamw, .*, label smoothing 0.1$'
has fifth '^augmentation: crop, crops by up to 2 pixels, erasing 0.1, mixup 0.2$'
is_picture lenet.svg 1 # mixed labels have no accuracy
"$program" --glyphs=200 --model lenet5 --load lenet.safetensors >sixth 2>&1 && fail "--load takes --model"
"$program" --glyphs=200 --load lenet.safetensors >sixth
cmp <(tail -n 2 fifth) <(tail -n 2 sixth) || fail "a saved LeNet says something else"
for threads in 1 3; do
  "$program" --glyphs=200 --model lenet5 --norm batch --augment strong --epochs 1 --threads $threads >on$threads
done
cmp <(tail -n 2 on1) <(tail -n 2 on3) || fail "a LeNet has other bits on another number of threads"
"$program" --glyphs=100 --model resnet20 --norm 'group(4)' --activation 'silu, elu(0.5)' --epochs 1 --validation 20 \
  --augment none >seventh
has seventh '^model: resnet20, activation silu, norm group\(4\)$'
has seventh '^activation elu\(0.5\)$'
has seventh '^elu\(0.5\) +[0-9.]+ +[0-9.]+ % +[0-9.]+ % +[0-9.]+ s$'
has_not seventh '^says'
is_picture runs/mnist-resnet20.svg 8
"$program" --glyphs=100 --model cnn --epochs 1 --curves '' >eighth
has_not eighth '^curves'
[[ ! -e runs/mnist-cnn.svg ]] || fail "--curves '' writes a picture"

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
refused "unknown name 'rely'" --activation relu,rely
refused "unknown name 'lenet6'; did you mean 'lenet5'" --model lenet6
refused "unknown name 'batsh'; did you mean 'batch'" --model resnet20 --norm batsh
refused "unknown name 'crops'; did you mean 'crop'" --augment crops
refused "--mixup must be .* got '-1'" --mixup -1
refused "this is an option of --model mlp; got option 'hidden', model 'lenet5'" --model lenet5 --hidden 32
refused "--model mlp has no normalisation" --norm batch
refused "this model takes images of one size only" --model alexnet64
refused "--save is for one model" --activation relu,gelu --save two.safetensors
refused 'nowhere/curves.svg' --glyphs=400 --curves nowhere/curves.svg
refused 'epoch.* does not exist' --epoch 3
refused 'missing an argument' --epochs
refused "every option begins with --; got 'digits'" digits
refused "--data and --glyphs exclude each other" --data . --glyphs
refused "no training images are left; got validation 400, images 400" --glyphs=400 --validation 400
refused 'no such folder.*nowhere' --data nowhere
refused 'nowhere/model' --glyphs=400 --save nowhere/model
refused "this is no plain file; got '/dev/full'" --glyphs=400 --save /dev/full
refused "this is no plain file; got '/dev/full'" --glyphs=400 --curves /dev/full
refused 'no such file.*nothing' --load nothing
refused "takes no option of training; got option 'lr'" --load model.safetensors --lr 0.1
head -c 1000 model.safetensors >damaged
refused "damaged'$" --load damaged
[[ ! -e nowhere ]] || fail "a refusal leaves something behind"

# What goes wrong in the middle: status 1, and no model is written.
status=0
"$program" "${few[@]}" --optimizer sgd --lr 1000000 --schedule constant --save broken >out 2>err || status=$?
((status == 1)) || fail "status $status instead of 1 when training fails"
has err '^mnist: fit: the loss is not finite.*epoch [0-9]+, batch [0-9]+$'
[[ ! -e broken ]] || fail "a model is written although training failed"

"$program" --help >help
for option in data glyphs validation model activation norm hidden dropout epochs batch-size optimizer lr weight-decay \
  schedule label-smoothing augment erasing mixup seed threads curves save load; do
  has help "^ +--$option "
done
