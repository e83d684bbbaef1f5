#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The tenon command as a person or a script uses it: what it prints, writes and refuses, and with which exit code.
# Usage: tests/tool_test.sh BUILD
set -u
tenon=$1/bin/tenon
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
. "$(dirname "$0")/expect.sh"
subject=("$tenon")
"$tenon" --version >/dev/null || exit 1

# ---- usage errors say what is possible

expect 2 'train, eval, predict, export, run, program, bench, conform, backends, doctor, ops or data' fly
expect 2 '--model simplenet or --model convnet' train
expect 2 'simplenet or convnet, not "resnet"' train --model resnet
expect 2 'from 1 to .*"0"' train --model simplenet --batch-size 0
expect 2 'from 1 to .*"-1"' train --model simplenet --epochs -1
expect 2 'from 1 to .*"2x"' train --model simplenet --epochs 2x
expect 2 'from 1 to .*"0"' train --model simplenet --threads 0
expect 2 'adam, adamw or sgd, not "lion"' train --model simplenet --optimizer lion
expect 2 'above 0' train --model simplenet --lr 0
expect 2 'above 0' train --model simplenet --lr nan
expect 2 'not below 0' train --model simplenet --weight-decay -1
expect 2 '--momentum belongs to --optimizer sgd' train --model simplenet --momentum 0.9
for schedule in step step:0:0.1 step:30 step:30:0 step:30:0.1x step:30:inf linear; do
    expect 2 'none, cosine or step:EPOCHS:FACTOR' train --model simplenet --schedule $schedule
done
expect 2 'mnist or fashion-mnist, not "cifar"' train --model simplenet --dataset cifar
expect 2 'unrecognized option' train --model simplenet --fly
expect 2 'name the weights' eval --model simplenet
expect 2 'name the images' predict --model simplenet --load "$work/none"
expect 2 'what to fetch' data
expect 2 'mnist or fashion-mnist, not "cifar"' data fetch cifar

# ---- failures are one sentence

expect 1 'cannot save to the folder' train --model simplenet --save "$work/none/x"
expect 1 'Candidates' train --model simplenet --backend nonesuch
expect 1 "$work/mnist; run .tenon data fetch mnist --dir" train --model simplenet --data "$work"
expect 1 'there is no operator "fly"' ops fly
holds 'a full disk behind stdout is a failure' bash -c "! '$tenon' ops >/dev/full 2>&1"

# ---- lists

expect 0 'reference' backends
expect 0 '"name":"reference","path":"","version"' backends --json
expect 0 '^relu +yes' ops
expect 0 'conv2d/1\(x:T\[N,I,H,W\]' ops conv2d
expect 0 '^\{"name":"relu","schema":"relu/1' ops relu --json
expect 0 '^tenon [0-9.]+ \(backend ABI 1\.' --version
for command in train eval predict export run program bench backends doctor conform ops data; do expect 0 'Usage: tenon' $command --help; done

# ---- images

printf '\x89PNG\r\n\x1a\nand no more' >"$work/short.png"
head -c 783 /dev/zero >"$work/short.raw"
touch "$work/weights"
expect 1 'damaged PNG|no libpng' predict --model simplenet --load "$work/weights" "$work/short.png"
expect 1 'neither a PNG image nor a file of 784 bytes' predict --model simplenet --load "$work/weights" "$work/short.raw"
expect 1 'cannot read' predict --model simplenet --load "$work/weights" "$work"

[ $failures = 0 ] || exit 1

# ---- training, on real digits

data=${TENON_DATA_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/tenon}
[ -e "$data/mnist/train-images-idx3-ubyte" ] || { echo "MNIST is not in $data: tenon data fetch mnist" && exit 77; }
export TENON_BACKEND=reference TENON_NUM_THREADS=2

expect 0 "^mnist is in $data/mnist" data fetch mnist
expect 0 'epoch 2/2 .*test accuracy 9[0-9]\.' train --model simplenet --epochs 2 --batch-size 256 --json "$work/whole.json"

# A step is a program unless --eager is given: both learn the same.
expect 0 'epoch 2/2' train --model simplenet --epochs 2 --batch-size 256 --eager --json "$work/eager.json"
without_times() { sed 's/"seconds".*//' "$1"; }
holds 'a program trains to the numbers of eager operators' diff <(without_times "$work/whole.json") <(without_times "$work/eager.json")

# The same in two halves: stopped by Ctrl-C somewhere, and resumed.
half=(train --model simplenet --epochs 2 --batch-size 256 --save "$work/half.safetensors" --json "$work/half.json")
"$tenon" "${half[@]}" >"$work/out" 2>"$work/err" &
until [ -s "$work/out" ] || ! kill -0 $! 2>/dev/null; do sleep 0.02; done
sleep 0.1
kill -INT $!
wait $!
holds 'Ctrl-C ends with exit code 1' [ $? = 1 ]
holds 'Ctrl-C tells how to go on' grep -q "go on with --resume $work/half.safetensors" "$work/err"
expect 0 'going on in epoch [12] after [0-9]+ of 235 steps' "${half[@]}" --resume "$work/half.safetensors"

score() { tail -n 1 "$1" | grep -oE '"(loss|accuracy)":[0-9.e-]+'; }
holds 'a resumed run ends with the very loss and accuracy of an undisturbed one' \
    [ "$(score "$work/whole.json")" = "$(score "$work/half.json")" ]
for field in model epoch loss accuracy seconds images_per_second backend device peak_memory_bytes; do
    holds "--json has $field" grep -q "\"$field\":" "$work/whole.json"
done
holds '--json has a line for each epoch' [ "$(wc -l <"$work/whole.json")" = 2 ]
expect 0 'nothing to do for --epochs 2' "${half[@]}" --resume "$work/half.safetensors"
expect 0 "$(score "$work/whole.json" | paste -sd,)" eval --model simplenet --load "$work/half.safetensors" --json
expect 1 'does not fit the ConvNet' eval --model convnet --load "$work/half.safetensors"

expect 1 'became (NaN|infinite) in epoch 1' train --model simplenet --epochs 1 --optimizer sgd --lr 1000 --weight-decay 100
expect 1 'cannot write the JSON line' train --model simplenet --epochs 1 --batch-size 1000 --json /dev/full
holds 'with --json - stdout has JSON alone' \
    bash -c "'$tenon' train --model simplenet --epochs 1 --batch-size 1000 --json - 2>/dev/null | grep -qv '^{' ; [ \$? = 1 ]"

# An upright stroke is a one, light on dark or the other way round.
base64 -d >"$work/one.png" <<END
iVBORw0KGgoAAAANSUhEUgAAABwAAAAcCAAAAABXZoBIAAAAFElEQVR42mNgGNTg//9RyVHJQQIA5Vwj3b3rFTsAAAAASUVORK5CYII=
END
for i in {0..27}; do
    if [ "$i" -ge 5 ] && [ "$i" -le 22 ]; then stroke='\xff\xff'; else stroke='\0\0'; fi
    printf '%.0s\0' {1..13} && printf "$stroke" && printf '%.0s\0' {1..13}
done >"$work/one.raw"
tr '\000\377' '\377\000' <"$work/one.raw" >"$work/inverted.raw"
predict=(predict --model simplenet --load "$work/half.safetensors")
expect 0 '^1 .*one.raw$' "${predict[@]}" "$work/one.raw"
expect 0 '^1 .*one.png$|no libpng' "${predict[@]}" "$work/one.png"
expect 0 '^1 .*inverted.raw$' "${predict[@]}" --invert "$work/inverted.raw"

[ $failures = 0 ] && echo "the tenon command does what it says"
