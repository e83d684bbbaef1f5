/* SPDX-License-Identifier: Apache-2.0
 *
 * Lists and ranges in options. */
#include <stdlib.h>
#include <string.h>

#include "bench/plan.h"

bool bench_list_read(bench_list *list, const char *text)
{
    bench_list_release(list);
    for (const char *item = text;; item++) {
        size_t length = strcspn(item, ",");
        if (length == 0 || list->n == BENCH_LIST) return false;
        list->items[list->n++] = strndup(item, length);
        item += length;
        if (!*item) return true;
    }
}

void bench_list_release(bench_list *list)
{
    for (int i = 0; i < list->n; i++) free(list->items[i]);
    list->n = 0;
}

/* ---- numbers */

typedef struct range {
    int64_t first, last, factor, step;
} range;

static bool read_number(const char **text, int64_t *number)
{
    char *end;
    if (**text < '0' || **text > '9') return false;
    errno = 0;
    *number = strtoll(*text, &end, 10);
    *text = end;
    return errno == 0;
}

/* "8", "8-64", "8-64*2" or "8-64+8", up to a comma or the end. */
static bool read_range(const char **text, range *r)
{
    *r = (range){.factor = 1, .step = 1};
    if (!read_number(text, &r->first)) return false;
    r->last = r->first;
    if (**text == '-') {
        ++*text;
        if (!read_number(text, &r->last)) return false;
        char how = **text;
        if (how == '*' || how == '+') {
            ++*text;
            if (!read_number(text, how == '*' ? &r->factor : &r->step)) return false;
            if (how == '*') r->step = 0;
        }
    }
    bool moves = r->factor > 1 || r->step > 0;
    return (**text == ',' || **text == '\0') && moves && r->first <= r->last;
}

bool bench_numbers_read(const char *text, int64_t max, int64_t *numbers, int *n, char *why)
{
    *n = 0;
    for (const char *item = text;; item++) {
        const char *start = item;
        range r;
        bool good = read_range(&item, &r);
        if (!good || r.first < 1 || r.last > max) {
            snprintf(why, 200, "is a list such as 1,16,64 or 1-1024*4 of whole numbers from 1 to %lld; \"%.*s\" is not",
                     (long long)max, (int)strcspn(start, ","), start);
            return false;
        }
        for (int64_t value = r.first; value <= r.last; value = value * r.factor + r.step) {
            if (*n == BENCH_LIST) {
                snprintf(why, 200, "has more than %d numbers", BENCH_LIST);
                return false;
            }
            numbers[(*n)++] = value;
        }
        if (!*item) return true;
    }
}
