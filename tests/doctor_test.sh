#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# tenon doctor on plugins of every kind: it survives them all, its JSON is never garbled, and it says what would help.
# Usage: tests/doctor_test.sh BUILD
set -u
tenon=$(realpath "$1")/bin/tenon
readme=$(realpath "$(dirname "$0")/../README.md")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
. "$(dirname "$0")/expect.sh"
subject=("$tenon" doctor)
built=${TENON_BAD_PLUGINS:?names the folder of the plugins to try}
unset TENON_PLUGIN_FILES TENON_BACKEND TENON_CPU TENON_PROBE TENON_LOG
export TENON_PLUGIN_PATH=$work/plugins
mkdir "$work/plugins"
cd "$work" || exit 1
"$tenon" --version >/dev/null || exit 1

put() { # PLUGIN...: these are in the folder, and no others
    rm -f plugins/*
    for name; do cp "$built/$name.so" plugins/; done
}

# examine CODE ARGUMENT...: doctor --json ends with the code, and what it writes is one line of one object, in `report`.
examine() {
    local code=$1 got
    shift
    "$tenon" doctor --json "$@" >report 2>errors
    got=$?
    [ $got = "$code" ] || fail "doctor --json $*: exit code $got, expected $code: $(cat report errors)"
    [ "$(wc -l <report)" = 1 ] && python3 -m json.tool report >/dev/null || fail "doctor --json $*: not one line of JSON: $(cat report)"
}

# reports WHAT EXPRESSION: it holds of the report r and its plugins p, by file name ("" is the reference backend).
reports() {
    python3 - "$2" <<'END' || fail "does not hold: $1 ($2) in $(cat report)"
import json, os, sys
r = json.load(open("report"))
p = {os.path.basename(x["path"]).removesuffix(".so"): x for x in r["plugins"]}
sys.exit(not eval(sys.argv[1]))
END
}

# refused FILE RULE PHRASE: by that rule, in a sentence with the phrase
refused() { reports "$1 is refused by the rule $2" "not p['$1']['usable'] and p['$1']['rule'] == '$2' and '''$3''' in p['$1']['refused']"; }

# ---- usage

expect 2 'one plugin at a time' a.so b.so
expect 2 'above 0' --timeout 0
expect 2 'unrecognized option' --fly

# ---- a machine without plugins

examine 0
reports 'the reference backend is usable' "p['']['usable'] and p['']['name'] == 'reference' and p['']['chosen']"
reports 'auto has nothing better' "r['auto']['backend'] == 'reference' and 'no plugin' in r['auto']['why']"
reports 'the machine is described' "r['machine']['memory_bytes'] > 0 and r['machine']['cpus'] > 0"
reports 'the core says where it lies' "r['tenon']['library'].startswith('/') and r['tenon']['abi'] == '1.0'"
reports 'the folder was searched' "[(s['place'], s['state'], s['candidates']) for s in r['search']] == [('$work/plugins', 'folder', 0)]"
reports 'the trial was made' "r['trial']['ok'] and r['trial']['device'] == 'reference:0' and r['ok']"
expect 0 'auto. takes reference:0: no plugin is usable'

# ---- variables

export TENON_PLUGNI_PATH=/x TENON_SOMETHING_ELSE_ALTOGETHER=1 OMP_NUM_THREADS=2 CUDA_VISIBLE_DEVICES=
expect 0 'TENON_PLUGNI_PATH=/x .*did you mean TENON_PLUGIN_PATH\?'
examine 0
reports 'variables are shown' "{'TENON_PLUGIN_PATH', 'OMP_NUM_THREADS', 'CUDA_VISIBLE_DEVICES'} <= {v['name'] for v in r['environment']}"
reports 'a slip of the pen is pointed out' "[v['remark'] for v in r['environment'] if v['name'] == 'TENON_PLUGNI_PATH'] == ['nothing here reads this; did you mean TENON_PLUGIN_PATH?']"
reports 'no far-fetched guess is made' "[v['remark'] for v in r['environment'] if v['name'] == 'TENON_SOMETHING_ELSE_ALTOGETHER'] == ['nothing here reads this, unless it belongs to a plugin']"
TENON_PROBE=nobody expect 0 'TENON_PROBE=nobody .not one of: foreign all none'
TENON_PROBE=none expect 0 'TENON_PROBE=none$'
unset TENON_PLUGNI_PATH TENON_SOMETHING_ELSE_ALTOGETHER OMP_NUM_THREADS

# ---- a folder of all kinds

put good noted crashes aborts exits prints hangs needs_library undefined_symbol sanitized unknown_cpu note_lies no_device \
    variant_1 variant_2 variant_3
echo text >plugins/text.so
cp "$built/noted.so" plugins/open.so && chmod o+w plugins/open.so
cp "$built/good.so" plugins/twin.so
export TENON_CPU=x86-64-v2
examine 0
reports 'candidates are in search order, variants by what suits the CPU' "[x for x in p if x.startswith(('a', 'g', 'h', 't'))] == ['aborts', 'good', 'hangs', 'text', 'twin']"
reports 'the good ones are usable' "p['good']['usable'] and p['noted']['usable'] and p['prints']['usable'] and p['']['usable']"
refused crashes crash 'signal 11'
refused aborts crash 'signal 6'
refused exits crash 'exit code 0'
refused hangs timeout 'did not answer within 10 s'
refused needs_library library libtenon_test_gone.so.7
refused undefined_symbol symbol tenon_test_nobody_has_this
refused sanitized sanitizer '-fsanitize=memory'
refused unknown_cpu cpu quantum
refused note_lies note 'honest 1.0'
refused no_device device 'no driver: testErrorInsufficientDriver (35)'
refused text elf 'not an ELF file'
refused open writable 'everyone may write to it'
refused twin name 'comes first'
reports 'a writable file is helped' "p['open']['remedy'] == 'chmod o-w $work/plugins/open.so'"
reports 'hidden GPUs are thought of' "'unset CUDA_VISIBLE_DEVICES' in p['no_device']['remedy']"
reports 'a capped CPU is thought of' "'unset TENON_CPU' in p['unknown_cpu']['remedy']"
reports 'a missing library is named' "[(l['by'], l['path']) for l in p['needs_library']['libraries'] if l['state'] == 'missing'] == [('linked', None)]"
reports 'what a note asks for is looked for' "[l['state'] for n in ('libm.so.6', 'libtenon_nonesuch.so.3') for l in p['noted']['libraries'] if l['name'] == n] == ['found', 'missing']"
reports 'a library that is found has a path' "all(l['path'].startswith('/') for x in p.values() for l in x['libraries'] if l['state'] == 'found')"
reports 'notes are shown' "p['noted']['note'] == dict(abi='1.0', name='noted', version='1.0', vendor=\"Tenon's tests\", cpu='', libraries='libm.so.6 libtenon_nonesuch.so.3', sanitizer=p['noted']['note']['sanitizer']) and p['good']['note'] is None"
reports 'devices are shown' "p['good']['devices'][0]['name'] == 'base:0' and p['good']['devices'][0]['kind'] == 'CPU'"
reports 'who printed is told of' "r['loading']['outcome'] == 'done' and 'hello from' in r['loading']['printed']"
reports 'auto takes the first of equals' "r['auto']['backend'] == 'base' and 'first in search order' in r['auto']['why']"
if [ "$(uname -m)" = x86_64 ]; then
    reports 'the machine is what TENON_CPU says' "r['machine']['level'] == 'x86-64-v2'"
    reports 'the best variant is taken' "p['variant_2']['usable'] and p['variant_1']['rule'] == 'variant' and p['variant_3']['rule'] == 'cpu'"
fi
unset TENON_CPU CUDA_VISIBLE_DEVICES

# The same as text.
rm plugins/hangs.so
"$tenon" doctor >text 2>&1 || fail "doctor: $(cat text)"
for line in '^Searched, in this order$' "^  $work/plugins .TENON_PLUGIN_PATH.: [0-9]+ candidates" '^\* base 1.0 - usable' \
    '^  crashes - refused, rule "crash"' '^    help +chmod o-w ' 'libtenon_nonesuch.so.3: missing' \
    '^    note +ABI 1.0, noted 1.0 by Tenon' 'printed to standard output' '^\* `auto` takes base:0' '^Well: '; do
    grep -qE "$line" text || fail "no line \"$line\" in $(cat text)"
done
if [ "$(id -u)" = 0 ]; then
    chown 12345 plugins/noted.so
    expect 0 'belongs to user 12345'
fi

# ---- a backend is asked for

put good noted crashes
TENON_BACKEND=noted expect 0 'a program that asks for "noted" gets noted:0'
TENON_BACKEND=nonesuch expect 1 'a program that asks for "nonesuch" gets an error: .*no plugin has that name'
TENON_BACKEND=crashes expect 1 'Not well: .*it was refused'
TENON_BACKEND=noted:1 expect 1 'noted has 1 device'
TENON_FALLBACK=perhaps TENON_BACKEND=noted expect 1 'TENON_FALLBACK is "perhaps"'
put open_fails
expect 1 'another process holds the device'

# ---- one plugin that survives being tried, and crashes later, takes nobody with it

put good late_crash noted
examine 1
reports 'all the same it is known who it was' "p['late_crash']['rule'] == 'crash' and 'signal 11' in p['late_crash']['refused']"
reports 'and that the others work' "p['good']['usable'] and p['noted']['usable'] and p['noted']['devices']"
reports 'what became of the child is told' "r['loading']['outcome'] == 'crash' and 'signal 11' in r['loading']['what'] and not r['ok']"
expect 1 'would not live'

# ---- one file

expect 0 'noted.so works with this core, as noted:0' "$built/noted.so"
cp "$built/prints.so" "$built/late_crash.so" "$built/hangs.so" "$built/variant_4.so" .
expect 0 "\"prints.so\" was taken as $work/prints.so" prints.so
examine 0 prints.so
reports 'one file alone is examined' "list(p) == ['prints'] and r['plugin'] == '$work/prints.so' and p['prints']['found_by'] == 'command line' and 'search' not in r and 'prints.so' in r['remark']"
examine 1 late_crash.so
refused late_crash crash 'signal 11'
examine 1 "$built/crashes.so"
refused crashes crash 'signal 11'
expect 1 'No such file' ./none.so
expect 1 'not a regular file' plugins
expect 1 'libtenon_test_gone.so.7: missing' "$built/needs_library.so"
[ "$(uname -m)" = x86_64 ] && TENON_CPU=x86-64-v3 expect 1 'help +unset TENON_CPU' variant_4.so

# ---- every variable that the README lists is known

put good
for name in $(grep -oE '^\| `TENON_[A-Z_`, ]+' "$readme" | grep -oE 'TENON_[A-Z_]+' | grep -v TENON_PLUGIN); do
    env "$name=auto" "$tenon" doctor >text 2>/dev/null
    grep -qE "^ +$name=" text || fail "doctor does not show $name"
    ! grep -A1 -E "^ +$name=" text | grep -q 'nothing here reads this' || fail "doctor does not know $name"
done

# ---- patience

SECONDS=0
examine 1 --timeout 1 hangs.so
refused hangs timeout 'did not end within 1 s'
holds 'who is in a hurry waits no 10 s' [ $SECONDS -lt 8 ]
"$tenon" doctor hangs.so >/dev/null 2>&1 &
sleep 0.5
kill $!
wait $! 2>/dev/null
[ $? = 143 ] || fail 'who is told to end does not'
holds 'nobody is left behind' bash -c "! pgrep -f '^$tenon doctor.*hangs[.]so'"
put good
holds 'a full disk behind stdout is a failure' bash -c "! '$tenon' doctor --json >/dev/full 2>&1"

[ $failures = 0 ]
