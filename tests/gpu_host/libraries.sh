# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What tests of a plugin with fake libraries share; to be sourced with $1 the build folder, and `plugin` and `folder` set:
# the plugin's name and where in the tests' folder it lies.
build=$(realpath "$1")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
. "$(dirname "$0")/../expect.sh"
export TENON_PLUGIN_PATH=$work TENON_PLUGIN_FILES=$build/tests/$folder/$plugin.so TENON_FAKE_TRACE=$work/trace
export LD_LIBRARY_PATH=$build/tests/$folder/fakes${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
unset TENON_BACKEND
touch "$work/trace"

right() { # OPERATOR...: their samples give what the reference gives
    local name promise
    for name; do
        for promise in 'as *' 'NaN *'; do
            "$build/tests/ops_test" "$name: $plugin: $promise" >"$work/output" 2>&1 ||
                fail "$name: $(tail -n 40 "$work/output")"
            grep -q 'Running 1 test' "$work/output" || fail "$name: there is no test of it"
        done
    done
}

traced() { # PATTERN: the libraries have done this
    grep -qE "^$1\$" "$work/trace" || fail "no \"$1\" in what the libraries were asked: $(sort "$work/trace" | uniq -c)"
}
untraced() { ! grep -E "^$1\$" "$work/trace" || fail "\"$1\" is in what the libraries were asked"; }

says() { # TEXT COMMAND...: TEXT, a pattern, is in what the command writes
    local text=$1
    shift
    "$@" 2>&1 | tee "$work/output" | grep -qE -- "$text" || fail "no \"$text\" in what $* writes: $(cat "$work/output")"
}

opening=("$build/bin/tenon" conform "$TENON_PLUGIN_FILES" --level 0)

# refused NAME FILE FUNCTION OPERATOR: a library without its functions, or a file that is none: which function is missing,
# or what is wrong, is told once, and the operator is right all the same
refused() {
    local sample=("$build/tests/ops_test" "$4: $plugin: as *") usual=$LD_LIBRARY_PATH
    export LD_LIBRARY_PATH=$build/tests/$folder/other:$usual
    right "$4"
    says "$1 is not used .*$2: undefined symbol: $3.: the plugin.s own kernels" "${sample[@]}"
    [ "$(grep -c "$1 is not used" "$work/output")" = 1 ] || fail "it is not told just once: $(cat "$work/output")"
    touch "$work/$2"
    export LD_LIBRARY_PATH=$work:$usual
    says "$1 is not used .*$2: file too short.: the plugin.s own kernels" "${sample[@]}"
}

conforms() { # products at all levels, convolutions as far as their numbers
    local name
    says '^conforms to level 5' "$build/bin/tenon" conform "$TENON_PLUGIN_FILES" --ops 'linear*'
    for name in matmul 'conv2d*'; do
        says '^conforms to level 2' "$build/bin/tenon" conform "$TENON_PLUGIN_FILES" --level 2 --ops "$name"
    done
}
