/* SPDX-License-Identifier: Apache-2.0
 *
 * What the CPU can do, told by cpuid and by what the operating system saves (Intel SDM volume 1, 13.2 and 14.3), and
 * whether that is enough for a plugin. The levels are those of the x86-64 psABI, section 3.1.1. */
#include "engine/backend.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { LEVELS = 4, BEYOND = LEVELS + 1 };

#if defined(__x86_64__)
#include <cpuid.h>

enum { EAX, EBX, ECX, EDX };
enum { NO_STATE = 0, YMM = 0x6, ZMM = 0xe6, TILES = 0x60006 }; /* bits of XCR0 */

static const struct feature {
    const char *name;
    int level; /* the first that has it; BEYOND: none */
    uint32_t leaf, subleaf;
    int reg, bit;
    uint64_t state; /* that the operating system must save */
} features[] = {
    /* clang-format off */
    {"cx16",         2,      1,          0, ECX, 13, NO_STATE},
    {"lahf_lm",      2,      0x80000001, 0, ECX, 0,  NO_STATE},
    {"popcnt",       2,      1,          0, ECX, 23, NO_STATE},
    {"sse3",         2,      1,          0, ECX, 0,  NO_STATE},
    {"ssse3",        2,      1,          0, ECX, 9,  NO_STATE},
    {"sse4.1",       2,      1,          0, ECX, 19, NO_STATE},
    {"sse4.2",       2,      1,          0, ECX, 20, NO_STATE},
    {"avx",          3,      1,          0, ECX, 28, YMM},
    {"avx2",         3,      7,          0, EBX, 5,  YMM},
    {"bmi",          3,      7,          0, EBX, 3,  NO_STATE},
    {"bmi2",         3,      7,          0, EBX, 8,  NO_STATE},
    {"f16c",         3,      1,          0, ECX, 29, YMM},
    {"fma",          3,      1,          0, ECX, 12, YMM},
    {"lzcnt",        3,      0x80000001, 0, ECX, 5,  NO_STATE},
    {"movbe",        3,      1,          0, ECX, 22, NO_STATE},
    {"avx512f",      4,      7,          0, EBX, 16, ZMM},
    {"avx512bw",     4,      7,          0, EBX, 30, ZMM},
    {"avx512cd",     4,      7,          0, EBX, 28, ZMM},
    {"avx512dq",     4,      7,          0, EBX, 17, ZMM},
    {"avx512vl",     4,      7,          0, EBX, 31, ZMM},
    {"aes",          BEYOND, 1,          0, ECX, 25, NO_STATE},
    {"pclmul",       BEYOND, 1,          0, ECX, 1,  NO_STATE},
    {"avxvnni",      BEYOND, 7,          1, EAX, 4,  YMM},
    {"avx512ifma",   BEYOND, 7,          0, EBX, 21, ZMM},
    {"avx512vbmi",   BEYOND, 7,          0, ECX, 1,  ZMM},
    {"avx512vnni",   BEYOND, 7,          0, ECX, 11, ZMM},
    {"avx512bf16",   BEYOND, 7,          1, EAX, 5,  ZMM},
    {"avx512fp16",   BEYOND, 7,          0, EDX, 23, ZMM},
    {"amx-tile",     BEYOND, 7,          0, EDX, 24, TILES},
    {"amx-int8",     BEYOND, 7,          0, EDX, 25, TILES},
    {"amx-bf16",     BEYOND, 7,          0, EDX, 22, TILES},
    /* clang-format on */
};
enum { FEATURES = sizeof features / sizeof *features };

/* XCR0, 0 where the operating system does not use XSAVE. */
static uint64_t saved_state(void)
{
    uint32_t r[4], low, high;
    if (!__get_cpuid(1, &r[EAX], &r[EBX], &r[ECX], &r[EDX]) || !(r[ECX] >> 27 & 1)) return 0;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}

