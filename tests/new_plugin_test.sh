#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The way of a vendor, outside of this tree: from tenon-new-plugin through the guide's second operator to a plugin that
# conforms, and to a model that trains on it. Usage: tests/new_plugin_test.sh SOURCE BUILD MODE
#   refusals   what tenon-new-plugin and tenon_add_plugin do not take, and that nothing is left behind then
#   conforms   the skeleton, with the operator of abi/WRITING_A_PLUGIN.md, does what it promises
#   trains     SimpleNet learns on it, the rest running on the reference backend, which is reported
set -u -o pipefail
source=$(cd "$1" && pwd)
build=$(cd "$2" && pwd)
mode=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# shellcheck source=tests/expect.sh
. "$source/tests/expect.sh"
unset TENON_BACKEND TENON_FALLBACK TENON_PLUGIN_FILES TENON_PLUGIN_PATH

sanitizers=$(sed -n 's/^TENON_SANITIZE:[A-Z]*=//p' "$build/CMakeCache.txt")
compiler=$(sed -n 's/^CMAKE_C_COMPILER:[A-Z]*=//p' "$build/CMakeCache.txt")
prefix=$work/prefix
demo=$work/myacc

# must COMMAND...: the test ends where it fails.
must() {
    "$@" >"$work/log" 2>&1 && return
    printf 'failed: %s\n' "$*"
    cat "$work/log"
    exit 1
}

lacks() { ! grep -E "$2" "$1"; }

configure() {
    cmake --no-warn-unused-cli -S "$demo" -B "$demo/build" -DCMAKE_PREFIX_PATH="$prefix" \
        -DCMAKE_C_COMPILER="$compiler" -DCMAKE_C_FLAGS="-Werror ${sanitizers:+-fsanitize=$sanitizers}" "$@"
}

# CMake breaks its messages into lines.
configure_in_one_line() { configure "$@" 2>&1 | tr -s '\n ' ' '; }

# block FILE LANGUAGE N: the Nth block of a language in a page
block() { awk -v n="$3" -v start="^\`\`\`$2\$" '$0 ~ start { on = ++seen == n; next } /^```$/ { on = 0 } on' "$1"; }

refusals() {
    subject=("$prefix/bin/tenon-new-plugin")
    expect 0 'Usage: tenon-new-plugin' --help
    expect 2 'not 1 arguments' "$demo"
    expect 2 'not 3 arguments' "$demo" a b
    expect 2 'no option --fly' --fly "$demo" demo
    expect 2 '"Demo" cannot be' "$demo" Demo
    expect 2 '"" cannot be' "$demo" ''
    expect 2 '"-a" cannot be' -- "$demo" -a
    expect 2 '"a/b" cannot be' "$demo" a/b
    expect 2 '"a.so" cannot be' "$demo" a.so
    expect 2 'at most 47' "$demo" "$(printf '%048d' 0)"
    for name in auto reference; do
        expect 2 'a meaning of its own' "$demo" $name
        expect 2 'a meaning of its own' --force "$demo" $name
    done
    for name in onednn cuda hip; do expect 2 "a plugin of Tenon's" "$demo" $name; done
    expect 2 'every CMake project' "$demo" test
    expect 2 'no quote' --vendor 'a "b"' "$demo" demo
    expect 2 'not 1 to 63' --vendor '' "$demo" demo
    expect 2 'needs a text' "$demo" demo --vendor
    expect 1 'is to hold demo, is not there' "$work/none/demo" demo
    holds "nothing was made by what was refused" [ ! -e "$demo" ]

    mkdir "$work/full"
    echo mine >"$work/full/.file"
    expect 1 'is not empty: it holds .file' "$work/full" demo
    expect 1 'is no folder' "$work/full/.file" demo
    holds "a full folder is left alone" [ "$(ls -A "$work/full")" = .file ]
    rm "$prefix/share/tenon/template/relu.c" # one that cannot be read
    ln -s none "$prefix/share/tenon/template/relu.c"
    expect 1 'nothing is left behind' "$demo" demo
    holds "nothing is half there" [ "$(ls -A "$work")" = $'full\nprefix' ]
    must cmake --install "$build" --prefix "$prefix"

    mkdir "$work/empty"
    expect 0 'is in' --force "$work/empty" cuda
    holds "an empty folder is filled" [ -e "$work/empty/plugin.c" ]

    # What tenon_add_plugin does not take.
    subject=(configure_in_one_line)
    must "$prefix/bin/tenon-new-plugin" --vendor 'Müller & Söhne (GmbH)' "$demo" demo
    expect 0 'Build files' -DBUILD_TESTING=ON
    must cmake --build "$demo/build"
    holds "any vendor's name" grep -qF 'Müller & Söhne (GmbH)' "$demo/build/demo.so"
    for change in 's/SOURCES.*/LINK_LIBRARIES Tenon::tenon &/=never links the core' 's/SOURCES/SUORCES/=SUORCES' \
        's/SOURCES.*/)/=has no SOURCES' 's/VENDOR.*/VENDOR "a\\"b"/=may hold no quote' \
        "s/VENDOR.*/VENDOR $(printf '%064d' 0)/=room for 63" 's/add_plugin(demo/add_plugin(Demo/=cannot be the name'; do
        rm -rf "$demo"
        must "$prefix/bin/tenon-new-plugin" "$demo" demo
        sed -i "${change%=*}" "$demo/CMakeLists.txt"
        expect 1 "${change##*=}"
    done
}

# As the guide has it.
make_demo() {
    must "$prefix/bin/tenon-new-plugin" --vendor 'My Company' "$demo" myacc
    must configure
    must cmake --build "$demo/build"
}

