/* SPDX-License-Identifier: Apache-2.0
 *
 * Where plugins are looked for, in which order, and which of several is taken. The test's own program holds the core, so
 * that a copy of it is a Tenon installed elsewhere: run as `COPY list`, it prints its candidates. */
#include "plugins.h"

#include <sys/auxv.h>

/* "found_by:file(usable)", or the rule that refused it. */
static void list(FILE *out)
{
    int n;
    const tn_backend_status *all = tn_backends(&n);
    for (int i = 0; i < n; i++) {
        const char *slash = strrchr(all[i].path, '/');
        fprintf(out, "%s:%s(%s) ", all[i].found_by, slash ? slash + 1 : all[i].path,
                all[i].refused ? all[i].rule : "usable");
    }
}

/* ---- order */

static const char *with_folder(const char *format)
{
    static char text[5 * PATH_MAX];
    snprintf(text, sizeof text, format, folder, folder, folder);
    return text;
}

/* A backend that is linked into the program: the reference backend under another name. */
static tn_status query_linked(const tn_host_api *host, const tn_plugin **plugin, tn_error *error)
{
    static tn_plugin table;
    const tn_plugin *reference;
    tn_status status = tn_reference_query(host, &reference, error);
    if (status != TN_OK) return status;
    table = *reference;
    table.name = "linked";
    *plugin = &table;
    return TN_OK;
}

static void search_everywhere(FILE *out, const char *argument)
{
    (void)argument;
    setenv("TENON_PLUGIN_PATH", with_folder("%s/second:%s/first:relative/folder:/nonexistent"), 1);
    setenv("TENON_PLUGIN_FILES", with_folder("%s/y.so::%s/x.so"), 1);
    tn_add_plugin_file(with_folder("%s/z.so"));
    tn_add_plugin(query_linked);
    list(out);
}

/* All have one name, so that only the first is usable. */
static void candidates_come_in_a_known_order(void **state)
{
    (void)state;
    static const char *const files[] = {"z.so",           "y.so",        "x.so",        "first/b.so",
                                        "first/a.so",     "second/B.so", "second/c.so", "second/.hidden.so",
                                        "second/text.txt"};
    make_subfolder("first");
    make_subfolder("second");
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) copied("good", files[i]);
    assert_string_equal(in_child(search_everywhere, ""), "tn_add_plugin:(usable) tn_add_plugin_file:z.so(usable) "
                                                         "TENON_PLUGIN_FILES:y.so(name) TENON_PLUGIN_FILES:x.so(name) "
                                                         "TENON_PLUGIN_PATH:B.so(name) TENON_PLUGIN_PATH:c.so(name) "
                                                         "TENON_PLUGIN_PATH:a.so(name) TENON_PLUGIN_PATH:b.so(name) "
                                                         "TENON_PLUGIN_PATH:folder(path) built in:(usable) ");
}

static void tell_names(FILE *out, const char *path)
{
    int n;
    setenv("TENON_PLUGIN_FILES", path, 1);
    setenv("TENON_PLUGIN_PATH", "relative/folder:/nonexistent", 1);
    const tn_backend_status *backends = tn_backends(&n);
    for (int i = 0; i < n; i++)
        fprintf(out, "%s%s(%s)", i ? ", " : "", backends[i].name, backends[i].refused ? backends[i].refused : "usable");
}

static void the_first_of_a_name_wins(void **state)
{
    (void)state;
    char both[3 * PATH_MAX];
    snprintf(both, sizeof both, "%s:%s", built("good"), copied("good", "twin.so"));
    const char *text = in_child(tell_names, both);
    assert_says(text, "base(usable)");
    assert_says(text, "good.so has the same name and comes first");
    assert_says(text, "absolute directories");
    assert_says(text, "reference(usable)");
}

/* ---- beside the library */