static bool cpu_has(const struct feature *f)
{
    uint32_t r[4];
    if (!__get_cpuid_count(f->leaf, f->subleaf, &r[EAX], &r[EBX], &r[ECX], &r[EDX])) return false;
    return r[f->reg] >> f->bit & 1 && (saved_state() & f->state) == f->state;
}

#else

/* Nothing can be told of this kind of processor: its plugins name no features. */
static const struct feature {
    const char *name;
    int level;
} features[] = {{"", BEYOND}};
enum { FEATURES = 0 };

static bool cpu_has(const struct feature *f)
{
    (void)f;
    return false;
}
#endif

/* 1 for "x86-64", 2 for "x86-64-v2", ...; 0 if text is no level. */
static int level_of(const char *text, size_t n)
{
    static const char *const names[] = {"x86-64", "x86-64-v2", "x86-64-v3", "x86-64-v4"};
    for (int i = 0; i < LEVELS; i++)
        if (strlen(names[i]) == n && memcmp(names[i], text, n) == 0) return i + 1;
    return 0;
}

/* The level that $TENON_CPU caps the CPU at; BEYOND if it does not. */
static int cap(void)
{
    const char *text = secure_getenv("TENON_CPU");
    int level = text && *text ? level_of(text, strlen(text)) : BEYOND;
    if (level) return level;
    static atomic_flag told = ATOMIC_FLAG_INIT;
    if (!atomic_flag_test_and_set(&told))
        tn_log_line(TN_LOG_WARN, "TENON_CPU is \"%s\", not x86-64 or x86-64-v2 to -v4; it is ignored", text);
    return BEYOND;
}

static bool usable(const struct feature *f)
{
    return f->level <= cap() && cpu_has(f);
}

static bool level_usable(int level)
{
    for (int i = 0; i < FEATURES; i++)
        if (features[i].level <= level && !usable(&features[i])) return false;
    return level <= cap();
}

int tn_cpu_level(void)
{
    int level = FEATURES ? 1 : 0;
    while (level && level < LEVELS && level_usable(level + 1)) level++;
    return level;
}

static const struct feature *find(const char *name, size_t n)
{
    for (int i = 0; i < FEATURES; i++)
        if (strlen(features[i].name) == n && memcmp(features[i].name, name, n) == 0) return &features[i];
    return NULL;
}

/* Calls word for each word of a list. */
static void each_word(const char *list, void (*word)(void *arg, const char *text, size_t n), void *arg)
{
    for (const char *at = list + strspn(list, " "); *at; at += strspn(at, " ")) {
        size_t n = strcspn(at, " ");
        word(arg, at, n);
        at += n;
    }
}

typedef struct lack {
    char *text;
    size_t size, used;
} lack;

static void add_missing(void *arg, const char *text, size_t n)
{
    lack *l = arg;
    int level = FEATURES ? level_of(text, n) : 0;
    const struct feature *f = level ? NULL : find(text, n);
    if ((level && level_usable(level)) || (f && usable(f)) || l->used >= l->size) return;
    l->used += (size_t)snprintf(l->text + l->used, l->size - l->used, "%s%.*s%s", l->used ? ", " : "", (int)n, text,
                                level || f ? "" : " (which this core does not know)");
}

const char *tn__cpu_lacks(const char *wanted, char *buffer, size_t size)
{
    lack l = {buffer, size, 0};
    each_word(wanted, add_missing, &l);
    return l.used ? buffer : NULL;
}

static void add_rank(void *arg, const char *text, size_t n)
{
    bool *asked = arg;
    int level = level_of(text, n);
    const struct feature *f = level ? NULL : find(text, n);
    for (int i = 0; i < FEATURES; i++) asked[i] |= features[i].level <= level || f == &features[i];
}

int tn__cpu_rank(const char *wanted)
{
    bool asked[FEATURES + 1] = {false};
    int rank = 0;
    each_word(wanted, add_rank, asked);
    for (int i = 0; i < FEATURES; i++) rank += asked[i];
    return rank;
}