add_operator() {
    block "$source/abi/WRITING_A_PLUGIN.md" c 1 >"$demo/add.c"
    block "$source/abi/WRITING_A_PLUGIN.md" diff 1 >"$work/rows.diff"
    must patch --batch -p1 -d "$demo" -i "$work/rows.diff"
    must configure
    must cmake --build "$demo/build"
}

note_field() { readelf -p .note.tenon "$1" | sed -n "s/^ *\[ *$2\]  //p"; }

note_is_there() {
    must readelf -n "$1"
    holds "readelf finds no fault with $1" lacks "$work/log" 'Warning'
    holds "$1 has a note" grep -q '^  TenonPlugin  *0x00000240' "$work/log"
    holds "its name is in the note" [ "$(note_field "$1" 28)" = myacc ]
    holds "its version, too" [ "$(note_field "$1" 58)" = 0.1.0 ]
}

# Two files of one name: the CPU decides, or what it is capped to.
variants() {
    block "$source/abi/WRITING_A_PLUGIN.md" cmake 1 >>"$demo/CMakeLists.txt"
    [ "$(uname -m)" = x86_64 ] || return
    must configure
    must cmake --build "$demo/build"
    note_is_there "$demo/build/myacc-v3.so"
    holds "what it asks of the CPU is in the note" [ "$(note_field "$demo/build/myacc-v3.so" b8)" = x86-64-v3 ]
    subject=(env TENON_PLUGIN_PATH="$demo/build" "$prefix/bin/tenon" backends)
    ! grep -qw avx2 /proc/cpuinfo || expect 0 '^. myacc .*/myacc-v3.so$'
    subject=(env TENON_CPU=x86-64-v2 "${subject[@]}")
    expect 0 '^. myacc .*/myacc.so$'
}

# shown PAGE COMMAND: the lines that a page shows as its output
shown() { awk -v command="\$ $2" '$0 == command { on = 1; next } /^```/ { on = 0 } on && NF && $0 != "..."' "$1"; }

# The guide's add without its test for shapes is found out as the guide tells.
guide_is_true() {
    local line
    shown "$source/abi/WRITING_A_PLUGIN.md" 'tenon conform build/myacc.so' >"$work/shown"
    holds "the guide shows what conform finds" grep -q '^ *failed ' "$work/shown"
    cp "$demo/add.c" "$work/add.c"
    sed -i 's/if (!same_shape(x, y))/if (same_shape(x, y) < 0)/' "$demo/add.c"
    must cmake --build "$demo/build"
    "$prefix/bin/tenon" conform "$demo/build/myacc.so" --level 2 >"$work/found" 2>&1
    while read -r line; do
        holds "conform prints: $line" grep -qF -- "${line//\/tmp\/myacc/$demo}" "$work/found"
    done <"$work/shown"
    cp "$work/add.c" "$demo/add.c"
}

conforms() {
    make_demo
    note_is_there "$demo/build/myacc.so"
    holds "one symbol is exported" [ "$(nm -D --defined-only "$demo/build/myacc.so" | grep -c ' T ')" = 1 ]
    must ctest --test-dir "$demo/build" --output-on-failure
    holds "conform was run" grep -q 'myacc_conforms .*Passed' "$work/log" # a test that is disabled passes, too
    add_operator
    must ctest --test-dir "$demo/build" --output-on-failure
    holds "conform was run" grep -q 'myacc_conforms .*Passed' "$work/log" # a test that is disabled passes, too
    subject=(env TENON_PLUGIN_FILES="$demo/build/myacc.so" "$prefix/bin/tenon")
    expect 0 'myacc 0.1.0' backends
    expect 0 '^operator .*myacc' ops
    expect 0 '^add  *yes *yes' ops

    [ -n "$sanitizers" ] || guide_is_true # a sanitizer ends what reads beyond its inputs, and finds other words for it
    variants
    # The note outlives what builds and packagers do.
    must strip "$demo/build/myacc.so"
    note_is_there "$demo/build/myacc.so"
    for compiler in gcc clang; do
        command -v "$compiler" >/dev/null || continue
        for flags in '-O2 -flto' '-fdata-sections -Wl,--gc-sections' '-fsanitize=address,undefined'; do
            rm -r "$demo/build"
            must configure -DCMAKE_C_FLAGS="$flags"
            must cmake --build "$demo/build"
            note_is_there "$demo/build/myacc.so"
        done
        holds "the sanitizer is in the note" [ "$(note_field "$demo/build/myacc.so" 238)" = address ]
    done
}

trains() {
    data=${TENON_DATA_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/tenon}
    [ -e "$data/mnist/train-images-idx3-ubyte" ] || { echo "MNIST is not in $data: tenon data fetch mnist" && exit 77; }
    make_demo
    add_operator
    must env TENON_PLUGIN_FILES="$demo/build/myacc.so" TENON_FALLBACK=allow "$prefix/bin/tenon" train \
        --backend myacc --model simplenet --epochs 1 --batch-size 3000 --json "$work/result"
    holds "what ran elsewhere is reported" grep -q '^  linear .* on reference:0$' "$work/log"
    holds "relu and add ran on the plugin" lacks "$work/log" '^  (relu|add) '
    holds "it learned" awk -F'"accuracy":' '{ exit !($2 + 0 > 0.7) }' "$work/result"
    cat "$work/result"
    subject=(env TENON_PLUGIN_FILES="$demo/build/myacc.so" "$prefix/bin/tenon" train --backend myacc --model simplenet)
    expect 1 'TENON_FALLBACK'
}

must cmake --install "$build" --prefix "$prefix"
rm "$work/log"
case $mode in
refusals | conforms | trains) $mode ;;
*) sed -n 's/^# .*Usage: //p' "$0" && exit 2 ;;
esac
exit $((failures > 0))
