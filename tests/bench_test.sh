#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# tenon bench as a person or a script uses it: what it measures, writes and refuses, and with which exit code.
# Usage: tests/bench_test.sh BUILD
set -u
tenon=$1/bin/tenon
here=$TENON_TEST_DIR
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
. "$(dirname "$0")/expect.sh"
subject=("$tenon" bench)
export TENON_NUM_THREADS=2
"$tenon" --version >/dev/null || exit 1

# refuses TEXT CONTENT: a file of results with that content is refused with that sentence.
refuses() {
    printf '%s' "$2" >"$work/bad.json"
    expect 1 "$1" merge "$work/bad.json"
}

# suite TEXT CONTENT: a suite with that content is a usage error with that sentence.
suite() {
    printf '%s' "$2" >"$work/suite.json"
    expect 2 "$1" --suite "$work/suite.json"
}

# ---- options and suites

expect 0 'tenon bench ops' --help
for command in ops merge compare; do expect 0 "Usage: tenon bench $command " $command --help; done
expect 2 'train, infer or op, not "fly"' --tasks fly
expect 2 'simplenet or convnet, not "resnet"' --models resnet
expect 2 'f32, f64, .*not "f8"' --dtypes f8
for sizes in 0 x 1, 1-4*1 8-4 1-4+0 60001 1,2x; do expect 2 'such as 1,16,64 or 1-1024\*4' --batch-sizes "$sizes"; done
expect 2 'more than 64 numbers' --batch-sizes 1-65
expect 2 'a list .*such as a,b' --backends a,,b
expect 2 'no operator "fly"' ops --ops fly
for sample in relu 'fly x[2]'; do expect 2 'an operator and its inputs' ops --sample "$sample"; done
expect 2 'NAME=PROGRAM' --peers pytorch
expect 2 'from 1 to' --rounds 0
expect 2 'above 0' --round-seconds 0
expect 2 'at most 1, not "97"' --target 97
expect 1 'cannot write /nonesuch/x.json: No such file' --json /nonesuch/x.json
expect 1 'run .tenon data fetch mnist' --data "$work"
suite 'a suite has no "batchsizes"; it may have tasks, models, .*batch-sizes' '{"batchsizes": [1]}'
suite 'line 1' '{"rounds": '
suite 'duplicate' '{"rounds": 3, "rounds": 4}'
suite 'a suite is a JSON object' '[]'
suite '"models" must be a text, a number, or a list' '{"models": {"a": 1}}'
suite 'from 1 to' '{"rounds": -1}'
suite 'must be the path of a program' '{"peers": {"x": 3}}'
expect 2 'No such file' --suite "$work/none.json"

# ---- results of others

run='{"label": "m", "started": "2026-01-01T00:00:00Z", "partial": false, "machine": {}, "software": {}, "settings": {}, "limits": []'
row='{"task": "train", "model": "simplenet", "backend": "x", "dtype": "f32", "batch_size": 64, "error": null'
document() { printf '{"schema": "tenon.bench/1", "runs": [%s, "rows": [%s%s}]}]}' "$run" "$row" "$1"; }

