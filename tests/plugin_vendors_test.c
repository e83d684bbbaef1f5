/* SPDX-License-Identifier: Apache-2.0
 *
 * Several vendors in one process: two that were compiled from one source, so that all their names are the same, the
 * reference backend, and whatever was built beside the tests (oneDNN). */
#include "plugins.h"

enum { MOST = 8, N = 5 };
static const float values[N] = {1, -2, 3.5f, 0, 1e-3f};

/* Usable backends with the operator neg; the demo vendors come first. */
static int vendors(const char **names)
{
    int n, found = 0;
    const tn_backend_status *all = tn_backends(&n);
    for (int i = 0; i < n && found < MOST; i++)
        if (!all[i].refused && tn_backend_has_op(all[i].name, "neg")) names[found++] = all[i].name;
    return found;
}

static bool holds(tn_tensor *x, float sign)
{
    float found[N];
    if (tn_read(x, found, sizeof found) != TN_OK) return false;
    for (int i = 0; i < N; i++)
        if (found[i] != sign * values[i]) return false;
    return true;
}

/* neg on each, and the way from each to each, in one context. */
static void cross(FILE *out, tn_context *tn, const char **names, int n)
{
    tn_tensor *there[MOST];
    for (int i = 0; i < n; i++) {
        tn_set_default_device(tn, names[i]);
        there[i] = tn_neg(tn_from(tn, values, TN_F32, TN_SHAPE(N)));
        if (strncmp(tn_device_of(there[i]), names[i], strlen(names[i])) != 0)
            fprintf(out, "neg of %s is on %s; ", names[i], tn_device_of(there[i]));
        if (!holds(there[i], -1)) fprintf(out, "neg is wrong on %s; ", names[i]);
    }
    for (int from = 0; from < n; from++)
        for (int to = 0; to < n; to++) {
            tn_tensor *moved = tn_to(there[from], names[to]);
            if (strncmp(tn_device_of(moved), names[to], strlen(names[to])) != 0 || !holds(moved, -1))
                fprintf(out, "lost from %s to %s; ", names[from], names[to]);
            else if (!holds(tn_neg(moved), 1))
                fprintf(out, "neg is wrong from %s on %s; ", names[from], names[to]);
        }
}

static const char *library_of(const char *name)
{
    int n;
    const tn_backend_status *all = tn_backends(&n);
    for (int i = 0; i < n; i++)
        if (strcmp(all[i].name, name) == 0) return all[i].library;
    return "";
}

static void use_all(FILE *out, const char *files)
{
    const char *names[MOST];
    tn_context *contexts[MOST] = {NULL};
    setenv("TENON_PLUGIN_FILES", files, 1);
    setenv("TENON_FALLBACK", "error", 1);
    int n = vendors(names);
    for (int i = 0; i < n; i++) fprintf(out, "%s ", names[i]);
    fputs(": ", out);
    for (int i = 0; i < n; i++) contexts[i] = tn_open(names[i]); /* all at once */
    for (int i = 0; i < n; i++) {
        if (!holds(tn_neg(tn_from(contexts[i], values, TN_F32, TN_SHAPE(N))), -1)) fprintf(out, "%s alone; ", names[i]);
        cross(out, contexts[i], names, n);
        fputs(tn_message(contexts[i]), out);
        tn_clear(contexts[i]);
    }
    tn_set_default_device(contexts[0], names[0]);
    tn_tensor *x = tn_from(contexts[0], values, TN_F32, TN_SHAPE(N)); /* once more, on the first alone */
    tn_neg(x);
    for (int i = 0; i < n; i++) tn_close(contexts[i]);
    fprintf(out, "%d; %s; %s;", n, library_of("demo_a"), library_of("demo_b"));
}

/* In each of n contexts each vendor computes one neg of its own and one of what came from each of n; one more in its own
 * context; and one more for the first. */
static void vendors_work_side_by_side(void **state)
{
    (void)state;
    char files[3 * PATH_MAX], expected[200];
    int n;
    snprintf(files, sizeof files, "%s:%s", built("demo_a"), built("demo_b"));
    const char *text = in_child(use_all, files);
    assert_says(text, "demo_a demo_b ");
    assert_says(text, "reference : "); /* and nothing to complain of */
    const char *end = strstr(text, "reference : ") + strlen("reference : ");
    assert_int_equal(sscanf(end, "%d", &n), 1);
    assert_true(n >= 3);
    int each = n * (n + 1) + 1;
    snprintf(expected, sizeof expected, "%d; demo_a: %d and %d executions; demo_b: %d and %d executions;", n, each + 1,
             each + 1, each, each);
    assert_string_equal(end, expected);
}

/* The test's environment names the folder of the plugins that were built; where oneDNN is among them, it takes part. */
static void what_was_built_takes_part(void **state)
{
    (void)state;
    char path[PATH_MAX + 40], files[3 * PATH_MAX];
    const char *plugins = getenv("TENON_PLUGIN_PATH");
    snprintf(path, sizeof path, "%s/tenon_onednn.so", plugins ? plugins : "");
    if (access(path, R_OK) != 0) skip();
    snprintf(files, sizeof files, "%s:%s", built("demo_a"), built("demo_b"));
    assert_says(in_child(use_all, files), "demo_a demo_b onednn reference : 4;");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vendors_work_side_by_side),
        cmocka_unit_test(what_was_built_takes_part),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
