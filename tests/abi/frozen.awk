# SPDX-License-Identifier: Apache-2.0
# Turns a golden layout file into static assertions, so that a change of a published offset does not even compile.
# Usage: awk -f frozen.awk layout-1.0.txt > frozen.c

BEGIN { print "#include \"tenon_ops.h\"\n" }

$1 ~ /^tn_/ {
    printf "TN_STATIC_ASSERT(offsetof(%s, %s) == %s, \"%s.%s moved\");\n", $1, $2, $3, $1, $2
    printf "TN_STATIC_ASSERT(sizeof(((%s *)0)->%s) == %s, \"%s.%s has another size\");\n", $1, $2, $4, $1, $2
}

$1 == "enum" { printf "TN_STATIC_ASSERT(%s == %s, \"%s has another value\");\n", $2, $3, $2 }