expect 2 'name the results' merge
expect 1 'none.json: No such file' merge "$work/none.json"
refuses 'line 1' '{"schema'
refuses 'no result of tenon bench' '[]'
refuses 'no result of tenon bench: it does not say' '{"runs": []}'
refuses 'its schema is tenon.bench/2, but this tenon reads tenon.bench/1: use a newer tenon' '{"schema": "tenon.bench/2", "runs": []}'
refuses 'nothing was measured in it' '{"schema": "tenon.bench/1", "runs": []}'
refuses 'nothing was measured in it' "{\"schema\": \"tenon.bench/1\", \"runs\": [$run, \"rows\": []}]}"
refuses 'runs\[0\].rows\[0\].step_times is in "ms", but this version reads "s"' "$(document ', "step_times": {"unit": "ms", "rounds": [[1]]}')"
refuses 'rows\[0\].memory is in "KiB", but this version reads "B"' "$(document ', "memory": {"unit": "KiB", "host_peak": 1}')"
refuses 'rows\[0\].memory has no unit' "$(document ', "memory": {"host_peak": 1}')"
refuses 'rows\[0\].rounds\[0\] has no duration above 0' "$(document ', "rounds": [{"steps": 1, "images": 1, "seconds": 0}]')"
refuses 'rows\[0\].rounds is a string; it should be an array' "$(document ', "rounds": "many"')"
refuses 'rows\[0\].memory.host_peak is a string; it should be a number' "$(document ', "memory": {"unit": "B", "host_peak": "1"}')"
refuses 'the task "sing"' "$(document '' | sed 's/"train"/"sing"/')"
refuses 'does not say what it measured' "$(document '' | sed 's/"simplenet"/null/')"

document ', "rounds": [{"steps": 1, "images": 64, "seconds": 0.5}], "step_times": {"unit": "s", "rounds": [[0.5]]}' >"$work/one.json"
expect 0 'simplenet +x +f32 +64 +128' merge "$work/one.json"
expect 1 'was given already' merge "$work/one.json" "$work/one.json"
expect 1 'cannot write /dev/full' merge "$work/one.json" --csv /dev/full
echo old >"$work/kept.csv"
expect 1 'cannot write /nonesuch/x' merge "$work/one.json" --csv /nonesuch/x
refused=$(trap '' XFSZ && ulimit -f 0 && "$tenon" bench merge "$work/one.json" --csv "$work/kept.csv" 2>&1 >/dev/null)
holds "a full disk is told: $refused" grep -q 'cannot write .*kept.csv: File too large' <<<"$refused"
holds 'a failure leaves an older file alone' [ "$(cat "$work/kept.csv")" = old ]
holds 'and nothing beside it' [ ! -e "$work/kept.csv.part" ]
expect 0 '' merge "$work/one.json" --csv "$work/kept.csv" --quiet
holds 'CSV has the math' grep -q ',"f32","f32",64,' "$work/kept.csv"
holds 'a CSV line for each row' [ "$(wc -l <"$work/kept.csv")" = 2 ]
holds 'CSV has the rate' grep -q ',128,128,128,0.5,' "$work/kept.csv"
expect 0 '^\| simplenet \| x \| f32 \| 64 \| 128 \|' merge "$work/one.json" --markdown -

# What computes otherwise is other work.
sed 's/"dtype"/"math": "tf32", &/' "$work/one.json" >"$work/tf32.json"
expect 0 'simplenet +m.* +x +tf32 +64 +128' merge "$work/one.json" "$work/tf32.json"
expect 1 'no row in common' compare "$work/one.json" "$work/tf32.json"
expect 0 'train simplenet tf32 64 +x +noise' compare "$work/tf32.json" "$work/tf32.json"

