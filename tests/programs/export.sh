#!/usr/bin/env bash
# A saved model as an ONNX file. Arguments: the program, scratch folder, the mnist program, the bert program if there is one.
set -euo pipefail
program=$1 folder=$2 mnist=$3 bert=${4:-}
source "$(dirname "$0")/functions.sh"
rm -rf "$folder"
mkdir -p "$folder"
cd "$folder"

"$mnist" --glyphs=1000 --hidden 16 --epochs 1 --curves '' --save digits.safetensors >/dev/null
"$program" --model digits.safetensors --out digits.onnx >first
has first '^digits.onnx: opset 17, input \(n, 1, 28, 28\), 12,730 parameters, [0-9,]+ bytes$'
for text in classes mean deviation 1.weight; do
  grep -qa "$text" digits.onnx || fail "the file does not name $text"
done
"$program" --model digits.safetensors --out fixed.onnx --batch 3 --opset 13 --input 784 >second
has second '^fixed.onnx: opset 13, input \(3, 784\), 12,730 parameters'

refused '--model FILE is missing'
refused '--out FILE.onnx is missing' --model digits.safetensors
refused 'does not take what comes to it' --model digits.safetensors --out x.onnx --input 783
refused '--opset must be a whole number from 13 to 17' --model digits.safetensors --out x.onnx --opset 12
refused '.--model and --out are one file' --model digits.safetensors --out ./digits.safetensors
refused 'none.safetensors' --model none.safetensors --out x.onnx
refused "this is no plain file; got '/dev/full'" --model digits.safetensors --out /dev/full
ln -s /dev/full link.onnx
refused "this is no plain file; got 'link.onnx'" --model digits.safetensors --out link.onnx
[[ -L link.onnx && -c /dev/full ]] || fail "it replaces a link to a device"
disk_full --model digits.safetensors --out again.onnx
cmp digits.onnx again.onnx || fail "the file is lost"
refused 'none/x.onnx' --model digits.safetensors --out none/x.onnx
[[ ! -e x.onnx ]] || fail "it leaves a file behind"

if [[ $bert ]]; then
  "$bert" --grammar=300 --vocabulary-size 150 --length 16 --epochs 1 --run '' --save words.safetensors </dev/null >/dev/null
  "$program" --model words.safetensors --out words.onnx >third
  has third '^words.onnx: opset 17, input \(n, length\), [0-9,]+ parameters, [0-9,]+ bytes$'
  for text in input_ids attention_mask token_type_ids logits vocabulary farmer bert.encoder.layer.1.output.dense.weight; do
    grep -qa "$text" words.onnx || fail "the file does not name $text"
  done
  refused 'leave out --input and --batch' --model words.safetensors --out x.onnx --input 16
fi
