# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: Apache-2.0
# tools/gpu-check: is it right? Builds, trains, checks. Uses $tree, $log, $tenon, $plugin, $backend, $data.

# ---- what the machine has

need_gpu() {
    command -v nvidia-smi >/dev/null || die "this machine has no NVIDIA driver: nvidia-smi is not there"
    timeout 20 nvidia-smi --query-gpu=name,driver_version,compute_cap --format=csv,noheader >"$log/gpu" 2>&1 ||
        die "the NVIDIA driver does not work: $(head -n 1 "$log/gpu")"
    [ -s "$log/gpu" ] || die "the NVIDIA driver finds no GPU"
    sed 's/^/GPU: /' "$log/gpu"
}

architectures() { sed 's/.*, *//; s/\.//' "$log/gpu" | sort -u | paste -sd';'; }

need_builder() {
    local name lacking=()
    for name in cc cmake pkg-config; do command -v $name >/dev/null || lacking+=("$name"); done
    if [[ "${options[*]-}" != *CMAKE_PREFIX_PATH* ]]; then
        for name in libcurl zlib libcrypto jansson; do
            pkg-config --exists $name 2>/dev/null || lacking+=("$name's headers")
        done
    fi
    [ ${#lacking[@]} = 0 ] || die "the build needs $(printf '%s, ' "${lacking[@]}" | sed 's/, $//'): tools/packages names Debian's \
packages; elsewhere unpack them in a folder and name that by PKG_CONFIG_PATH or after -- by -DCMAKE_PREFIX_PATH"
}

# ---- build

has_cmocka() { pkg-config --exists cmocka 2>/dev/null; }

# within, and the end of the log where that fails
build_part() {
    local code
    within "$@" && return
    code=$?
    tail -n 40 "$log/$1" >&2
    [ "$(outcome_of $code)" = FAILED ] || die "the build was cut off: run this once more, and it goes on from there"
    die "the build failed: $log/$1"
}

build_all() {
    local with=(-DTENON_TESTS=OFF) targets=(tenon_tool "tenon_$backend") generator=()
    has_cmocka && with=(-DTENON_TESTS=ON) && targets+=(oracle_test)
    if [ "$backend" = cuda ]; then with+=(-DTENON_CUDA=ON "-DCMAKE_CUDA_ARCHITECTURES=$(architectures)"); fi
    if [ "$backend" = cuda ] && [ -e "$root/tests/hip_on_cuda" ]; then
        with+=(-DTENON_HIP_ON_CUDA=ON)
        targets+=(tenon_hip_on_cuda)
    fi
    need_builder
    if [ ! -e "$tree/CMakeCache.txt" ] && command -v ninja >/dev/null; then generator=(-G Ninja); fi
    build_part configure cmake -S "$root" -B "$tree" "${generator[@]}" "${with[@]}" "${options[@]}"
    build_part build cmake --build "$tree" --parallel "$jobs" --target "${targets[@]}"
    [ -e "$plugin" ] || die "the build has made no plugin $backend"
    result passed "$(du -h "$plugin" | cut -f1) of tenon_$backend.so"
}

# ---- doctor

examine() {
    local found
    within doctor "$tenon" doctor
    found=$(sed -nE "s/^ *devices +($backend:.*)/\1/p" "$log/doctor" | head -n 1)
    if [ -n "$found" ]; then result passed "$found"; else result FAILED "no device of $backend: see $log/doctor"; fi
}

# ---- training

train_model() { # MODEL EPOCHS ACCURACY
    local last accuracy seconds text outcome
    within "train-$1" "$tenon" train -b "$backend" -m "$1" -e "$2" -q --json "$log/train-$1.json"
    outcome=$(outcome_of $?)
    if [ "$outcome" != passed ]; then
        result "$outcome" "$1: $(tail -n 1 "$log/train-$1")"
        return
    fi
    last=$(tail -n 1 "$log/train-$1.json")
    accuracy=$(sed -nE 's/.*"accuracy":([0-9.]+).*/\1/p' <<<"$last")
    seconds=$(sed -nE 's/.*"seconds":([0-9.]+).*/\1/p' <<<"$last")
    text="$1: accuracy $accuracy after $2 epochs, $seconds s for the last"
    [ "$(judge "$accuracy" "$3")" = met ] || outcome=FAILED text+="; expected $3"
    result "$outcome" "$text"
}

train() {
    train_model simplenet 3 0.96
    train_model convnet 2 0.98
}

# The losses of 100 steps that PyTorch had, for both models and each optimizer. f64 on the CPU is where some begin anew.
oracle() {
    local outcome followed
    if [ ! -x "$tree/tests/oracle_test" ]; then
        result skipped "cmocka is not here to build oracle_test with (libcmocka-dev)"
        return
    fi
    within oracle env TENON_DATA_DIR="$data" TENON_TEST_DIR="$root/tests" TENON_PLUGIN_FILES="$plugin" TENON_PLUGIN_PATH="$log/none" \
        "$tree/tests/oracle_test" '*' '*f32 on reference*'
    outcome=$(outcome_of $?)
    followed=$(grep -c "  OK .* on $backend" "$log/oracle")
    [ "$followed" -gt 0 ] || [ "$outcome" != passed ] || outcome=FAILED
    result "$outcome" "$followed runs of 100 steps follow PyTorch's losses to 1e-4$(grep -m 1 -B 1 'FAILED' "$log/oracle" | sed 's/^/; /' | head -n 1)"
}

# ---- conformance

conform_as() { # NAME PLUGIN ARGUMENT...
    local name=$1 file=$2 outcome
    shift 2
    within "$name" stdbuf -oL "$tenon" conform "$file" "$@"
    outcome=$(outcome_of $?)
    grep -E -A 1 '^level|^  failed' "$log/$name"
    case $outcome in
    passed) result passed "$name: $(grep '^conforms' "$log/$name")" ;;
    "cut off") result "cut off" "$name: $(grep -c '^level' "$log/$name") levels were through: see $log/$name" ;;
    *) result FAILED "$name: $(grep -c '^  failed' "$log/$name") checks: see $log/$name" ;;
    esac
}

