#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The peers of benchmarks/peers that can run here do so, beside Tenon and on their own, and all results fit together.
# Usage: tests/peers_test.sh BUILD
set -u
tenon=$1/bin/tenon
peers=$TENON_TEST_DIR/../benchmarks/peers
schema=$TENON_TEST_DIR/../benchmarks/result-1.schema.json
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
. "$(dirname "$0")/expect.sh"
ran=0
data=${TENON_DATA_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/tenon}
[ -e "$data/mnist/train-images-idx3-ubyte" ] || { echo "MNIST is not in $data: tenon data fetch mnist" && exit 77; }

follows_schema() {
    /usr/bin/python3 -c 'import jsonschema' 2>/dev/null || return 0
    /usr/bin/python3 -W ignore -m jsonschema -i "$1" "$schema"
}

# peer NAME MODULE SCRIPT
peer() {
    local name=$1 output
    /usr/bin/python3 -c "import $2" 2>/dev/null || { echo "$name is not here" && return; }
    ran=$((ran + 1))
    output=$("$tenon" bench --tasks train --models simplenet --backends "$name" --peers "$name=$peers/$3" --rounds 2 \
        --round-seconds 0.02 --epochs 1 --json "$work/$name.json" 2>&1)
    holds "$name is measured: $output" grep -qE "simplenet +$name +f32 +64 +[0-9,]+" <<<"$output"
    holds "$name learns MNIST: $output" grep -qE "simplenet +$name +f32 +64 +1 .* 9[0-9]\.[0-9]+ %" <<<"$output"
    holds "$name beside Tenon follows the schema" follows_schema "$work/$name.json"
    holds "$name on its own" "$peers/$3" --json "$work/$name-alone.json" --tasks infer --models simplenet --batch-sizes 1 \
        --rounds 2 --round-seconds 0.02 --epochs 0 --threads 2 2>"$work/err" >/dev/null
    holds "$name on its own follows the schema: $(cat "$work/err")" follows_schema "$work/$name-alone.json"
    output=$("$tenon" bench merge "$work/$name.json" "$work/$name-alone.json" 2>&1)
    holds "both in one report: $output" grep -q "$name" <<<"$output"
    output=$("$tenon" bench --tasks train --models simplenet --backends "$name" --peers "$name=$peers/$3" --rounds 1 \
        --round-seconds 0.01 --epochs 0 --math tf32 2>&1)
    holds "$name says that a CPU does not round: $output" grep -q "asked for tf32, it computes in f32" <<<"$output"
}

# A way that is prepared once is so before its worker is ready, and begins anew when told to: with a torch.compile that
# counts, and leaves everything as it is, since that is not in every PyTorch.
prepared() {
    /usr/bin/python3 -c "import torch" 2>/dev/null || return
    cat >"$work/prepared" <<END
#!/usr/bin/python3
import runpy, sys, torch

def compile(function, **how):
    print("compiled", how, file=open("$work/compiled", "a"))
    return function

torch.compile = compile
sys.path.insert(0, "$peers")
runpy.run_path("$peers/pytorch.py", run_name="__main__")
END
    chmod +x "$work/prepared"
    local config answers losses
    config="{\"task\": \"train\", \"model\": \"simplenet\", \"variant\": \"compile\", \"dtype\": \"f32\", \"batch_size\": 64, \"threads\": 1, \"seed\": 1, \"data\": \"$data/mnist\"}"
    answers=$(printf '{"do": "%s", "count": 940}\n' steps restart steps evaluate | "$work/prepared" --worker "$config" 2>"$work/err")
    losses=$(grep -o '"loss": [0-9.]*, "math"' <<<"$answers")
    holds "a restart learns the same again, the smaller batch too: $answers$(cat "$work/err")" \
        [ "$(sort <<<"$losses" | uniq -c | grep -c '^ *2 ')" = 1 ]
    holds "it learns: $answers" grep -q '"accuracy": 0.9' <<<"$answers"
    holds "it is compiled once: $(cat "$work/compiled")" [ "$(grep -c "reduce-overhead" "$work/compiled")" = 1 ]
    answers=$("$tenon" bench --tasks infer --models convnet --batch-sizes 1 --backends pytorch:compile --peers "pytorch=$work/prepared" --rounds 2 --round-seconds 0.02 2>&1)
    holds "inference is compiled, too: $answers" grep -qE "convnet +pytorch compile +f32 +1 +[0-9,]+" <<<"$answers"
}

peer pytorch torch pytorch.py
prepared
peer scikit-learn sklearn scikit_learn.py
[ $ran = 0 ] && exit 77
[ $failures = 0 ] && echo "$ran peers are measured like backends"
