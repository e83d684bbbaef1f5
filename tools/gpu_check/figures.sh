# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What logs and results say: no function here runs anything. Sourced by tools/gpu-check and by its test.

# ---- steps

# In their order, and the second by which each has to be over. The last is less than 8 minutes, however long each takes.
steps='build 110
doctor 115
train 130
oracle 155
bench 245
infer 265
own 297
conform 387
hip 397
sanitizer 420
compile 470'

due() { sed -n "s/^$1 //p" <<<"$steps"; }

# ---- outcomes of commands

outcome_of() { # EXIT-CODE
    case $1 in
    0) echo passed ;;
    124 | 137) echo "cut off" ;;
    *) echo FAILED ;;
    esac
}

# sanitized LOG EXIT-CODE: passed only if each summary says so, and there is one.
sanitized() {
    local summaries
    summaries=$(grep 'ERROR SUMMARY:' "$1")
    if [ "$(outcome_of "$2")" != passed ]; then
        outcome_of "$2"
    elif [ -z "$summaries" ] || grep -qv 'ERROR SUMMARY: 0 errors' <<<"$summaries"; then
        echo FAILED
    else
        echo passed
    fi
}

# worst OUTCOME...: skipped only if all were
worst() {
    local each
    for each in FAILED "cut off" passed skipped; do
        printf '%s\n' "$@" | grep -qx "$each" && echo "$each" && return
    done
}

# ---- tables of tenon bench --csv

# Splits a line; texts are quoted, and hold commas.
# shellcheck disable=SC2016
csv='function cells(line, to,   n, i, c, quoted, text) {
    sub(/\r$/, "", line)
    for (i = 1; i <= length(line); i++) {
        c = substr(line, i, 1)
        if (c == "\"" && quoted && substr(line, i + 1, 1) == "\"") { text = text c; i++ }
        else if (c == "\"") quoted = !quoted
        else if (c == "," && !quoted) { to[++n] = text; text = "" }
        else text = text c
    }
    to[++n] = text
    return n
}'

# figure FILE COLUMN NAME=VALUE...: of the first row that has these values; nothing if there is none.
figure() {
    local file=$1 column=$2
    shift 2
    [ -e "$file" ] || return 0
    # shellcheck disable=SC2016
    printf '%s\n' "$@" | awk -v column="$column" "$csv"'
        NR == FNR { at = index($0, "="); wanted[substr($0, 1, at - 1)] = substr($0, at + 1); next }
        FNR == 1 { n = cells($0, names); next }
        {
            split("", row)
            cells($0, row)
            good = 1
            for (i = 1; i <= n; i++) {
                if (names[i] in wanted && row[i] != wanted[names[i]]) good = 0
                if (names[i] == column) value = row[i]
            }
            if (good) { print value; exit }
        }' - "$file"
}

# column FILE COLUMN NAME=VALUE: of all rows with that value.
column() {
    [ -e "$1" ] || return 0
    # shellcheck disable=SC2016
    awk -v column="$2" -v name="${3%%=*}" -v value="${3#*=}" "$csv"'
        NR == 1 { n = cells($0, names); next }
        {
            cells($0, row)
            for (i = 1; i <= n; i++) { if (names[i] == name) is = row[i]; if (names[i] == column) has = row[i] }
            if (is == value) print has
        }' "$1"
}

# ratio A B: of two figures; nothing if one is missing.
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { if (a > 0 && b > 0) printf "%.3f\n", a / b }'; }

milliseconds() { awk -v s="$1" 'BEGIN { if (s > 0) printf "%.1f ms\n", 1000 * s }'; }

microseconds() { awk -v s="$1" 'BEGIN { if (s > 0) printf "%.1f us\n", 1e6 * s }'; }

# ---- targets

# judge FOUND AIM: both as "more is better".
judge() {
    if [ -z "$1" ]; then
        echo "no figure"
    elif awk -v found="$1" -v aim="$2" 'BEGIN { exit !(found >= aim) }'; then
        echo met
    else
        echo missed
    fi
}

# What Tenon is to be against PyTorch, so many times: of which figure, in which task, against whom, how often.
targets='
an epoch of simplenet|epoch_seconds|train|simplenet|64|pytorch eager|10
an epoch of simplenet|epoch_seconds|train|simplenet|64|pytorch cuda_graphs|1.5
an epoch of convnet|epoch_seconds|train|convnet|64|pytorch eager|4
an epoch of convnet|epoch_seconds|train|convnet|64|pytorch cuda_graphs|1.2
simplenet, one image|step_p50|infer|simplenet|1|pytorch eager|3
convnet, one image|step_p50|infer|convnet|1|pytorch eager|3'
longest_epoch=0.060 # seconds, of simplenet
own_share=0.6       # of the speed of NVIDIA's libraries

