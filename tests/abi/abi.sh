#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The ABI's promises: golden files, append-only growth, headers that every compiler takes.
# Usage: abi.sh layout|catalogue|headers|append-only|frozen|abidiff
#        abi.sh binary|future TENON     (TENON: the program)
#        abi.sh update|update-binary    (rewrites the golden files of the header's minor version, unless it is frozen)
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
abi=$root/abi
cc=${CC:-cc}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# number NAME: a number that the header defines
number()
{
    sed -n "s/^#define $1  *\([0-9]*\).*/\1/p" "$abi/tenon_abi.h"
}
version=1.$(number TN_ABI_MINOR)

# layout DIR: what a binary compiled with DIR's headers depends on
layout()
{
    awk -f "$here/layout.awk" "$1/tenon_abi.h" "$1/tenon_ops.h" >"$work/layout.c"
    $cc -std=c11 -I"$1" "$work/layout.c" -o "$work/layout"
    "$work/layout"
}

# catalogue DIR: the schema strings of DIR's headers
catalogue()
{
    printf '%s\n' '#include "tenon_ops.h"' '#define TN_OP(name, schema, bound, meaning) puts(schema);' \
        'int main(void)' '{' '#include "tenon_ops.h"' '}' >"$work/catalogue.c"
    $cc -std=c11 -I"$1" "$work/catalogue.c" -o "$work/catalogue"
    "$work/catalogue"
}

# append_only KIND ROWS: ROWS is a legal growth of the golden files of that kind, layout or ops
append_only()
{
    for golden in "$abi/$1"-1.*.txt; do awk -f "$here/append_only.awk" "$golden" "$2" || return 1; done
}

# grown KIND ROWS: that, and what the golden file of the header's version says
grown()
{
    append_only "$1" "$2"
    golden=$abi/$1-$version.txt
    [ -e "$golden" ] && grep -v '^#' "$golden" | diff -u - "$2" && return
    echo "the headers are not those of $golden. If that is meant: tests/abi/abi.sh update"
    exit 1
}

check_layout()
{
    layout "$abi" >"$work/rows"
    grown layout "$work/rows"
}

check_catalogue()
{
    catalogue "$abi" >"$work/schemas"
    grown ops "$work/schemas"
}

# Every compiler here takes the headers, with the offsets of the golden file, as C11 and as C++17.
check_headers()
{
    cat "$abi"/layout-1.*.txt | awk -f "$here/frozen.awk" >"$work/frozen.c"
    grep -q 'tn_plugin, shutdown' "$work/frozen.c"
    echo '#include "tenon.h"' >>"$work/frozen.c"
    for compiler in gcc clang; do
        command -v $compiler >/dev/null || continue
        $compiler -std=c11 -Wall -Wextra -Wpedantic -Werror -I"$abi" -I"$root/core" -fsyntax-only "$work/frozen.c"
        echo "$compiler: C11"
        echo 'int main() {}' | $compiler -x c++ -std=c++17 -fsyntax-only - 2>/dev/null || continue # no C++ here
        $compiler -x c++ -std=c++17 -Wall -Wextra -Wpedantic -Werror -I"$abi" -I"$root/core" -fsyntax-only "$work/frozen.c"
        echo "$compiler: C++17"
    done
}