/* What a shell command prints. */
static const char *told(const char *command)
{
    int ends[2], fate;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        if (dup2(ends[1], STDOUT_FILENO) >= 0) execl("/bin/bash", "bash", "-c", command, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    const char *text = read_all(ends[0]);
    close(ends[0]);
    assert_int_equal(waitpid(child, &fate, 0), child);
    if (!WIFEXITED(fate) || WEXITSTATUS(fate) != 0) fail_msg("%s: %d: %s", command, fate, text);
    return text;
}

/* In `home`, relative to the folder: the program, and plugins beside it. */
static void install(const char *home)
{
    char command[3 * PATH_MAX];
    snprintf(
        command, sizeof command,
        "cd '%s' && rm -rf %s && mkdir -p %s/tenon/plugins/1 && cp '/proc/%d/exe' %s/prog && cp built/{noted,ours,unwanted}.so "
        "%s/tenon/plugins/1",
        folder, home, home, (int)getpid(), home, home);
    told(command);
}

static const char *told_in_folder(const char *command)
{
    char whole[3 * PATH_MAX];
    snprintf(whole, sizeof whole, "cd '%s' && unset TENON_PLUGIN_PATH TENON_PLUGIN_FILES && %s", folder, command);
    return told(whole);
}

static void plugins_beside_the_library_are_found(void **state)
{
    (void)state;
    install("home");
    static const char *const names[] = {"noted", "ours", "unwanted"};
    for (int i = 0; i < 3; i++) take_traces(names[i]);
    assert_string_equal(told_in_folder("home/prog list"),
                        "beside libtenon:noted.so(usable) beside libtenon:ours.so(usable) "
                        "beside libtenon:unwanted.so(crash) built in:(usable) ");
    assert_int_equal(take_traces("ours"), 1); /* is trusted to load well, others are tried first */
    assert_int_equal(take_traces("noted"), 2);
    assert_int_equal(take_traces("unwanted"), 1);
    assert_says(told_in_folder("TENON_PROBE=all home/prog list"), "ours.so(usable)");
    assert_int_equal(take_traces("ours"), 2);
}

/* As Tenon's own plugins are that lie beside it, and no others: not of its version alone, not of its vendor alone, not in
 * a folder whose name only begins like the library's. */
static void what_came_with_the_library_is_not_tried_first(void **state)
{
    (void)state;
    static const char *const foreign[] = {"neighbour", "elder"};
    install("home");
    told_in_folder("rm home/tenon/plugins/1/* && cp built/{neighbour,elder,ours}.so home/tenon/plugins/1");
    told_in_folder("mkdir -p homely && cp built/ours.so homely");
    take_traces("ours");
    told_in_folder("home/prog list");
    assert_int_equal(take_traces("ours"), 1);
    for (int i = 0; i < 2; i++) assert_int_equal(take_traces(foreign[i]), 2);
    assert_string_equal(told_in_folder("TENON_PLUGIN_PATH=$PWD/homely home/prog list"),
                        "TENON_PLUGIN_PATH:ours.so(usable) built in:(usable) ");
    assert_int_equal(take_traces("ours"), 2);
}

static void a_plugin_path_stands_in_for_what_lies_beside_the_library(void **state)
{
    (void)state;
    install("home");
    assert_string_equal(told_in_folder("TENON_PLUGIN_PATH= home/prog list"), "built in:(usable) ");
    assert_string_equal(told_in_folder("TENON_PLUGIN_FILES=$PWD/built/good.so home/prog list"),
                        "TENON_PLUGIN_FILES:good.so(usable) beside libtenon:noted.so(usable) "
                        "beside libtenon:ours.so(usable) beside libtenon:unwanted.so(crash) built in:(usable) ");
}

/* The current folder has all that a folder of the library would have. */
static void the_current_folder_is_never_searched(void **state)
{
    (void)state;
    install("home");
    install("here");
    install("bare");
    told_in_folder("rm -r bare/tenon && cp built/good.so bare");
    assert_string_equal(told_in_folder("cd here && ../bare/prog list"), "built in:(usable) ");
    assert_string_equal(told_in_folder("cd bare && ./prog list"), "built in:(usable) ");
    assert_string_equal(
        told_in_folder("cd bare && PATH=$PWD LD_LIBRARY_PATH=$PWD TENON_PLUGIN_FILES=good.so prog list"),
        "TENON_PLUGIN_FILES:good.so(path) built in:(usable) ");
}

/* argv[0] is chosen by whoever starts a program, which matters where that one is not trusted. */
static void a_program_is_not_misled_about_where_it_lies(void **state)
{
    (void)state;
    install("home");
    install("bare");
    told_in_folder("rm -r bare/tenon");
    assert_string_equal(told_in_folder("exec -a \"$PWD/home/prog\" bare/prog list"), "built in:(usable) ");
}

/* A program that runs with other rights than the user's heeds none of the user's variables. */
static void privileged_programs_ignore_the_environment(void **state)
{
    (void)state;
    if (geteuid() != 0 || TN_NOTE_SANITIZER[0]) skip(); /* sanitizers do not work in such programs */
    install("home");
    told_in_folder("chmod 755 . && chown 12345 home/prog && chmod u+s home/prog");
    if (strcmp(told_in_folder("home/prog secure"), "secure ") != 0) skip(); /* mounted without setuid */
    const char *text = told_in_folder("unset TENON_TEST_TRACE && TENON_PLUGIN_FILES=$PWD/built/good.so "
                                      "TENON_PLUGIN_PATH=$PWD/built home/prog list");
    assert_says(text, "beside libtenon:noted.so(usable)");
    assert_does_not_say(text, "TENON_");
    told_in_folder("rm home/prog");
}

/* ---- variants of one plugin for several CPUs */

static void tell_variants(FILE *out, const char *cpu)
{
    int n;
    setenv("TENON_PLUGIN_PATH", with_folder("%s/variants"), 1);
    if (*cpu) setenv("TENON_CPU", cpu, 1);
    const tn_backend_status *all = tn_backends(&n);
    for (int i = 0; i < n; i++) {
        const char *slash = strrchr(all[i].path, '/');
        fprintf(out, "%s(%s) ", slash ? slash + 1 : "", all[i].refused ? all[i].rule : "usable");
    }
    for (int i = 0; i < n; i++)
        if (all[i].refused) fprintf(out, "\n%s", all[i].refused);
}

static void put_variants(const char *files)
{
    char command[PATH_MAX];
    snprintf(command, sizeof command, "rm -rf variants && mkdir variants && cd built && cp %s ../variants", files);
    told_in_folder(command);
}

static const char *const levels[] = {"x86-64", "x86-64-v2", "x86-64-v3", "x86-64-v4"};

/* Of all variants, the code of this one alone has run. */
static void assert_loaded_alone(int level)
{
    for (int i = 0; i < 4; i++) {
        int n = take_traces(levels[i]);
        if ((n > 0) != (i == level)) fail_msg("%s ran %d times, where %s is the best", levels[i], n, levels[level]);
    }
}

static void the_best_variant_that_the_cpu_can_run_is_taken(void **state)
{
    (void)state;
    if (tn_cpu_level() == 0) skip(); /* another kind of processor */
    put_variants("variant_?.so");
    for (int level = 0; level < tn_cpu_level(); level++) {
        char taken[40];
        const char *text = in_child(tell_variants, levels[level]);
        snprintf(taken, sizeof taken, "variant_%d.so(usable)", level + 1);
        assert_says(text, taken);
        for (int other = 0; other < 4; other++) {
            snprintf(taken, sizeof taken, "variant_%d.so(%s)", other + 1, other < level ? "variant" : "cpu");
            if (other != level) assert_says(text, taken);
        }
        if (level > 0) assert_says(text, "is the same backend and suits this CPU better");
        assert_loaded_alone(level);
    }
    assert_says(in_child(tell_variants, ""), "(usable)"); /* as the CPU is */
    assert_loaded_alone(tn_cpu_level() - 1);
}

/* Files of other names lie between them. */
static void variants_need_not_be_neighbours(void **state)
{
    (void)state;
    if (tn_cpu_level() < 2) skip();
    put_variants("variant_[12].so");
    told_in_folder("cp built/good.so variants/variant_1a.so");
    assert_says(in_child(tell_variants, "x86-64-v2"), "variant_2.so(usable)");
    assert_loaded_alone(1);
}

static void a_better_variant_that_fails_leaves_the_lesser(void **state)
{
    (void)state;
    if (tn_cpu_level() < 2) skip();
    put_variants("variant_1.so variant_crash.so");
    const char *text = in_child(tell_variants, "x86-64-v2");
    assert_says(text, "variant_crash.so(crash)");
    assert_says(text, "variant_1.so(usable)");
    assert_loaded_alone(0);
}

static void open_variant(FILE *out, const char *cpu)
{
    setenv("TENON_PLUGIN_PATH", with_folder("%s/variants"), 1);
    setenv("TENON_CPU", cpu, 1);
    tn_context *tn = tn_open("variant");
    fprintf(out, "%s: %s", tn_status_name(tn_check(tn)), tn_message(tn));
    tn_clear(tn);
    tn_close(tn);
}

static void without_a_variant_for_this_cpu_what_it_lacks_is_named(void **state)
{
    (void)state;
    if (tn_cpu_level() == 0) skip();
    put_variants("variant_[34].so");
    const char *text = in_child(open_variant, "x86-64-v2");
    assert_says(text, "TN_NOT_FOUND: backend \"variant\" cannot be had");
    assert_says(text, "it needs x86-64-v3, which this CPU or its operating system does not have");
    assert_says(text, "it needs x86-64-v4, which");
    for (int i = 0; i < 4; i++) assert_int_equal(take_traces(levels[i]), 0);
}

static void features_may_be_named_one_by_one(void **state)
{
    (void)state;
    if (tn_cpu_level() < 3) skip();
    put_variants("features.so");
    assert_says(in_child(tell_variants, "x86-64-v2"), "it needs avx2, fma, which this CPU");
    assert_says(in_child(tell_variants, "x86-64-v3"), "features.so(usable)");
    assert_says(in_child(tell_variants, ""), "features.so(usable)");
}

/* ---- who is loaded at all */

static void open_beside_unwanted(FILE *out, const char *spec)
{
    setenv("TENON_PLUGIN_PATH", with_folder("%s/mixed"), 1);
    tn_context *tn = tn_open(spec);
    fprintf(out, "%s on %s", tn_status_name(tn_check(tn)), tn_default_device(tn));
    fputs(works(tn) ? ", works" : "", out);
    tn_clear(tn);
    tn_close(tn);
}

static void who_names_a_backend_loads_no_other(void **state)
{
    (void)state;
    told_in_folder("rm -rf mixed && mkdir mixed && cp built/{noted,unwanted}.so mixed");
    take_traces("noted");
    take_traces("unwanted");
    assert_says(in_child(open_beside_unwanted, "noted"), "TN_OK on noted:0");
    assert_int_equal(take_traces("noted"), 2);
    assert_int_equal(take_traces("unwanted"), 0);
    assert_string_equal(in_child(open_beside_unwanted, "reference"), "TN_OK on reference:0, works");
    assert_int_equal(take_traces("noted"), 0);
    assert_int_equal(take_traces("unwanted"), 0);
}

static void a_plugin_that_crashes_when_tried_breaks_no_program(void **state)
{
    (void)state;
    told_in_folder("rm -rf mixed && mkdir mixed && cp built/unwanted.so mixed");
    assert_string_equal(in_child(open_beside_unwanted, "auto"), "TN_OK on reference:0, works");
    assert_int_equal(take_traces("unwanted"), 1);
    told_in_folder("cp built/noted.so mixed");
    assert_says(in_child(open_beside_unwanted, "auto"), "TN_OK on noted:0");
    assert_int_equal(take_traces("unwanted"), 1);
    take_traces("noted");
}

/* ---- */

static int as_installed(const char *what)
{
    if (strcmp(what, "list") == 0)
        list(stdout);
    else
        fputs(getauxval(AT_SECURE) ? "secure " : "not secure ", stdout);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 2) return as_installed(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(candidates_come_in_a_known_order),
        cmocka_unit_test(the_first_of_a_name_wins),
        cmocka_unit_test(plugins_beside_the_library_are_found),
        cmocka_unit_test(what_came_with_the_library_is_not_tried_first),
        cmocka_unit_test(a_plugin_path_stands_in_for_what_lies_beside_the_library),
        cmocka_unit_test(the_current_folder_is_never_searched),
        cmocka_unit_test(a_program_is_not_misled_about_where_it_lies),
        cmocka_unit_test(privileged_programs_ignore_the_environment),
        cmocka_unit_test(the_best_variant_that_the_cpu_can_run_is_taken),
        cmocka_unit_test(variants_need_not_be_neighbours),
        cmocka_unit_test(a_better_variant_that_fails_leaves_the_lesser),
        cmocka_unit_test(without_a_variant_for_this_cpu_what_it_lacks_is_named),
        cmocka_unit_test(features_may_be_named_one_by_one),
        cmocka_unit_test(who_names_a_backend_loads_no_other),
        cmocka_unit_test(a_plugin_that_crashes_when_tried_breaks_no_program),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
