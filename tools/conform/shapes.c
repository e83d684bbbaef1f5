/* SPDX-License-Identifier: Apache-2.0
 *
 * Random shapes: a sample's text with other numbers. Equal sizes stay equal, since they are so for a reason, and the
 * range of indices goes with the size that they count in. Whether the result fits is for the operator to say. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "trial.h"

enum { GROUPS = 48, MOST_ELEMENTS = 1 << 15 };
enum { INDICES = 5 }; /* values below it are drawn where a sample gives no range */

/* What one number of the sample becomes. */
typedef struct group {
    int64_t was, is;
} group;

typedef struct variation {
    const tn_op_status *op;
    uint64_t seed, drawn;
    group groups[GROUPS];
    int n;
    bool places; /* an input names places in windows: only the first two sizes may change */
    char *out;
    size_t room;
} variation;

uint64_t shapes_random(uint64_t seed, uint64_t index)
{
    uint64_t z = seed * 0x9e3779b97f4a7c15u + (index + 1) * 0xbf58476d1ce4e5b9u; /* SplitMix64, Steele et al. 2014 */
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static uint64_t draw(variation *v, uint64_t below)
{
    return shapes_random(v->seed, v->drawn++) % below;
}

/* ---- sizes: odd ones, primes, and those around the widths of vectors and tiles */

static int64_t draw_size(variation *v, int64_t was)
{
    static const int64_t few[] = {1, 2, 3, 4, 5, 6, 7, 9}, some[] = {1, 2, 3, 5, 7, 8, 11, 13, 15, 16, 17, 23, 31, 33},
                         many[] = {15, 16, 17, 31, 33, 61, 63, 64, 65, 67, 97, 127, 128, 129, 257};
    if (was == 0) return 0;
    if (was == 1) return draw(v, 8) ? 1 : few[draw(v, 8)];
    if (draw(v, 2)) return was;
    if (draw(v, 16) == 0) return 0;
    if (was <= 4) return few[draw(v, sizeof few / sizeof *few)];
    if (draw(v, 3) || was <= 10) return some[draw(v, sizeof some / sizeof *some)];
    return many[draw(v, sizeof many / sizeof *many)];
}

static group *find_group(variation *v, int64_t was)
{
    for (int i = 0; i < v->n; i++)
        if (v->groups[i].was == was) return &v->groups[i];
    if (v->n == GROUPS) return NULL;
    v->groups[v->n] = (group){was, draw_size(v, was)};
    return &v->groups[v->n++];
}

static int64_t becomes(variation *v, int64_t was)
{
    const group *g = find_group(v, was);
    return g ? g->is : was;
}

/* ---- the schema */

/* "i64[N]; ...": what follows the colon after an input's name. */
static const char *type_of(const tn_op_status *op, const char *name, size_t length)
{
    for (const char *s = strchr(op->schema, '('); s && *s && *s != ';'; s = strpbrk(s + 1, " ;")) {
        const char *at = s + 1;
        if (strncmp(at, name, length) != 0) continue;
        at += length;
        at += strspn(at, "?!");
        if (*at == ':') return at + 1;
    }
    return "";
}

static bool has_fixed_size(const char *type)
{
    const char *open = strchr(type, '[');
    return open && isdigit((unsigned char)open[1]);
}

/* ---- writing */

static void put(variation *v, const char *text, size_t n)
{
    if (n >= v->room) n = v->room - 1;
    memcpy(v->out, text, n);
    v->out += n;
    v->room -= n;
    *v->out = '\0';
}

static void put_number(variation *v, int64_t number)
{
    char text[32];
    put(v, text, (size_t)snprintf(text, sizeof text, "%lld", (long long)number));
}

/* Copies up to one of `ends`, replacing whole numbers from the `from`th to before the `to`th. */
static const char *put_numbers(variation *v, const char *s, const char *ends, int from, int to)
{
    for (int k = 0; *s && !strchr(ends, *s);) {
        char *end = (char *)s;
        int64_t number = isdigit((unsigned char)*s) ? strtoll(s, &end, 10) : 0;
        if (end == s) {
            put(v, s++, 1);
            continue;
        }
        put_number(v, k >= from && k < to ? becomes(v, number) : number);
        k++;
        s = end;
    }
    return s;
}

/* "target:i64[4]{0,10}" */
static const char *put_input(variation *v, const char *s)
{
    const size_t length = strcspn(s, ":[");
    const char *type = type_of(v->op, s, length);
    const bool indexes = strncmp(type, "i64", 3) == 0;
    const size_t head = strcspn(s, "[") + 1;
    put(v, s, head);
    s = put_numbers(v, s + head, "]", 0, has_fixed_size(type) ? 0 : v->places ? 2 : TN_MAX_RANK);
    const size_t tail = strcspn(s, "{ ;");
    put(v, s, tail);
    s += tail;
    if (*s == '{' && indexes)
        s = put_numbers(v, s, " ;", 1, 2);
    else if (*s == '{') {
        put(v, s, strcspn(s, " ;"));
        s += strcspn(s, " ;");
    } else if (indexes) {
        char range[40];
        put(v, range, (size_t)snprintf(range, sizeof range, "{0,%lld}", (long long)becomes(v, INDICES)));
    }
    return s;
}

static const char *put_attr(variation *v, const char *s)
{
    static const char *const sizes[] = {"size=", "rows=", "classes="};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        if (strncmp(s, sizes[i], strlen(sizes[i])) == 0) return put_numbers(v, s, " ", 0, v->places ? 0 : TN_MAX_RANK);
    const size_t n = strcspn(s, " ");
    put(v, s, n);
    return s + n;
}

/* What indices count in must not become empty: they are drawn from 0 on. */
static void reserve_ranges(variation *v, const char *sample)
{
    for (const char *s = sample; *s && *s != ';'; s += strcspn(s, " ;"), s += strspn(s, " ")) {
        const char *type = type_of(v->op, s, strcspn(s, ":["));
        if (strncmp(type, "i64", 3) != 0) continue;
        const char *range = s + strcspn(s, "{ ;");
        const char *comma = *range == '{' ? strchr(range, ',') : NULL;
        group *g = find_group(v, comma ? strtoll(comma + 1, NULL, 10) : INDICES);
        if (g && g->is == 0) g->is = g->was;
    }
}

/* Each input small enough for the reference backend to be quick. */
static bool is_small(const char *sample)
{
    int64_t n = 1;
    for (const char *s = sample; *s && *s != ';'; s++) {
        if (*s == '[') n = 1;
        if ((*s == '[' || *s == ',') && isdigit((unsigned char)s[1])) n *= strtoll(s + 1, NULL, 10);
        if (*s == ']' && n > MOST_ELEMENTS) return false;
        if (*s == '{') s += strcspn(s, "}");
    }
    return true;
}

bool shapes_vary(const tn_op_status *op, const char *sample, uint64_t seed, char text[TRIAL_TEXT])
{
    variation v = {.op = op, .seed = seed, .out = text, .room = TRIAL_TEXT};
    const char *places = strstr(op->schema, "index:I[");
    v.places = places && places < strstr(op->schema, "->");
    text[0] = '\0';
    reserve_ranges(&v, sample);
    const char *s = sample;
    while (*s && *s != ';') {
        s = put_input(&v, s);
        const size_t gap = strspn(s, " ");
        put(&v, s, gap);
        s += gap;
    }
    while (*s) {
        const size_t gap = strspn(s, "; ");
        put(&v, s, gap);
        s = put_attr(&v, s + gap);
    }
    return is_small(text);
}
