# SPDX-License-Identifier: Apache-2.0
# Reads the ABI headers and writes a C program that prints what a binary depends on, a row for each:
#     struct field offset size type
#     enum constant value
# The type is kept as written, so that a changed function signature or a double in place of an int64_t shows, too.
# Usage: awk -f layout.awk tenon_abi.h tenon_ops.h > layout.c

/^[ \t]*#/ { continued = /\\$/; next }      # preprocessor lines and what they continue on
continued  { continued = /\\$/; next }
           { text = text " " $0 }

END {
    text = without_comments(text)
    print "#include <stdio.h>\n#include \"tenon_ops.h\"\n"
    print "#define ROW(type, field, as) printf(\"%s %s %zu %zu %s\\n\", #type, #field, offsetof(type, field), "\
          "sizeof(((type *)0)->field), as)\n"
    print "#define CONSTANT(name) printf(\"enum %s %lld\\n\", #name, (long long)name)\n"
    print "int main(void)\n{"
    while (match(text, /(struct +tn_[a-z0-9_]+|enum) *\{/)) {
        name = substr(text, RSTART, RLENGTH)
        gsub(/struct +| *\{/, "", name)
        text = substr(text, RSTART + RLENGTH)
        end = index(text, "}")
        body = substr(text, 1, end - 1)
        if (name == "enum") constants(body)
        else fields(name, body)
        text = substr(text, end + 1)
    }
    print "    return 0;\n}"
}

# "TN_OK = 0, TN_INVALID = 1"
function constants(body,    n, i, names)
{
    n = split(body, names, ",")
    for (i = 1; i <= n; i++) {
        gsub(/ |=.*/, "", names[i])
        if (names[i] != "") printf "    CONSTANT(%s);\n", names[i]
    }
}

function without_comments(s,    out, start, end)
{
    while ((start = index(s, "/*")) > 0) {
        out = out substr(s, 1, start - 1) " "
        s = substr(s, start)
        end = index(s, "*/")
        s = substr(s, end + 2)
    }
    return out s
}

function fields(struct, body,    n, i, declarations)
{
    n = split(body, declarations, ";")
    for (i = 1; i <= n; i++) {
        gsub(/[ \t]+/, " ", declarations[i])
        sub(/^ /, "", declarations[i])
        if (declarations[i] ~ /[a-z]/) declaration(struct, declarations[i])
    }
}

# "tn_status (*f)(int)", "const char *name", "int64_t stride[2], padding[2]"
function declaration(struct, text,    name, base, n, i, names)
{
    if (match(text, /\(\*[a-z0-9_]+\)/)) {
        name = substr(text, RSTART + 2, RLENGTH - 3)
        row(struct, name, substr(text, 1, RSTART + 1) substr(text, RSTART + RLENGTH - 1))
        return
    }
    n = split(text, names, /, */)
    match(names[1], /[a-z0-9_]+(\[[A-Z0-9a-z_]+\])?$/)
    base = substr(names[1], 1, RSTART - 1)
    names[1] = substr(names[1], RSTART)
    sub(/ $/, "", base)
    for (i = 1; i <= n; i++) {
        name = names[i]
        sub(/\[.*/, "", name)
        row(struct, name, base substr(names[i], length(name) + 1))
    }
}

function row(struct, field, type)
{
    printf "    ROW(%s, %s, \"%s\");\n", struct, field, type
}
