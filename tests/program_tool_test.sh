#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# tenon export, run and program: a trained model becomes a file, which classifies the same in fresh processes and on all
# backends. Usage: tests/program_tool_test.sh BUILD
set -u
tenon=$(realpath "$1")/bin/tenon
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
. "$(dirname "$0")/expect.sh"
subject=("$tenon")
cd "$work" || exit 1
"$tenon" --version >/dev/null || exit 1

# ---- usage errors say what is possible

expect 2 'simplenet or --model convnet' export
expect 2 'name the weights: --load FILE' export --model simplenet a.tnp
expect 2 'name the file to write: FILE.tnp' export --model simplenet --load x
expect 2 'one file at a time: "b.tnp"' export --model simplenet --load x a.tnp b.tnp
expect 2 'from 1 to .*"0"' export --model simplenet --load x --batch-size 0 a.tnp
expect 2 'name the program: FILE.tnp' run
expect 2 'unrecognized option' run --model convnet a.tnp
expect 2 '--predictions is for the test images' run --predictions x a.tnp one.png
expect 2 '--json is for the test images' run --json a.tnp one.png
expect 2 '--invert is for images by name' run --invert a.tnp
expect 2 'say what to do: dump' program
expect 2 'the action is dump, not "draw"' program draw
expect 2 'either a program, FILE.tnp, or a model' program dump
expect 2 'either a program, FILE.tnp, or a model' program dump --model simplenet a.tnp
expect 2 '--train and --infer belong to --model' program dump --train a.tnp
expect 2 'either --train or --infer' program dump --train --infer --model simplenet
expect 1 'there is no pass "dance"' program dump --model simplenet --passes dance
expect 1 'Candidates' run --backend nonesuch a.tnp

# ---- files that are no programs

expect 1 'none.tnp: it cannot be opened' run none.tnp
echo 'no program at all' >text.tnp
expect 1 'text.tnp: its header' run text.tnp
expect 1 'text.tnp: its header' program dump text.tnp

# ---- what a model consists of

expect 0 'as replayed' program dump --model convnet
expect 0 'in0    f32\[64,1,28,28\]' program dump --model convnet --before
expect 0 'in0    f32\[3,1,28,28\]' program dump --model convnet --batch-size 3 --infer
expect 0 'adam_step' program dump --model simplenet --train --batch-size 3
expect 0 'as recorded' program dump --model simplenet --before --passes none

[ $failures = 0 ] || exit 1

# ---- trained on real digits

data=${TENON_DATA_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/tenon}
[ -e "$data/mnist/train-images-idx3-ubyte" ] || { echo "MNIST is not in $data: tenon data fetch mnist" && exit 77; }
backends=$("$tenon" backends --json | sed -n '/"refused":null/s/.*"name":"\([a-z]*\)","path".*/\1/p')

for model in simplenet convnet; do
    expect 0 'test accuracy 9[0-9]\.' train --model $model --epochs 1 --batch-size 256 --save $model.safetensors
    expect 1 'holds no program' run $model.safetensors
    accuracy=$("$tenon" eval --model $model --load $model.safetensors | grep -oE 'accuracy [0-9.]+')
    for from in $backends; do
        expect 0 "^$model is in $model.tnp: [0-9]+ operators" export --backend "$from" --model $model \
            --load $model.safetensors $model.tnp
        for on in $backends; do
            expect 0 "^$model.tnp on $on:0: test $accuracy % of 10,000 images, .* images/s; [0-9]+ operators" \
                run --backend "$on" --predictions "$model.$from.$on" $model.tnp
        done
    done
    first=
    for file in $model.*.*; do
        case $file in *.tnp | *.safetensors) continue ;; esac
        first=${first:-$file}
        holds "$file has a class for each of the 10,000 images" [ "$(grep -c '^[0-9]$' "$file")" = 10000 ]
        differing=$(cmp -l "$first" "$file" | wc -l)
        holds "$first and $file are the same ($differing images differ)" [ "$differing" = 0 ]
    done
done

# ---- other uses

expect 0 '; [0-9]+ operators \([0-9]+ recorded\), 2 recordings' run --batch-size 3000 convnet.tnp
expect 0 '"program":"convnet.tnp","accuracy":0\.9.*"operators":[0-9]+.*"recordings":1' run --json convnet.tnp
expect 0 'in0    f32\[64,1,28,28\]' program dump convnet.tnp
expect 0 'in0    f32\[1,1,28,28\]' program dump --batch-size 1 --before --passes none convnet.tnp
expect 1 'cannot write none/classes' run --predictions none/classes convnet.tnp
expect 1 'cannot write /dev/full' run --predictions /dev/full convnet.tnp
expect 1 'cannot create none/a.tnp' export --model simplenet --load simplenet.safetensors none/a.tnp
expect 1 'does not fit the ConvNet' export --model convnet --load simplenet.safetensors a.tnp
holds 'a failed export leaves nothing behind' [ ! -e a.tnp ]
holds 'no temporary file is left' [ -z "$(find . -name '*.tmp' -o -name '*.part')" ]
size=$(stat -c %s convnet.tnp)
head -c $((size - 1)) convnet.tnp >cut.tnp
expect 1 'cut.tnp: .*truncated' run cut.tnp
sed 's/linear\/1/linear\/9/' convnet.tnp >newer.tnp
expect 1 'newer.tnp: step [0-9]+ \(linear\): the file was saved for linear/9\(.*but this Tenon has linear/1' run newer.tnp

# An upright stroke is a one, light on dark or the other way round.
for i in {0..27}; do
    if [ "$i" -ge 5 ] && [ "$i" -le 22 ]; then stroke='\xff\xff'; else stroke='\0\0'; fi
    printf '%.0s\0' {1..13} && printf "$stroke" && printf '%.0s\0' {1..13}
done >one.raw
tr '\000\377' '\377\000' <one.raw >inverted.raw
expect 0 '^1 .*one.raw$' run convnet.tnp one.raw
expect 0 '^1 .*one.raw$' run convnet.tnp one.raw one.raw
expect 0 '^1 .*inverted.raw$' run --invert convnet.tnp inverted.raw
expect 1 'neither a PNG image nor a file of 784 bytes' run convnet.tnp one.raw convnet.tnp
holds 'run says of an image what predict says' [ "$("$tenon" run convnet.tnp one.raw)" = \
    "$("$tenon" predict --model convnet --load convnet.safetensors one.raw)" ]

[ $failures = 0 ] && echo "programs run as the models that they were made of"