# show_targets BACKEND TASK FILE: those of a task, a line each: outcome, then what was found.
show_targets() {
    local what column task model batch peer aim ours theirs times
    while IFS='|' read -r what column task model batch peer aim; do
        [ "$task" = "$2" ] || continue
        ours=$(figure "$3" "$column" task="$task" model="$model" batch_size="$batch" backend="$1" math=f32)
        theirs=$(figure "$3" "$column" task="$task" model="$model" batch_size="$batch" backend="$peer" math=f32)
        times=$(ratio "$theirs" "$ours")
        printf '%s\t%s: %s times as fast as %s, target %s\n' "$(judge "$times" "$aim")" "$what" "${times:-?}" "$peer" "$aim"
    done <<<"${targets#?}"
    [ "$2" = train ] || return 0
    ours=$(figure "$3" epoch_seconds task=train model=simplenet batch_size=64 backend="$1" math=f32)
    printf '%s\tan epoch of simplenet: %s, target %s\n' "$(judge "$(ratio $longest_epoch "$ours")" 1)" \
        "$(milliseconds "${ours:-0}")" "$(milliseconds $longest_epoch)"
}

# ---- a step in kernels

# show_gaps BACKEND FILE: how much of a training step in a row no operator runs.
show_gaps() {
    local model calls busy rate
    for model in simplenet convnet; do
        calls=$(figure "$2" calls task=train model=$model backend="$1" math=f32)
        busy=$(figure "$2" in_operators task=train model=$model backend="$1" math=f32)
        rate=$(figure "$2" rate task=train model=$model backend="$1" math=f32)
        awk -v model=$model -v calls="$calls" -v busy="$busy" -v rate="$rate" 'BEGIN {
            if (!(calls > 0 && busy > 0 && rate > 0)) { printf "  %s: no profile\n", model; exit }
            step = 64 / rate
            printf "  %s: a step of %.1f us has %.0f operator calls; one by one they take %.1f us, ", model, 1e6 * step, calls, 1e6 * busy
            if (busy < step) printf "so that nothing runs for %.0f %% of it, %.2f us a call\n", 100 * (1 - busy / step), 1e6 * (step - busy) / calls
            else print "more than the step, in which they overlap or cost less to start: no gap is seen"
        }'
    done
}

# ---- own kernels

# show_own BACKEND FILE: each operator and shape by libraries, by own kernels, and the share of the libraries' speed. What
# libraries do not do although they may has no share.
show_own() {
    local op sample by libraries own
    printf '  %-20s %-44s %-18s %12s %12s %8s\n' operator shapes by libraries own share
    paste -d'|' <(column "$2" op backend="$1") <(column "$2" sample backend="$1") | while IFS='|' read -r op sample; do
        [ -n "$op" ] || continue
        by=$(figure "$2" implementation op="$op" sample="$sample" backend="$1")
        libraries=$(figure "$2" in_operators op="$op" sample="$sample" backend="$1")
        own=$(figure "$2" in_operators op="$op" sample="$sample" backend="own $1")
        [[ $by = *cublas* || $by = *cudnn* ]] || libraries=
        printf '  %-20s %-44s %-18.18s %12s %12s %8s\n' "$op" "$sample" "${by:-?}" "$(microseconds "${libraries:-0}")" "$(microseconds "${own:-0}")" \
            "$(awk -v r="$(ratio "$libraries" "$own")" 'BEGIN { print r == "" ? "?" : sprintf("%.0f %%", 100 * r) }')"
    done
}

# own_verdict: of the table that show_own prints, on standard input: outcome, then how many reach the share, and the slowest.
own_verdict() {
    awk -v aim=$own_share '
        NR == 1 { next }
        $NF != "%" { unknown++; next }
        { n++ }
        $(NF - 1) >= 100 * aim { good++ }
        worst == "" || $(NF - 1) + 0 < least { least = $(NF - 1) + 0; worst = $1 " " $2 " " $3 }
        END {
            if (n == 0) { print "no figure\town kernels: no shape was measured with a library and without"; exit }
            printf "%s\town kernels: %d of %d shapes reach %.0f %% of the libraries; the least is %d %%, %s", good == n ? "met" : "missed", good, n, 100 * aim, least, worst
            if (unknown) printf "; %d more have no library", unknown
            print ""
        }'
}