# mutate FILE SED-SCRIPT: a copy of the headers with one change
mutate()
{
    rm -rf "$work/mutant"
    mkdir "$work/mutant"
    cp "$abi"/*.h "$work/mutant"
    # the headers' own size assertions would speak first
    sed -i '/^TN_SIZE_OF_1_0(/d' "$work/mutant/tenon_abi.h"
    sed -i "$2" "$work/mutant/$1"
    cmp -s "$abi/$1" "$work/mutant/$1" && { echo "the mutation $2 did nothing"; exit 1; }
    return 0
}

# refused WHAT FILE SED-SCRIPT: the check must notice this change
refused()
{
    mutate "$2" "$3"
    layout "$work/mutant" >"$work/rows"
    catalogue "$work/mutant" >"$work/schemas"
    if append_only layout "$work/rows" && append_only ops "$work/schemas"; then
        echo "not noticed: $1"
        exit 1
    fi
}

# allowed WHAT FILE SED-SCRIPT: legal growth
allowed()
{
    mutate "$2" "$3"
    layout "$work/mutant" >"$work/rows"
    catalogue "$work/mutant" >"$work/schemas"
    append_only layout "$work/rows" && append_only ops "$work/schemas" && return
    echo "wrongly refused: $1"
    exit 1
}

check_append_only()
{
    refused 'field inserted in the middle' tenon_abi.h '/const char \*implementation;/i uint64_t extra;'
    refused 'field removed' tenon_abi.h '/uint64_t bytes_moved;/d'
    refused 'fields reordered' tenon_abi.h 's/uint64_t n_in;/uint64_t swap_;/; s/uint64_t n_out;/uint64_t n_in;/; s/swap_/n_out/'
    refused 'type changed, size kept' tenon_ops.h 's/^    double momentum, weight_decay;/    int64_t momentum, weight_decay;/'
    refused 'signature changed' tenon_abi.h 's/void (\*destroy)(tn_plan \*plan);/void (*destroy)(tn_plan *plan, int how);/'
    refused 'field put in padding' tenon_abi.h 's/    int32_t reserved; .*/int16_t reserved, more;/'
    refused 'constant renumbered' tenon_abi.h 's/TN_CORRUPT = 8/TN_CORRUPT = 9/'
    refused 'tn_kernel grown' tenon_abi.h '/const void \*data; /a uint64_t extra;'
    refused 'schema changed' tenon_ops.h 's|square/1(x:A|square/1(x:T|'
    refused 'operator removed' tenon_ops.h '/^TN_OP(erf,/d'
    allowed 'field appended' tenon_abi.h '/void (\*shutdown)(void);/a void (*extra)(void);'
    allowed 'constant appended' tenon_abi.h 's/TN_CORRUPT = 8/TN_CORRUPT = 8, TN_NEW = 9/'
    allowed 'struct added' tenon_ops.h '/^typedef struct tn_clamp_attrs {/i typedef struct tn_new_attrs { uint64_t struct_size; } tn_new_attrs;'
    allowed 'operator added' tenon_ops.h '/^TN_OP(erf,/i TN_OP(erfc, "erfc/1(x:T[...]) -> y:T[...]", 4, "1 - erf")'
}

vendor=$root/tests/bad_plugins/conform

# plugin SOURCE HEADERS TO: as a vendor would build it
plugin()
{
    $cc -std=c11 -D_GNU_SOURCE -Os -fPIC -shared -fvisibility=hidden -I"$2" -I"$vendor" "$1" -o "$3" -pthread -lm -s
}

# serves TENON FILE: the plugin is loaded, passes conformance of its operators, and works for a program that names it
serves()
{
    TENON_PLUGIN_FILES=$2 TENON_PLUGIN_PATH=/nonexistent TENON_LOG=info "$1" backends >"$work/backends" 2>"$work/log"
    grep -A1 '^. vendor 1.0' "$work/backends" | grep 'vendor:0' || { cat "$work/backends"; exit 1; }
    "$1" conform "$2" --level 2
}

# The binary of each minor version was made once (update-binary) and must work for ever.
check_binary()
{
    [ "$(uname -sm)" = 'Linux x86_64' ] || { echo "the binaries are for Linux on x86-64"; exit 77; }
    for binary in "$here"/plugin-1.*-x86_64.so; do serves "$1" "$binary"; done
}

# A plugin of a made-up 1.1: each struct that may grow has a field more.
check_future()
{
    mutate tenon_abi.h '/^#define TN_ABI_MINOR/s/0/1/
        /^    void (\*shutdown)(void);/a void (*extra)(void);
        /^    uint64_t flags; .*TN_PLAN_\*/a uint64_t extra;
        /^    uint64_t alignment; .*alloc guarantees/a const char *extra;
        /^    char sanitizer\[32\];/a char extra[64];
        /^    void (\*destroy)(tn_device \*device, tn_graph \*graph);/a void (*extra)(tn_graph *graph);'
    sed -i '/^TN_OP(erf,/i TN_OP(erfc, "erfc/1(x:T[...]) -> y:T[...]", 4, "1 - erf")' "$work/mutant/tenon_ops.h"
    [ "$(grep -c ' extra\|(\*extra)' "$work/mutant/tenon_abi.h")" = 5 ]
    append=$(layout "$work/mutant" | grep -c ' extra')
    [ "$append" = 5 ]
    plugin "$here/future.c" "$work/mutant" "$work/future.so"
    serves "$1" "$work/future.so"
    grep 'relu/2, which this core does not know' "$work/log"
    grep 'erfc/1, which this core does not know' "$work/log"
}

# What was published stays as it is.
refuse_frozen()
{
    frozen=$(number TN_ABI_FROZEN_MINOR)
    [ "$(number TN_ABI_MINOR)" -gt "$frozen" ] && return
    echo "ABI $version is frozen. What is added belongs to 1.$((frozen + 1)): raise TN_ABI_MINOR in abi/tenon_abi.h first"
    exit 1
}