conform() {
    local name
    conform_as conform "$plugin"
    [ "$backend" = cuda ] || return 0
    export TENON_CUDA_LIBS=off
    for name in matmul 'linear*' 'conv2d*'; do conform_as "own-${name%[*]}" "$plugin" --level 2 --ops "$name"; done
    unset TENON_CUDA_LIBS
}

# The same plugin as for AMD's GPUs, of which this tells what its kernels and its calls do, and not what AMD's compiler does.
hip() {
    local file
    file=$(find "$tree/tests/hip_on_cuda" -maxdepth 1 -name '*tenon_hip_on_cuda.so' 2>/dev/null | head -n 1)
    if [ -z "$file" ]; then
        result skipped "there is no tenon_hip_on_cuda.so in $tree/tests/hip_on_cuda"
        return
    fi
    conform_as hip "$file"
}

# ---- compute-sanitizer

sanitize() {
    local tool runs=() outcomes=() words i=0
    tool=$(command -v compute-sanitizer || ls /usr/local/cuda/bin/compute-sanitizer 2>/dev/null)
    if [ "$backend" != cuda ] || [ -z "$tool" ]; then
        result skipped "there is no compute-sanitizer"
        return
    fi
    runs=("conform $plugin --level 2 --ops linear*" "conform $plugin --level 2 --ops conv2d*")
    [ ! -d "$data/mnist" ] || runs+=("train -b $backend -m convnet -e 1 -n 6000 -q") # ten steps
    for ((i = 0; i < ${#runs[@]}; i++)); do
        read -ra words <<<"${runs[i]}"
        parts=$((${#runs[@]} - i))
        within "sanitizer-$i" "$tool" --tool memcheck --target-processes all --error-exitcode 9 "$tenon" "${words[@]}"
        outcomes+=("$(sanitized "$log/sanitizer-$i" $?)")
        printf '%s: tenon %s\n' "${outcomes[i]}" "${runs[i]}"
    done
    result "$(worst "${outcomes[@]}")" "memcheck, $i runs: $(printf '%s, ' "${outcomes[@]}" | sed 's/, $//')"
}
