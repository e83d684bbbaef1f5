# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: Apache-2.0
# tools/gpu-check: is it fast? In turns with PyTorch where that is there. Uses what steps.sh uses.

write_program() { # FILE COMMAND
    printf '#!/bin/sh\n%s "$@"\n' "$2" >"$1"
    chmod +x "$1"
}

# A program that runs the peer by a Python that has PyTorch, which need not be the system's; looked for once. 1: there is none.
write_peer() {
    local python
    if [ -z "${torch-}" ]; then
        torch=none
        for python in python3 /usr/bin/python3 python; do
            parts=4 within import "$python" -c 'import torch' || continue
            torch=$log/pytorch python=$(command -v "$python")
            write_program "$torch" "exec ${python@Q} ${root@Q}/benchmarks/peers/pytorch.py"
            break
        done
    fi
    [ "$torch" != none ]
}

# The same tenon, whose plugin does without cuBLASLt and cuDNN.
write_own() { write_program "$log/tenon-own" "TENON_CUDA_LIBS=off exec ${tenon@Q}"; }

# measure NAME OPTION...: in the time that is left; results in $log/NAME.csv and .json
measure() {
    local name=$1 room
    shift
    room=$(($(room) - 6))
    rm -f "$log/$name.csv" "$log/$name.json"
    : >"$log/$name"
    [ $room -gt 0 ] || return 124
    within "$name" "$tenon" bench --quick --rounds 5 -D "$data" --max-seconds $room --csv "$log/$name.csv" --json "$log/$name.json" "$@"
}

show_tables() { # LOG BACKENDS TITLE...: those tables of it
    local name=$1 who=$2 title
    shift 2
    for title; do sed -n "/^$title/,/^\$/p" "$log/$name" | grep -E "^[A-Z]|^  (model|work) |  ($who) "; done
}

# measured NAME EXIT-CODE COLUMN WHAT BACKEND...: the step's result; these must have that figure for each model
measured() {
    local name=$1 outcome column=$3 what=$4 model who why
    outcome=$(outcome_of "$2")
    shift 4
    for who; do
        for model in simplenet convnet; do
            [ -z "$(figure "$log/$name.csv" "$column" backend="$who" model=$model)" ] || continue
            [ "$outcome" != passed ] || outcome="cut off"
            why=$(figure "$log/$name.csv" error backend="$who" model=$model)
            [ -z "$why" ] || outcome=FAILED what+="; $who, $model: $why"
        done
    done
    if [ "$outcome" = passed ] && grep -q '^  PARTIAL' "$log/$name"; then outcome="cut off"; fi
    [ "$outcome" != FAILED ] || what+="; see $log/$name"
    result "$outcome" "$what"
}

bench() {
    local backends=$backend with=() ours=("$backend") code
    if [ "$backend" = cuda ]; then
        write_own
        backends+=,own:cuda with+=(--peers "own=$log/tenon-own") ours+=("own cuda")
    fi
    if write_peer; then
        with+=(--peers "pytorch=$log/pytorch" --baseline 'pytorch eager')
        backends+=,pytorch:eager
        [ "$backend" != cuda ] || backends+=,pytorch:cuda_graphs
    else
        leave_out "PyTorch: no Python here has it, and without it nothing is compared"
    fi
    measure bench --backends "$backends" "${with[@]}" --tasks train --batch-sizes 64 --epochs 3
    code=$?
    show_tables bench "$backend|own|pytorch" Training Learning
    show_tables bench "$backend" 'Operators in'
    show_gaps "$backend" "$log/bench.csv"
    measured bench $code epoch_seconds "training, batches of 64, data on the device: $backends" "${ours[@]}"
    [ "$torch" = none ] || aim_at "$(show_targets "$backend" train "$log/bench.csv")"
}

infer() {
    local backends=$backend with=() code
    write_peer && with=(--peers "pytorch=$log/pytorch" --baseline 'pytorch eager') && backends+=,pytorch:eager
    measure infer --backends "$backends" "${with[@]}" --tasks infer --batch-sizes 1
    code=$?
    show_tables infer "$backend|pytorch" Inference
    measured infer $code step_p50 "one image, from and to host memory: $backends" "$backend"
    [ "$torch" = none ] || aim_at "$(show_targets "$backend" infer "$log/infer.csv")"
}

# Products and convolutions, by libraries and by own kernels: how long the operator itself takes, as events tell.
own() {
    local ops=matmul,linear_relu,conv2d,conv2d_grad_input,conv2d_grad_weight code outcome table verdict
    if [ "$backend" != cuda ]; then
        result skipped "only the CUDA plugin has libraries to compare its kernels with"
        return
    fi
    ! "$tenon" ops linear_grad_weight >/dev/null 2>&1 || ops+=,linear_grad_weight
    write_own
    measure own --backends cuda,own:cuda --peers "own=$log/tenon-own" --tasks op --round-seconds 0.02 \
        --ops $ops --sample 'matmul x[1024,1024] y[1024,1024]'
    code=$?
    table=$(show_own cuda "$log/own.csv")
    printf '%s\n' "$table"
    outcome=$(outcome_of $code)
    verdict=$(own_verdict <<<"$table")
    if [ "$outcome" = passed ] && grep -q '^  PARTIAL' "$log/own"; then outcome="cut off"; fi
    if [ "$outcome" = passed ] && grep -q '  no figure: ' "$log/own"; then outcome=FAILED; fi
    if [ "$outcome" = passed ] && [[ $verdict = "no figure"* ]]; then outcome=skipped; fi
    result "$outcome" "$(($(wc -l <<<"$table") - 1)) shapes with and without cuBLASLt and cuDNN: $log/own"
    aim_at "$verdict"
}

# torch.compile takes long to compile: a model each, with a limit of its own, so that it costs nobody else's time.
compile() {
    local model why outcome outcomes=() text=() times
    write_peer || { result skipped "there is no PyTorch" && return; }
    export TORCHINDUCTOR_CACHE_DIR=$tree/inductor
    for model in simplenet convnet; do
        [ $model = convnet ] || parts=2
        measure "compile-$model" --backends "$backend,pytorch:compile" --peers "pytorch=$log/pytorch" --baseline 'pytorch compile' \
            --tasks train --models $model --batch-sizes 64 --epochs 0 --set-up-seconds "$(($(room) > 20 ? $(room) - 15 : 5))"
        outcome=$(outcome_of $?)
        parts=1
        show_tables "compile-$model" "$backend|pytorch" Training
        why=$(figure "$log/compile-$model.csv" error backend='pytorch compile')
        times=$(ratio "$(figure "$log/compile-$model.csv" rate backend="$backend")" "$(figure "$log/compile-$model.csv" rate backend='pytorch compile')")
        if [ -n "$times" ]; then text+=("$model: $times times as fast as torch.compile's reduce-overhead"); else text+=("$model: ${why:-no figure}"); fi
        [ "$outcome" = FAILED ] || [ -n "$times" ] || outcome=skipped
        outcomes+=("$outcome")
    done
    result "$(worst "${outcomes[@]}")" "$(printf '%s; ' "${text[@]}" | sed 's/; $//')"
}
