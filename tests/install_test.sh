#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs a build to a fresh prefix, moves it, and uses it from outside: by CMake and by pkg-config, as a library
# and for a plugin. Usage: tests/install_test.sh SOURCE BUILD
set -euo pipefail
source=$(cd "$1" && pwd)
build=$(cd "$2" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# expect TEXT COMMAND...: the command succeeds, and TEXT is in what it prints.
expect() {
    local text=$1 output
    shift
    output=$("$@" 2>&1) || { echo "failed: $*: $output" >&2 && exit 1; }
    grep -qF -- "$text" <<<"$output" || { echo "\"$text\" is not in the output of $*: $output" >&2 && exit 1; }
}

# Sanitizers of the build must be in what is linked to it.
sanitizers=$(sed -n 's/^TENON_SANITIZE:[A-Z]*=//p' "$build/CMakeCache.txt")
flag=${sanitizers:+-fsanitize=$sanitizers}

# outside NAME FOLDER: configures and builds the project in FOLDER against the installed Tenon.
outside() {
    expect "" cmake --no-warn-unused-cli -S "$2" -B "$work/$1" \
        -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_C_FLAGS="$flag" -DCMAKE_CXX_FLAGS="$flag"
    expect "" cmake --build "$work/$1"
}

expect "" cmake --install "$build" --prefix "$work/first"
prefix=$work/moved
mv "$work/first" "$prefix"
[ -x "$prefix/bin/tenon" ] && [ -f "$prefix/include/tenon.h" ]
unset LD_LIBRARY_PATH TENON_BACKEND TENON_PLUGIN_FILES TENON_PLUGIN_PATH
expect "reference" "$prefix/bin/tenon" backends
for plugin in "$build"/lib/tenon/plugins/1/*.so; do
    [ ! -e "$plugin" ] || expect "$prefix" "$prefix/bin/tenon" backends
done

outside library "$source/tests/outside/library"
expect "relu on reference:0" "$work/library/outside" reference
"$work/library/outside_cxx"

"$prefix/bin/tenon-new-plugin" "$work/demo" demo
outside plugin "$work/demo"
[ "$(nm -D --defined-only "$work/plugin/demo.so" | grep -c ' T ')" = 1 ] # the entry symbol alone
expect "demo:0" env TENON_PLUGIN_FILES="$work/plugin/demo.so" "$prefix/bin/tenon" backends
expect "relu on demo:0" env TENON_PLUGIN_FILES="$work/plugin/demo.so" "$work/library/outside" demo
expect "" cmake --install "$work/plugin"
expect "relu on demo:0" "$work/library/outside" demo

export PKG_CONFIG_PATH
PKG_CONFIG_PATH=$(dirname "$(find "$prefix" -name tenon.pc)")
# shellcheck disable=SC2046,SC2086
cc $flag "$source/tests/outside/library/main.c" -o "$work/by-pkg-config" \
    $(pkg-config --cflags --libs tenon) "-Wl,-rpath,$(pkg-config --variable=libdir tenon)"
expect "relu on reference:0" "$work/by-pkg-config" reference
echo "the installed Tenon works from outside, for programs and for plugins"
