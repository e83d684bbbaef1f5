# SPDX-License-Identifier: Apache-2.0
# Is `current` a legal growth of `golden`? Every golden row must still be there, letter by letter, and new fields may
# only follow the last old one of their struct. Reads the output of layout.awk's program, or a list of schemas.
# Usage: awk -f append_only.awk golden current       Exit status 1, and a line for each offence, if not.

function key() # what a row is about: "tn_plan flags", "enum TN_OK", "conv2d/1"
{
    return $0 ~ /^[a-z0-9_]+\// ? substr($0, 1, index($0, "(") - 1) : $1 " " $2
}

function is_field()
{
    return $1 ~ /^tn_/
}

function refuse(sentence)
{
    print sentence
    offences++
}

/^#/ || NF == 0 { next }

FNR == NR {
    golden[key()] = $0
    if (is_field() && $3 + $4 > end[$1]) end[$1] = $3 + $4
    next
}

{
    seen[key()] = 1
    if (key() in golden) {
        if (golden[key()] != $0) refuse(key() " changed: was `" golden[key()] "`, is `" $0 "`")
    } else if (is_field() && $1 in end) {
        if ($1 == "tn_kernel") refuse(key() " was added, but plugins hold arrays of tn_kernel: it never grows")
        else if ($3 < end[$1]) refuse(key() " was put at " $3 ", before the end of the published struct at " end[$1])
    }
}

END {
    for (row in golden) if (!(row in seen)) refuse(row " is gone: was `" golden[row] "`")
    exit offences > 0
}
