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
