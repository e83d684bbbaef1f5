#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The HTML report as a browser sees it: every kind of chart is there, nothing is complained of, and a phone shows it.
# Usage: tests/bench_html_test.sh BUILD
# $TENON takes the place of BUILD/bin/tenon.
set -u
tenon=${TENON:-$1/bin/tenon}
tests=${TENON_TEST_DIR:-$(dirname "$0")}
if ! command -v chromium >/dev/null; then
    echo "there is no chromium to open the report with"
    exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
page=$work/page.html
failures=0

complain() {
    printf '%s\n' "$*"
    failures=$((failures + 1))
}

# browse FILE: the document after it was loaded; what the browser says is in $work/log
browse() {
    local profile
    profile=$(mktemp -d "$work/profile.XXXXXX")
    timeout 120 chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run \
        --disable-background-networking --disable-component-update --disable-sync --allow-file-access-from-files \
        --user-data-dir="$profile" --enable-logging=stderr --dump-dom "file://$1" 2>"$work/log"
}

"$tenon" bench merge "$tests/bench/sample.json" --html "$page" >/dev/null || exit 1

# ---- the page itself

browse "$page" >"$work/dom" || complain "chromium cannot open the page: $(tail -3 "$work/log")"
grep CONSOLE "$work/log" && complain "the browser complains of the page"
for kind in throughput latency learning operators roofline; do
    grep -q "<figure class=\"chart $kind\">" "$work/dom" || complain "there is no chart of the kind $kind"
done

same=$(grep -oE ' id="[^"]*"' "$work/dom" | sort | uniq -d | head -3)
[ -z "$same" ] || complain "ids are there twice:" $same
drawings=$(grep -c '<svg ' "$work/dom")
[ "$(grep -c '<title id=' "$work/dom")" = "$drawings" ] || complain "not each of $drawings drawings has a title"
[ "$(grep -c '<desc id=' "$work/dom")" = "$drawings" ] || complain "not each of $drawings drawings has a description"
for id in $(grep -oE 'aria-labelledby="[^"]*"' "$work/dom" | cut -d'"' -f2); do
    grep -q " id=\"$id\"" "$work/dom" || complain "aria-labelledby names $id, which is not there"
done
grep -qE 'rgb\([0-9.]+%' "$work/dom" && complain "a drawing has a colour of its own"
grep -qE '(src|href)="(https?:)?//|@import|url\(http' "$work/dom" && complain "the page needs another file"
grep -q 'SIGINT' "$work/dom" || complain "the page does not say that a run is partial"
grep -q -- '--max-seconds allows' "$work/dom" || complain "the page does not say why a row has no figures"

# ---- as wide as a phone: a browser's own window cannot be so narrow, a frame can

cat >"$work/frame.html" <<'END'
<!DOCTYPE html><title>waiting</title><iframe src="page.html" style="width:360px;height:800px;border:0"></iframe>
<script>
onload = () => {
    const d = document.querySelector("iframe").contentDocument;
    const shown = e => d.defaultView.getComputedStyle(e).display != "none";
    for (const e of d.querySelectorAll("details")) e.open = true;
    const svg = [...d.querySelectorAll("svg")];
    const root = d.documentElement;
    document.title = "overflow " + (root.scrollWidth - root.clientWidth) + " narrow " + svg.filter(shown).length +
        " wide " + svg.filter(e => shown(e) && e.classList.contains("wide")).length;
};
</script>
END
title=$(browse "$work/frame.html" | grep -oE '<title>overflow[^<]*' | cut -d'>' -f2)
expected="overflow 0 narrow $((drawings / 2)) wide 0"
[ "$title" = "$expected" ] || complain "on a phone: \"$title\", expected \"$expected\""

# ---- texts of a document are text

sed 's/"label":"laptop"/"label":"<\/script><b id=in>\&\\"x\\u0001"/' "$tests/bench/sample.json" >"$work/hostile.json"
"$tenon" bench merge "$work/hostile.json" --html "$page" >/dev/null || complain "cannot write a page with odd labels"
browse "$page" >"$work/dom"
grep -qE '<b id="?in' "$work/dom" && complain "a label became an element"
grep -q '&lt;/script&gt;&lt;b id=in&gt;&amp;' "$work/dom" || complain "a label is not told as it is"

# ---- a page that cannot be written is an error

if [ -w /dev/full ]; then
    "$tenon" bench merge "$tests/bench/sample.json" --html /dev/full >/dev/null 2>&1 &&
        complain "a full disk is no error"
fi
exit $((failures > 0))
