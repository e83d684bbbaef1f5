#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# tenon conform: sound plugins reach the top level, and each bad one is found out at the level that
# tests/bad_plugins/conform/expected.txt names, by the finding that it names.
# Usage: [ONLY=pattern] tests/conform_test.sh BUILD reference|onednn|sound|mutants|command
# ONLY: of the bad plugins, those whose line in expected.txt matches.
set -u
build=$1
tenon=$build/bin/tenon
here=$(cd "$(dirname "$0")" && pwd)
plugins=$build/tests/bad_plugins/conform
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
. "$here/expect.sh"
subject=("$tenon" conform)

conforms() {
    local output code
    output=$("$tenon" conform "$@" 2>&1)
    code=$?
    printf '%s\n\n' "$output"
    [ $code = 0 ] || fail "$*: exit code $code"
    grep -q '^conforms to level 5' <<<"$output" || fail "$* does not reach the top level"
}

has_cxx() { grep '^CMAKE_CXX_COMPILER:' "$build/CMakeCache.txt" | grep -qv 'NOTFOUND$'; }

# catches NAME LEVEL PHRASE
catches() {
    local output code lowest timeout=300 ops='*' # long enough for a machine that is busy elsewhere
    [ "$1" = hangs ] && timeout=4
    [ "$2" -gt 3 ] && ops=relu # what is wrong is not in the numbers of an operator
    if [ "$1" = throws ] && ! has_cxx; then
        echo "throws is not built: there is no C++ compiler"
        return
    fi
    output=$("$tenon" conform "$plugins/$1.so" --level "$2" --ops "$ops" --timeout $timeout 2>&1)
    code=$?
    lowest=$(sed -nE 's/^level ([0-9]).* [0-9]+ failed.*/\1/p' <<<"$output" | head -n 1)
    [ $code = 1 ] && [ "$lowest" = "$2" ] && grep -qE -- "$3" <<<"$output" && return
    fail "$1: exit code $code, lowest failing level \"$lowest\"; expected 1, level $2 and \"$3\" in this output:"$'\n'"$output"
}

# Under AddressSanitizer it is that which finds most of them, earlier.
mutants() {
    local name level phrase listed=0
    if grep -q __asan_init "$tenon"; then
        echo "bad plugins are not for AddressSanitizer, which stops them itself"
        exit 77
    fi
    while read -r name level phrase; do
        [[ -z $name || $name == \#* ]] && continue
        catches "$name" "$level" "$phrase"
        listed=$((listed + 1))
    done < <(grep -E "${ONLY:-.}" "$here/bad_plugins/conform/expected.txt")
    echo "$listed bad plugins"
    for source in "$here"/bad_plugins/conform/*.c; do
        name=$(basename "$source" .c)
        [[ $name == sound* ]] || grep -q "^$name " "$here/bad_plugins/conform/expected.txt" ||
            fail "expected.txt does not say what is to be found of $name"
    done
}

command() {
    local sound=$plugins/sound.so
    expect 2 'name a plugin' --level 0
    expect 2 'second' reference reference
    expect 2 'from 0 to 5.*"6"' reference --level 6
    expect 2 'above 0' reference --timeout 0
    expect 1 'No such file' "$work/none.so"
    expect 1 'not a whole 64-bit ELF file' "$here/conform_test.sh" --level 0
    expect 1 'has no device 3, but 1' "$sound" --level 1 --device 3
    expect 1 '--ops rellu matches no operator that vendor offers' "$sound" --level 2 --ops rellu
    expect 1 '--ops tanh matches no operator that vendor offers' "$sound" --level 2 --ops tanh
    expect 0 '^conforms to level 2 \(operators\), as far as --ops rel\* asked$' "$sound" --level 2 --ops 'rel*'
    expect 0 '"ops":"rel\*"' "$sound" --level 0 --ops 'rel*' --json
    expect 0 'binary.note +it has a note' --list
    expect 0 '^conforms to level 0' "$sound" --level 0 --junit "$work/junit.xml"
    holds 'JUnit: a case for each check' grep -q '<testcase classname="binary.note"' "$work/junit.xml"
    expect 1 'cannot write' "$sound" --level 0 --junit "$work/none/junit.xml"
    "$tenon" conform "$plugins/no_note.so" --level 0 --junit "$work/junit.xml" --json >"$work/report.json"
    holds 'JUnit: a failure has its message' grep -q '<failure message="it has no .note.tenon' "$work/junit.xml"
    for text in '"suite":"1.0"' '"ops":null' '"hash":"[0-9a-f]{16}"' '"reached":null' '"passed":false' '"name":"binary.note"' \
        '"outcome":"failed"'; do
        holds "JSON: $text" grep -qE "$text" "$work/report.json"
    done
}

case $2 in
reference) conforms reference ;;
onednn) conforms "$build/lib/tenon/plugins/1/tenon_onednn.so" ;;
sound) for plugin in "$plugins"/sound*.so; do conforms "$plugin"; done ;;
mutants) mutants ;;
command) command ;;
*) fail "what is \"$2\"?" ;;
esac
[ $failures = 0 ]