# ---- comparing: rates in images/s, a round each
rounds() { for rate; do printf '%s{"steps": 1, "images": %s, "seconds": 1}' "$comma" "$rate"; comma=', '; done; }
rates() { comma='' && document ", \"rounds\": [$(rounds "$@")]"; }
rates 1000 1010 990 1005 995 1002 998 >"$work/old.json"
rates 1001 1011 991 1004 996 1003 997 >"$work/same.json"
rates 1200 1210 1190 1205 1195 1202 1198 >"$work/fast.json"
rates 800 810 790 805 795 802 798 >"$work/slow.json"
rates 2000 2000 >"$work/few.json"
expect 0 'noise +1\.00' compare "$work/old.json" "$work/same.json"
expect 0 'faster +1\.2' compare "$work/old.json" "$work/fast.json"
expect 3 'slower +0\.8.*REGRESSION' compare "$work/old.json" "$work/slow.json"
expect 0 'slower +0\.8.*\]$' compare --tolerance 0.3 "$work/old.json" "$work/slow.json"
expect 0 'noise .*too few rounds' compare "$work/old.json" "$work/few.json"
# Both backends of the new run are a fifth slower: the machine is, and not the code.
pair() { comma='' && document ", \"rounds\": [$(rounds "$@")]}, $row, \"variant\": \"c\", \"rounds\": [$(comma='' && rounds "$@")]"; }
pair 1000 1010 990 1005 995 1002 998 >"$work/machine-old.json"
pair 800 810 790 805 795 802 798 >"$work/machine-new.json"
expect 3 '2 regressions' compare "$work/machine-old.json" "$work/machine-new.json"
expect 0 'noise +1\.0' compare --control 'x c' "$work/machine-old.json" "$work/machine-new.json"
expect 0 'no control: nobody was not measured' compare --control nobody "$work/old.json" "$work/slow.json"
sed 's/"error": null/"error": "broken"/' "$work/old.json" >"$work/lost.json"
expect 3 'LOST' compare "$work/old.json" "$work/lost.json"
sed 's/simplenet/convnet/' "$work/old.json" >"$work/other.json"
expect 1 'no row in common' compare "$work/old.json" "$work/other.json"
expect 2 'name two results' compare "$work/old.json"

# ---- workers that misbehave cost their own row alone

peer() {
    printf '#!/bin/sh\n%s\n' "$2" >"$work/$1"
    chmod +x "$work/$1"
}
data=${TENON_DATA_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/tenon}
[ -e "$data/mnist/train-images-idx3-ubyte" ] || { echo "MNIST is not in $data: tenon data fetch mnist" && exit 77; }

ready='{"backend": "fake", "device": "cpu", "kind": "CPU", "library": "none", "steps_per_epoch": 3, "setup": {"open": 0.1}}'
peer dies 'kill -SEGV $$'
peer exits 'echo "no such luck" >&2; exit 7'
peer babbles 'echo hello; cat >/dev/null'
peer refuses 'echo "{\"error\": \"it has a headache\"}"'
peer slow 'exec sleep 100'
peer faint "echo '$ready'; read line; exit 3"
short=(--tasks train --models simplenet --rounds 2 --round-seconds 0.01 --epochs 0)
output=$("$tenon" bench "${short[@]}" --backends dies,exits,babbles,refuses,faint,gone,nonesuch,reference \
    --peers "dies=$work/dies" --peers "exits=$work/exits" --peers "babbles=$work/babbles" --peers "refuses=$work/refuses" \
    --peers "faint=$work/faint" --peers "gone=$work/gone" --json "$work/bad.json" 2>&1)
holds 'the others run' [ $? = 0 ]
for line in 'dies .*ended by signal 11 \(Segmentation fault\)' 'exits .*exit code 7; it said: no such luck' \
    'babbles .*something else than a line of JSON' 'refuses .*it has a headache' 'faint +f32 +64 .*exit code 3' \
    'gone .*cannot start .*/gone: No such file' 'nonesuch .*no backend or peer of this name; there are: .*reference' \
    'reference +f32 +64 +[0-9]'; do
    grep -qE "$line" <<<"$output" || fail "\"$line\" is not in:"$'\n'"$output"
done
expect 1 'no figure' "${short[@]}" --backends nonesuch
SECONDS=0
expect 0 'slow +f32 +64 +no figure: not ready within 3 s' "${short[@]}" --backends slow,reference --peers "slow=$work/slow" --set-up-seconds 3
expect 1 'nothing was measured: --max-seconds 2 were over' "${short[@]}" --backends slow --peers "slow=$work/slow" --max-seconds 2
holds 'and nobody waits for it to end' [ $SECONDS -lt 15 ]

# A peer that answers as it should is measured like any backend.
cat >"$work/steady" <<END
#!/bin/sh
echo '$ready'
while read -r line; do
    case \$line in
    *memory*) echo '{"host_peak": 1000000, "device_peak": null}' ;;
    *steps*) echo . >>"$work/asked"; echo '{"seconds": 0.01, "steps": 10, "images": 640, "loss": 0.5, "times": [0.001, 0.001]}' ;;
    *evaluate*) echo '{"loss": 0.4, "accuracy": 0.975}' ;;
    *) echo '{}' ;;
    esac
