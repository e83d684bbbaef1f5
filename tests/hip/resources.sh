#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What AMD's compiler made of the kernels, read from the code in a plugin: each kernel is there for each architecture,
# spills nothing to memory, and leaves a compute unit room for enough blocks.
# Usage: tests/hip/resources.sh PLUGIN ARCHITECTURE...            exit code 1: something is beyond its limit
#        tests/hip/resources.sh --table PLUGIN ARCHITECTURE...    prints a Markdown table
set -u
export LC_ALL=C
root=$(cd "$(dirname "$0")/../.." && pwd)
table=
[ "${1-}" != --table ] || { table=1 && shift; }
plugin=$1
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# A program on the PATH, or else the newest of LLVM's folders.
llvm() {
    local found
    found=$(command -v "$1" || ls /usr/lib/llvm-*/bin/"$1" /opt/rocm/llvm/bin/"$1" 2>/dev/null | sort -Vr | head -n 1)
    [ -n "$found" ] || { echo "$1 is not there" >&2 && exit 77; }
    echo "$found"
}
command -v objcopy >/dev/null || { echo "objcopy is not there" && exit 77; }
unbundle=$(llvm clang-offload-bundler) readelf=$(llvm llvm-readelf) || exit 77

# A compute unit: the registers of a lane on one SIMD, in pieces of how many waves take them, how many waves fit, bytes
# of LDS. Blocks are not counted for others.
#     architecture  SIMDs  registers  piece  waves  LDS
units='gfx90a       4      512        8      8      65536
       gfx1030      2      1024       16     16     65536'

# What kernels may take: registers of a lane; scalar registers that spill to lanes of those; bytes of LDS that launches
# ask for (product.c, copy.c, rows.c). blocks: that a compute unit must have room for. No kernel may spill to memory.
#      kernels                                 vgpr  spills  LDS    blocks
limits='map_.*|where|cast|copy|fill|arange     80    0       0      6
        math_f32                               80    0       0      6
        math_f64                               256   16      0      4
        random|dropout                         104   64      0      6
        transpose                              48    0       8448   4
        reduce|argmax|softmax                  96    0       0      2
        cross_entropy                          96    8       0      1
        cross_entropy_grad|nll|one_hot         64    0       0      4
        relu_grad_sum                          96    0       0      2
        index_select|gather_scale|cat          64    0       0      4
        index_add                              64    0       32768  1
        step|step_any                          96    0       0      2
        norm_.*                                64    0       0      4
        pool_.*                                64    72      0      6
        join_.*                                96    0       0      2
        matmul(_sums)?16_.*                    200   0       40960  1
        matmul(_sums)?32_f32                   128   0       18432  2
        matmul(_sums)?32_f64                   160   0       36864  1
        matmul(_sums)?64_.*                    216   0       34816  1
        matmul128_f32                          200   0       16896  1
        conv(_back|_weight)?32_f32             160   24      18432  2
        conv(_back|_weight)?64_f32             216   24      17408  1
        conv(_back|_weight)?32_f64             160   24      36864  1
        conv64_f64                             232   24      34816  1'

# kernels ARCHITECTURE: name, threads, VGPRs, SGPRs, spills of both, scratch, LDS and lanes of a wave, for each kernel
objcopy -O binary --only-section=.hip_fatbin "$plugin" "$work/all" || exit 1
kernels() {
    "$readelf" --notes "$work/$1" | awk '
        /^    \.name:/ { name = substr($2, 5) }
        /^    \.max_flat_workgroup_size:/ { threads = $2 }
        /^    \.vgpr_count:/ { vgpr = $2 }
        /^    \.sgpr_count:/ { sgpr = $2 }
        /^    \.vgpr_spill_count:/ { vgpr_spills = $2 }
        /^    \.sgpr_spill_count:/ { sgpr_spills = $2 }
        /^    \.private_segment_fixed_size:/ { scratch = $2 }
        /^    \.group_segment_fixed_size:/ { lds = $2 }
        /^    \.wavefront_size:/ { print name, threads, vgpr, sgpr, vgpr_spills, sgpr_spills, scratch, lds, $2 }'
}

# judge ARCHITECTURE: the lines of kernels with what launches ask for and a compute unit's blocks; complaints to stderr
judge() {
    "$unbundle" --type=o --unbundle --input="$work/all" --targets="hipv4-amdgcn-amd-amdhsa--$1" --output="$work/$1" ||
        return
    kernels "$1" | awk -v architecture="$1" -v limits="$limits" -v units="$units" -v wanted="$wanted" '
        function complain(text) { print architecture ", " name ": " text > "/dev/stderr"; bad = 1 }
        function most(what, is, limit) { if (is > limit) complain(is " " what ", and at most " limit " are allowed") }
        function least(a, b) { return a < b ? a : b }
        function room(   waves) {
            if (!simds) return "?"
            waves = least(most_waves, int(registers / (int((vgpr + piece - 1) / piece) * piece)))
            return least(int(simds * waves / int((threads + lanes - 1) / lanes)),
                         lds + asked ? int(unit_lds / (lds + asked)) : 1000)
        }
        BEGIN {
            n = split(limits, rows, "\n")
            for (i = 1; i <= split(units, lines, "\n"); i++)
                if (split(lines[i], f) && f[1] == architecture) {
                    simds = f[2]; registers = f[3]; piece = f[4]; most_waves = f[5]; unit_lds = f[6]
                }
        }
        {
            name = $1; threads = $2; vgpr = $3; lds = $8; lanes = $9
            seen[name] = 1
            found = 0
            for (i = 1; i <= n && !found; i++) found = split(rows[i], row) && name ~ "^(" row[1] ")$"
            if (!found) { complain("it has no limits here"); next }
            asked = row[4]; blocks = room()
            most("vector registers", vgpr, row[2])
            most("vector registers spill", $5, 0)
            most("scalar registers spill", $6, row[3])
            most("bytes of scratch memory", $7, 0)
            most("bytes of LDS", lds + asked, 65536)
            if (blocks < row[5]) complain("a compute unit has room for " blocks " blocks, not " row[5])
            print $0, asked, blocks
        }
        END {
            for (i = 1; i <= split(wanted, names, " "); i++)
                if (!(names[i] in seen)) { name = names[i]; complain("it is missing") }
            exit bad
        }'
}

wanted=$(sed -nE 's/^GPU_KERNEL\(([a-z0-9_]+),.*/\1/p' "$root/plugins/gpu/kernels.h")
bad=0
for architecture; do
    judge "$architecture" >"$work/$architecture.txt" || bad=1
done
if [ -z "$table" ]; then
    [ $bad = 0 ] && echo "$(wc -w <<<"$wanted") kernels are within their limits for $*"
    exit $bad
fi

head='| kernel |' line='|---|'
for architecture; do
    head+=" $architecture: VGPR | SGPR | spills | LDS | blocks |" line+='---:|---:|---:|---:|---:|'
done
echo "$head"
echo "$line"
for name in $wanted; do
    printf '| %s |' "$name"
    for architecture; do
        awk -v name="$name" '$1 == name {
            printf " %s | %s | %s | %s | %s |", $3, $4, $5 + $6 + $7, $8 + $10, $11
        }' "$work/$architecture.txt"
    done
    echo
done