update_binary()
{
    refuse_frozen
    plugin "$vendor/sound_synchronous.c" "$abi" "$here/plugin-$version-x86_64.so"
}

# probe: an object whose debug information holds every type of the plugin table
probe()
{
    printf '%s\n' '#include "tenon_ops.h"' '#define USE(type) extern const type probe_##type; const type probe_##type = {0};' \
        'TN_EXPORT tn_status tn_plugin_query_v1(const tn_host_api *h, const tn_plugin **p, tn_error *e)' \
        '{ (void)h; (void)p; return tn_fail(e, TN_UNSUPPORTED, 0, "probe"); }' >"$work/probe.c"
    awk '/^typedef struct tn_[a-z0-9_]* *\{/ { print "USE(" $3 ")" }' "$abi/tenon_abi.h" "$abi/tenon_ops.h" >>"$work/probe.c"
    $cc -std=c11 -g -fPIC -shared -I"$abi" "$work/probe.c" -o "$work/probe.so"
}

# The second gate: libabigail compares the types themselves. It cannot tell an insertion from an append.
check_abidiff()
{
    command -v abidiff >/dev/null || { echo "abidiff is not installed"; exit 77; }
    probe
    abidiff "$abi/tenon-$version.abi" "$work/probe.so"
}

update()
{
    refuse_frozen
    layout "$abi" >"$work/rows"
    catalogue "$abi" >"$work/schemas"
    rm -f "$abi/layout-$version.txt" "$abi/ops-$version.txt"
    append_only layout "$work/rows" && append_only ops "$work/schemas" || exit 1
    { echo "# Offsets, sizes and types of ABI $version: struct field offset size type. Made by tests/abi/abi.sh update."
      cat "$work/rows"; } >"$abi/layout-$version.txt"
    { echo "# The operators of ABI $version. Made by tests/abi/abi.sh update."
      cat "$work/schemas"; } >"$abi/ops-$version.txt"
    command -v abidw >/dev/null || return 0
    probe
    abidw --no-corpus-path --no-comp-dir-path --no-show-locs "$work/probe.so" | sed "s|$work/||" >"$abi/tenon-$version.abi"
}

# expect STATUS PHRASE COMMAND...: the command ends so and says so
expect()
{
    status=$1 phrase=$2
    shift 2
    code=0
    "$@" >"$work/said" 2>&1 || code=$?
    [ $code = "$status" ] && { [ -z "$phrase" ] || grep -q "$phrase" "$work/said"; } && return
    echo "$*: status $code instead of $status, or no \"$phrase\":"
    cat "$work/said"
    exit 1
}

# In a copy: a published version cannot be rewritten, the next one can be added to it, and no field goes in between.
check_frozen()
{
    copy=$work/copy
    mkdir -p "$copy/tests" "$copy/core"
    cp -r "$abi" "$copy/abi"
    cp -r "$here" "$copy/tests/abi"
    cp "$root/core/tenon.h" "$copy/core"
    header=$copy/abi/tenon_abi.h
    expect 1 "is frozen" "$copy/tests/abi/abi.sh" update
    expect 1 "is frozen" "$copy/tests/abi/abi.sh" update-binary
    next=$(($(number TN_ABI_FROZEN_MINOR) + 1))
    sed -i "/^#define TN_ABI_MINOR/s/[0-9][0-9]*/$next/; /void (\*shutdown)(void);/a void (*extra)(void);
            /^TN_SIZE_OF_1_0(tn_plugin,/d" "$header"
    expect 1 "layout-1.$next.txt" "$copy/tests/abi/abi.sh" layout
    expect 0 "" "$copy/tests/abi/abi.sh" update
    expect 0 "" "$copy/tests/abi/abi.sh" layout
    expect 0 "" "$copy/tests/abi/abi.sh" headers
    grep 'tn_plugin extra' "$copy/abi/layout-1.$next.txt"
    ! grep 'tn_plugin extra' "$copy/abi/layout-1.0.txt"
    sed -i '/const char \*implementation;/i uint64_t extra;' "$header"
    sed -i '/^TN_SIZE_OF_1_0(tn_plan,/d' "$header"
    expect 1 "tn_plan .*changed" "$copy/tests/abi/abi.sh" update
}

case ${1:-} in
layout) check_layout ;;
catalogue) check_catalogue ;;
headers) check_headers ;;
append-only) check_append_only ;;
frozen) check_frozen ;;
abidiff) check_abidiff ;;
binary) check_binary "$2" ;;
future) check_future "$2" ;;
update) update ;;
update-binary) update_binary ;;
*) sed -n 's/^# Usage: //p; s/^#        abi/abi/p' "$0"; exit 2 ;;
esac