done
END
chmod +x "$work/steady"
expect 0 'steady +f32 +64 +64,000' "${short[@]}" --backends steady,reference --peers "steady=$work/steady" --epochs 2 --target 0.97 \
    --json "$work/peer.json" --csv "$work/peer.csv"
holds 'time to a target' grep -qE '"time_to_target": 0.0' "$work/peer.json"

# Those that share a device share its limits.
peak='{"name": "gpu:0", "flops": {"unit": "FLOP/s", "f32": [1e9], "f64": []}, "bandwidth": {"unit": "B/s", "sets": []}}'
peer gpu "echo '{\"device\": \"gpu:0\", \"kind\": \"GPU\"}'
while read -r line; do
    case \$line in
    *limits*) echo . >>$work/limits; echo '{\"limits\": $peak}' ;;
    *) echo '{\"seconds\": 0.01, \"steps\": 10, \"images\": 640, \"times\": [0.001, 0.001]}' ;;
    esac
done"
expect 0 'limits of gpu:0: 1.00 GFLOP/s in f32$' "${short[@]}" --backends gpu,gpu:own --peers "gpu=$work/gpu"
holds 'which are measured once' [ "$(wc -l <"$work/limits")" = 1 ]

# A row that does not compute as it is asked to has no figure; one run tells of several ways to compute.
sed 's/"loss": 0.5/&, "math": "\x27$TENON_MATH\x27"/' "$work/steady" >"$work/rounding"
chmod +x "$work/rounding"
expect 0 'rounding +tf32 +64 +64,000' "${short[@]}" --backends rounding,reference --peers "rounding=$work/rounding" --math f32,tf32
expect 0 'reference +tf32 +64 +no figure: asked for tf32, it computes in f32' "${short[@]}" --backends rounding,reference \
    --peers "rounding=$work/rounding" --math f32,tf32
holds 'TENON_MATH is the default' grep -q '"math": "tf32"' <(TENON_MATH=tf32 "$tenon" bench "${short[@]}" --backends rounding \
    --peers "rounding=$work/rounding" --json -)
expect 2 'f32 or tf32, not "bf16"' --math bf16

# Another build of tenon is a peer, too.
expect 0 'other reference +f32 +64 +[0-9]' "${short[@]}" --backends reference,other:reference --peers "other=$tenon"

# A backend replays programs; ":eager" or --eager asks for operators one by one.
expect 0 'reference eager +f32 +64 ' "${short[@]}" --backends reference,reference:eager --json "$work/both.json"
holds 'the mode is told' grep -q '"variant": "eager"' "$work/both.json"
expect 0 '(reference|onednn) eager +f32 +64 ' "${short[@]}" --backends auto --eager
holds 'inference knows both modes, too' "$tenon" bench --tasks infer --models simplenet --rounds 2 --round-seconds 0.01 \
    --backends reference,reference:eager --quiet
expect 1 'no backend or peer of this name' "${short[@]}" --backends nonesuch:eager

# ---- the real thing: reference and whatever else is here, and its JSON is what the schema says

