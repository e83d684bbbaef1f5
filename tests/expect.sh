# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What tests of the command share; sourced by them. A test sets `subject`, the command that expect runs, and ends by its `failures`.

failures=0

fail() {
    printf '%s\n' "$*"
    failures=$((failures + 1))
}

# expect CODE TEXT ARGUMENT...: the command ends with the code, and TEXT (a pattern) is in what it prints.
expect() {
    local code=$1 text=$2 output got
    shift 2
    output=$("${subject[@]}" "$@" 2>&1 </dev/null)
    got=$?
    [ $got = "$code" ] && grep -qE -- "$text" <<<"$output" && return
    fail "${subject[*]} $*: exit code $got, expected $code with \"$text\" in this output:"$'\n'"$output"
}

# holds WHAT COMMAND...
holds() {
    local what=$1
    shift
    "$@" || fail "does not hold: $what"
}
