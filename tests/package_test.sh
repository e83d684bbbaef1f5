#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The Debian packages of a build: what is in them, what they need, and that they work from the folders that they
# unpack to. Usage: tests/package_test.sh BUILD
set -euo pipefail
export LC_ALL=C
build=$(cd "$1" && pwd)

for program in cpack dpkg-deb; do
    command -v $program >/dev/null || { echo "$program is not there" && exit 77; }
done
cached() { sed -n "s/^$1:[A-Z]*=//p" "$build/CMakeCache.txt"; }
[ -z "$(cached TENON_SANITIZE)" ] || { echo "a build with sanitizers is not packaged" && exit 77; }

work=$(mktemp -d)
before=$(ls "$build")
# Installing leaves its lists in the build.
cleanup() {
    rm -rf "$work"
    local file
    for file in "$build"/install_manifest*.txt; do
        grep -qxF "${file##*/}" <<<"$before" || rm -f "$file"
    done
}
trap cleanup EXIT

fail() {
    printf '%s\n' "$*"
    exit 1
}

field() { dpkg-deb -f "$work/debs/$1"_*.deb "$2"; }
files() { dpkg-deb --fsys-tarfile "$work/debs/$1"_*.deb | tar -t | sed -n 's/^\.\(.*[^/]\)$/\1/p'; }

cpack --config "$build/CPackConfig.cmake" -G DEB -B "$work/debs" >"$work/log" 2>&1 || fail "cpack: $(<"$work/log")"
plugins=() packages=()
for deb in "$work"/debs/*.deb; do
    package=$(basename "$deb")
    package=${package%%_*}
    packages+=("$package")
    [[ $package != tenon-plugin-* ]] || plugins+=("$package")
done
for package in libtenon libtenon-dev tenon; do
    [[ " ${packages[*]} " == *" $package "* ]] || fail "there is no $package among ${packages[*]}"
done
[ ${#plugins[@]} = "$(find "$build/lib/tenon/plugins/1" -name '*.so' | wc -l)" ] || fail "plugins: ${plugins[*]}"

# ---- each file that is installed is in exactly one package

for package in "${packages[@]}"; do
    files "$package"
done | sort >"$work/packaged"
DESTDIR=$work/all cmake --install "$build" --prefix /usr >/dev/null
(cd "$work/all" && find . ! -type d | cut -c2- | sort) >"$work/installed"
diff "$work/installed" "$work/packaged" || fail "what is installed (<) is not what the packages hold (>), or one holds it twice"
for package in "${packages[@]}"; do
    grep -qx "/usr/share/doc/$package/copyright" <(files "$package") || fail "$package has no copyright file"
done

# ---- what they need

version=$(field libtenon Version)
for package in tenon libtenon-dev; do
    [[ ", $(field "$package" Depends)," == *", libtenon (= $version),"* ]] ||
        fail "$package needs $(field "$package" Depends), not just this libtenon"
done
for package in libtenon "${plugins[@]}"; do
    ! grep -E '(^|[ ,])(lib)?tenon' <<<"$(field "$package" Depends)" || fail "$package needs a package of ours"
done
if command -v dpkg-shlibdeps >/dev/null && command -v file >/dev/null; then
    grep -q libjansson <<<"$(field libtenon Depends)" || fail "libtenon needs $(field libtenon Depends)"
    grep -q ldconfig <<<"$(dpkg-deb --ctrl-tarfile "$work"/debs/libtenon_*.deb | tar -xO)" ||
        fail "libtenon does not tell ldconfig of itself"
fi
for package in "${packages[@]}"; do
    for wanted in Maintainer Section Description Architecture; do
        [ -n "$(field "$package" $wanted)" ] || fail "$package has no $wanted"
    done
done

# ---- they work where they are unpacked to

# unpack ROOT PACKAGE...
unpack() {
    local root=$1 package
    shift
    for package; do dpkg-deb -x "$work/debs/$package"_*.deb "$root"; done
}

unset LD_LIBRARY_PATH TENON_BACKEND TENON_PLUGIN_FILES TENON_PLUGIN_PATH
# backends ROOT: "onednn /path" for each that is usable
backends() {
    "$1/usr/bin/tenon" backends --json |
        sed -n 's/^{"name":"\([^"]*\)".*"path":"\([^"]*\)".*"refused":null.*/\1 \2/p'
}

unpack "$work/bare" libtenon tenon
[ "$(backends "$work/bare")" = "reference " ] || fail "without plugins there is more than reference: $(backends "$work/bare")"
for package in "${plugins[@]}"; do
    unpack "$work/$package" libtenon tenon "$package"
    name=${package#tenon-plugin-}
    "$work/$package/usr/bin/tenon" backends
    found=$("$work/$package/usr/bin/tenon" backends --json |
        grep -c "^{\"name\":\"$name\".*\"path\":\"$work/$package/usr/lib") || true
    [ "$found" = 1 ] || fail "$name is not found in the folder that it was unpacked to"
done
if [ -d "$work/tenon-plugin-onednn" ]; then
    [[ $(backends "$work/tenon-plugin-onednn") == "onednn $work/tenon-plugin-onednn/usr/"* ]] ||
        fail "onednn is refused where it was unpacked to"
fi

# ---- and a vendor's package is made with them

unpack "$work/dev" libtenon libtenon-dev tenon
"$work/dev/usr/bin/tenon-new-plugin" "$work/plugin" demo
(cmake -S "$work/plugin" -B "$work/plugin/build" -DCMAKE_PREFIX_PATH="$work/dev/usr" &&
    cmake --build "$work/plugin/build" && cd "$work/plugin/build" && cpack) >"$work/log" 2>&1 ||
    fail "no package of a plugin can be made with what was unpacked: $(<"$work/log")"
grep -qx "Tenon_PROGRAM:FILEPATH=$work/dev/usr/bin/tenon" "$work/plugin/build/CMakeCache.txt" ||
    fail "the plugin's test does not use the program that was unpacked"
mv "$work/plugin/build"/tenon-plugin-demo_*.deb "$work/debs/"
[ "$(files tenon-plugin-demo)" = "$work/dev/usr/$(cached CMAKE_INSTALL_LIBDIR)/tenon/plugins/1/demo.so" ] || fail "the vendor's package has $(files tenon-plugin-demo)"
! grep tenon <<<"$(field tenon-plugin-demo Depends)" || fail "the vendor's package needs a package of ours"
echo "the packages ${packages[*]} hold each installed file once, and work"