whole=(--tasks train,infer,op --models simplenet --batch-sizes 64 --rounds 5 --round-seconds 0.02 --ops conv2d)
expect 0 'Inference' "${whole[@]}" --dtypes f32 --epochs 1 --target 0.9 --json "$work/whole.json" --csv "$work/whole.csv" --markdown "$work/whole.md"
expect 0 '' --epochs 0 --rounds 2 --quick --tasks train --models simplenet --backends reference --quiet --json "$work/few.json"
holds '--quick gives way to other options, wherever it stands' grep -q '"rounds": 2,' "$work/few.json"
holds 'f64 is measured, too' "$tenon" bench "${short[@]}" --backends reference --dtypes f64 --quiet
expect 0 'conv2d +x\[N' ops --ops conv2d --rounds 2 --round-seconds 0.005 --batch-sizes 2
expect 0 'matmul +x\[8,N\] y\[N,8\] ' ops --sample 'matmul x[8,N] y[N,8]' --rounds 2 --round-seconds 0.005 --csv "$work/sample.csv"
holds 'without --ops there are the samples alone' [ "$(grep -vc reference "$work/sample.csv")" -le 3 ]
expect 1 'no figure: .*matmul' ops --sample 'matmul x[8,3] y[2,8]' --rounds 2 --round-seconds 0.005
expect 1 'bf16.*no operator takes it yet' "${short[@]}" --backends reference --dtypes bf16
for field in cpu isa governor load kernel compiler flags commit threads first_step plan_creation host_peak device_peak \
    implementation accuracy time_to_target roofline; do
    holds "the JSON has $field" grep -q "\"$field\":" "$work/whole.json"
done
expect 0 'train simplenet .* noise +1\.000' compare --tolerance 1 "$work/whole.json" "$work/whole.json"
expect 0 'Training' merge "$work/whole.json" "$work/peer.json"
if /usr/bin/python3 -c 'import jsonschema' 2>/dev/null; then
    for file in whole peer bad; do
        /usr/bin/python3 -W ignore -m jsonschema -i "$work/$file.json" "$here/../benchmarks/result-1.schema.json" >"$work/why" 2>&1 ||
            fail "$file.json is not what the schema says: $(head -c 2000 "$work/why")"
    done
    sed 's/"batch_size": 64/"batch_size": "64"/' "$work/peer.json" >"$work/wrong.json"
    holds 'the schema refuses what is wrong' bash -c "! /usr/bin/python3 -W ignore -m jsonschema -i '$work/wrong.json' '$here/../benchmarks/result-1.schema.json' >/dev/null 2>&1"
else
    echo "the schema is not checked: python3-jsonschema is not there"
fi

# ---- Ctrl-C keeps what there is

: >"$work/asked"
"$tenon" bench --models simplenet --tasks train --backends reference,steady --peers "steady=$work/steady" --rounds 1000 \
    --round-seconds 0.05 --epochs 0 --json "$work/part.json" >"$work/out" 2>&1 &
until [ "$(wc -l <"$work/asked")" -gt 10 ] || ! kill -0 $! 2>/dev/null; do sleep 0.05; done
kill -INT $!
wait $!
holds 'Ctrl-C ends with exit code 1' [ $? = 1 ]
holds 'what there was by then is written' grep -q '"stopped": "interrupted"' "$work/part.json"
holds 'and marked' grep -q '"partial": true' "$work/part.json"
holds 'and shown' grep -q 'PARTIAL: interrupted' "$work/out"
expect 0 'PARTIAL' merge "$work/part.json"
expect 1 'nothing was measured: --max-seconds 0.1 were over' "${short[@]}" --max-seconds 0.1
expect 0 'PARTIAL: --max-seconds 4 were over' "${short[@]}" --backends steady --peers "steady=$work/steady" \
    --batch-sizes 1-64 --rounds 100 --max-seconds 4

# ---- a row whose operators fell back has no figure

if [ -e "$TENON_BAD_PLUGINS/partial.so" ]; then
    export TENON_FALLBACK=allow TENON_PLUGIN_FILES=$TENON_BAD_PLUGINS/partial.so
    name=$("$tenon" backends --json | sed -n 's/.*"name":"\([^"]*\)","path":"[^"]*partial.so".*/\1/p')
    expect 1 'no figure: not all of it ran on this backend \([a-z_0-9]+, for one\)' "${short[@]}" --backends "$name" --json "$work/fell.json"
    holds 'the JSON tells what fell back' grep -q '"fallback": \[' "$work/fell.json"
fi

[ $failures = 0 ] && echo "tenon bench does what it says"
