#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# tools/gpu-check reads logs and results as they are: what it calls passed, cut off, met and missed, on made-up ones.
# Usage: tests/gpu_check_test.sh BUILD
set -u
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
. "$(dirname "$0")/expect.sh"
. "$(dirname "$0")/../tools/gpu_check/figures.sh"

# is WHAT EXPECTED FOUND
is() { [ "$2" = "$3" ] || fail "$1: \"$3\", expected \"$2\""; }

# ---- steps

is 'each step is over after the one before' "$(sort -s -n -k 2 <<<"$steps")" "$steps"
holds 'all of them within 8 minutes, and 4 seconds to kill the last' [ "$(due compile)" -le 476 ]
for step in $(sed 's/ .*//' <<<"$steps"); do
    holds "--help tells of $step" grep -q "^  $step  " <("$(dirname "$0")/../tools/gpu-check" --help)
done

# ---- outcomes

is 'time is over' 'cut off' "$(outcome_of 124)"
is 'and the process had to be killed' 'cut off' "$(outcome_of 137)"
is 'an error' FAILED "$(outcome_of 1)"
is 'what failed outweighs what was cut off' FAILED "$(worst passed 'cut off' FAILED)"
is 'what was cut off has not passed' 'cut off' "$(worst passed 'cut off' skipped)"
is 'one that passed is something' passed "$(worst skipped passed)"
is 'nothing was done' skipped "$(worst skipped skipped)"

sanitizer() { # EXPECTED EXIT-CODE LINE...
    local expected=$1 code=$2
    shift 2
    printf '%s\n' "$@" >"$work/log"
    is "memcheck, exit code $code: $*" "$expected" "$(sanitized "$work/log" "$code")"
}
sanitizer passed 0 '========= COMPUTE-SANITIZER' 'conforms to level 2' '========= ERROR SUMMARY: 0 errors'
sanitizer FAILED 0 '========= ERROR SUMMARY: 0 errors' '========= ERROR SUMMARY: 2 errors'
sanitizer FAILED 0 'conforms to level 2'
sanitizer FAILED 9 '========= ERROR SUMMARY: 10 errors'
sanitizer FAILED 1 '  failed op.samples' '========= ERROR SUMMARY: 0 errors'
sanitizer 'cut off' 124 '========= COMPUTE-SANITIZER'
sanitizer 'cut off' 137 '========= ERROR SUMMARY: 0 errors'

# ---- results: lines as `tenon bench --csv` ends them, texts with commas and quotes

row() { printf '"a ""GPU"", 80 GB","%s","%s","%s","%s","%s","f32","%s",%s,%s,%s,%s,%s,%s,"%s"\r\n' "$@"; }
{
    printf 'machine,task,model,op,sample,backend,dtype,math,batch_size,rate,step_p50,epoch_seconds,calls,in_operators,implementation\r\n'
    row train simplenet '' '' 'cuda' tf32 64 2000000 0.00003 0.030 17 0.00003 ''
    row train simplenet '' '' 'cuda' f32 64 1000000 0.00006 0.055 16 0.000048 ''
    row train simplenet '' '' 'pytorch eager' f32 64 50000 0.001 0.605 '' '' ''
    row train simplenet '' '' 'pytorch cuda_graphs' f32 64 500000 0.0001 0.077 '' '' ''
    row train convnet '' '' 'cuda' f32 64 256000 0.0003 0.200 24 0.0004 ''
    row train convnet '' '' 'pytorch eager' f32 64 '' '' '' '' '' ''
    row op '' matmul "x[N,10] y[10,128]" 'cuda' f32 64 1 1 '' 1 0.000010 cublasLt:f32
    row op '' matmul "x[N,10] y[10,128]" 'own cuda' f32 64 1 1 '' 1 0.000008 own
    row op '' conv2d "x[N,1,28,28] w[32,1,3,3] b[32]" 'cuda' f32 64 1 1 '' 1 0.000010 'cudnn:engine 3 + copy'
    row op '' conv2d "x[N,1,28,28] w[32,1,3,3] b[32]" 'own cuda' f32 64 1 1 '' 1 0.000020 own
} >"$work/run.csv"
is 'a figure of the row that has all values' 0.055 "$(figure "$work/run.csv" epoch_seconds task=train model=simplenet backend=cuda math=f32)"
is 'a column behind commas in a text' 0.000008 "$(figure "$work/run.csv" in_operators sample='x[N,10] y[10,128]' backend='own cuda')"
is 'quotes within a text' 'a "GPU", 80 GB' "$(figure "$work/run.csv" machine backend=cuda)"
is 'no such row' '' "$(figure "$work/run.csv" rate backend=hip)"
is 'no such file' '' "$(figure "$work/none.csv" rate backend=cuda)"

is 'as good as asked for' met "$(judge 1.5 1.5)"
is 'not as good' missed "$(judge 9.99 10)"
is 'not known' 'no figure' "$(judge '' 10)"
is 'the targets of training' 'met an epoch of simplenet: 11.000 times as fast as pytorch eager, target 10
missed an epoch of simplenet: 1.400 times as fast as pytorch cuda_graphs, target 1.5
no figure an epoch of convnet: ? times as fast as pytorch eager, target 4
no figure an epoch of convnet: ? times as fast as pytorch cuda_graphs, target 1.2
met an epoch of simplenet: 55.0 ms, target 60.0 ms' "$(show_targets cuda train "$work/run.csv" | tr '\t' ' ')"
is 'the targets of inference' 2 "$(show_targets cuda infer "$work/run.csv" | grep -c '^no figure')"

is 'gaps' '  simplenet: a step of 64.0 us has 16 operator calls; one by one they take 48.0 us, so that nothing runs for 25 % of it, 1.00 us a call' \
    "$(show_gaps cuda "$work/run.csv" | head -n 1)"
holds 'no gap is made up' grep -q 'no gap is seen' <(show_gaps cuda "$work/run.csv" | tail -n 1)

show_own cuda "$work/run.csv" >"$work/own"
holds 'own kernels that are faster' grep -qE 'x\[N,10\] y\[10,128\] +cublasLt:f32 +10.0 us +8.0 us +125 %' "$work/own"
is 'one shape is below the share' 'missed own kernels: 1 of 2 shapes reach 60 % of the libraries; the least is 50 %, conv2d x[N,1,28,28] w[32,1,3,3]' \
    "$(own_verdict <"$work/own" | tr '\t' ' ')"
is 'the others reach it' met "$(grep -v conv2d "$work/own" | own_verdict | cut -f 1)"
sed 's/cublasLt:f32/tiled/' "$work/run.csv" >"$work/less.csv"
is 'what no library does does not count' 'missed own kernels: 0 of 1 shapes reach 60 % of the libraries; the least is 50 %, conv2d x[N,1,28,28] w[32,1,3,3]; 1 more have no library' \
    "$(show_own cuda "$work/less.csv" | own_verdict | tr '\t' ' ')"
is 'nothing was measured' 'no figure' "$(head -n 1 "$work/own" | own_verdict | cut -f 1)"

[ $failures = 0 ] && echo "gpu-check reads what is written"
