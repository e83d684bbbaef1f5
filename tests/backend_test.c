/* SPDX-License-Identifier: Apache-2.0
 *
 * Choosing a backend, and refusing plugins: each bad file gets one clear sentence, and the reference backend goes on
 * working. The core looks for backends once per process, so every case runs in a child of its own. */
#include "check.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[PATH_MAX];       /* for files that the tests make */
static char nothing[PATH_MAX + 40]; /* an empty folder in it */

/* ---- running something in a child */

typedef void (*child_fn)(FILE *out, const char *argument);

/* Runs body in a child and returns what it wrote to out. The child must end well. */
static const char *in_child(child_fn body, const char *argument)
{
    static char text[8000];
    int ends[2], fate;
    assert_int_equal(pipe(ends), 0);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        FILE *out = fdopen(ends[1], "w");
        close(ends[0]);
        body(out, argument);
        fclose(out);
        _exit(0);
    }
    close(ends[1]);
    size_t used = 0;
    for (ssize_t n; (n = read(ends[0], text + used, sizeof text - 1 - used)) != 0;) {
        if (n < 0 && errno != EINTR) break;
        if (n > 0) used += (size_t)n;
    }
    text[used] = 0;
    close(ends[0]);
    assert_int_equal(waitpid(child, &fate, 0), child);
    if (!WIFEXITED(fate) || WEXITSTATUS(fate) != 0) fail_msg("the child came to a bad end (%d): %s", fate, text);
    return text;
}

static void assert_says(const char *text, const char *phrase)
{
    if (!strstr(text, phrase)) fail_msg("\"%s\" does not say \"%s\"", text, phrase);
}

static bool works(tn_context *tn)
{
    return tn_item(tn_sum(tn_ones(tn, TN_F32, TN_SHAPE(3)), TN_ALL, false)) == 3 && tn_check(tn) == TN_OK;
}

/* ---- refused plugins */

/* Tells why the file `path` was refused, and whether the process can still compute. */
static void offer(FILE *out, const char *path)
{
    int n;
    setenv("TENON_PLUGIN_FILES", path, 1);
    setenv("TENON_PLUGIN_PATH", nothing, 1);
    const tn_backend_status *backends = tn_backends(&n);
    tn_context *tn = tn_open("reference");
    fprintf(out, "%s: %s%s", backends[0].path, backends[0].refused ? backends[0].refused : "usable",
            works(tn) ? "" : ", and the reference backend is broken");
    tn_close(tn);
}

static void assert_refusal(const char *path, const char *phrase)
{
    const char *text = in_child(offer, path);
    assert_says(text, phrase);
    if (strstr(text, "is broken")) fail_msg("%s", text);
}

/* The path of a plugin built from bad_plugins/: of a copy, for what lies beside libtenon is trusted to load well. */
static const char *built(const char *name)
{
    static char path[PATH_MAX + 40];
    snprintf(path, sizeof path, "%s/built/%s.so", folder, name);
    return path;
}

static void plugins_that_break_a_rule_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *name, *phrase;
    } rows[] = {
        {"good", "usable"},
        {"no_symbol", "does not export tn_plugin_query_v1"},
        {"wrong_major", "built for ABI 2."},
        {"short_table", "fewer than"},
        {"missing_function", "no memory_copy"},
        {"no_table", "gave no table"},
        {"no_kernels", "no kernels"},
        {"bad_name", "\"Bad Name\" is not usable"},
        {"declines", "this machine has no moonlight"},
        {"no_device", "no driver: testErrorInsufficientDriver (35)"},
        {"count_fails", "the bus is on fire"},
        {"crashes", "signal 11"},
        {"aborts", "signal 6"},
        {"exits", "exit code 0"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) assert_refusal(built(rows[i].name), rows[i].phrase);
}

static void a_plugin_that_throws_is_refused(void **state)
{
    (void)state;
    if (access(built("throws"), R_OK) != 0) skip(); /* there is no C++ compiler */
    assert_refusal(built("throws"), "an exception left it");
}

static void a_plugin_that_hangs_is_refused(void **state)
{
    (void)state;
    assert_refusal(built("hangs"), "did not answer within");
}

/* ---- refused files */

static const char *made(const char *name, const void *content, size_t size)
{
    static char path[PATH_MAX + 40];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    unlink(path);
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0755);
    assert_true(file >= 0);
    assert_int_equal(write(file, content, size), size);
    close(file);
    return path;
}

/* The good plugin as bytes. */
static unsigned char *good_bytes(size_t *size)
{
    FILE *file = fopen(built("good"), "rb");
    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    *size = (size_t)ftell(file);
    rewind(file);
    unsigned char *bytes = malloc(*size);
    assert_int_equal(fread(bytes, 1, *size, file), *size);
    fclose(file);
    return bytes;
}

/* Where the last byte that is loaded lies; symbols and debug information may follow. */
static size_t loaded_size(const unsigned char *bytes)
{
    const Elf64_Ehdr *header = (const void *)bytes;
    const Elf64_Phdr *segments = (const void *)(bytes + header->e_phoff);
    size_t end = 0;
    for (int i = 0; i < header->e_phnum; i++)
        if (segments[i].p_type == PT_LOAD && segments[i].p_offset + segments[i].p_filesz > end)
            end = segments[i].p_offset + segments[i].p_filesz;
    return end;
}

static void files_that_are_no_plugins_are_refused(void **state)
{
    (void)state;
    size_t size;
    unsigned char *bytes = good_bytes(&size);
    Elf64_Ehdr *header = (Elf64_Ehdr *)(void *)bytes, sound = *header;

    assert_refusal(made("text", "This is not a plugin, but it is longer than an ELF header is.......\n", 68),
                   "not an ELF file");
    assert_refusal(made("short", "\177ELF", 4), "not an ELF file");
    assert_refusal(made("empty", "", 0), "empty");
    header->e_machine = sound.e_machine == EM_AARCH64 ? EM_X86_64 : EM_AARCH64;
    assert_refusal(made("machine", bytes, size), "another kind of processor");
    *header = sound;
    header->e_ident[EI_CLASS] = ELFCLASS32;
    assert_refusal(made("class", bytes, size), "32-bit");
    *header = sound;
    header->e_ident[EI_DATA] = ELFDATA2MSB + ELFDATA2LSB - sound.e_ident[EI_DATA];
    assert_refusal(made("order", bytes, size), "byte order");
    *header = sound;
    header->e_type = ET_REL;
    assert_refusal(made("object", bytes, size), "not a shared object");
    *header = sound;
    assert_refusal(made("cut", bytes, loaded_size(bytes) - 1), "truncated");
    assert_refusal(made("headers", bytes, 100), "truncated");
    assert_refusal(made("whole", bytes, size), "usable");
    free(bytes);
}

static void files_that_others_could_change_are_refused(void **state)
{
    (void)state;
    size_t size;
    unsigned char *bytes = good_bytes(&size);
    const char *path = made("open", bytes, size);
    char below[PATH_MAX + 20];
    chmod(path, 0777);
    assert_refusal(path, "everyone may write to it");
    chmod(path, 0755);
    chmod(folder, 01777); /* sticky does not help for the file's own directory */
    assert_refusal(path, "everyone may write to its directory");
    chmod(folder, 0700);
    assert_refusal(path, "usable");
    if (geteuid() == 0 && chown(path, 12345, 12345) == 0) assert_refusal(path, "belongs to user 12345");

    snprintf(below, sizeof below, "%s/below", folder);
    mkdir(below, 0755);
    path = made("below/plugin.so", bytes, size);
    chmod(folder, 0777);
    assert_refusal(path, "everyone may write to the directory above it");
    chmod(folder, 01777);
    assert_refusal(path, "usable"); /* as a clone under a temporary directory */
    chmod(folder, 0700);
    free(bytes);
}

static void paths_that_lead_nowhere_are_refused(void **state)
{
    (void)state;
    char link[PATH_MAX + 20];
    assert_refusal("good.so", "not absolute");
    assert_refusal("./tests/good.so", "not absolute");
    assert_refusal("/nonexistent/plugin.so", "No such file");
    assert_refusal(folder, "not a regular file");
    assert_refusal("/dev/null", "not a regular file");
    snprintf(link, sizeof link, "%s/loop.so", folder);
    assert_int_equal(symlink(link, link), 0);
    assert_refusal(link, "cannot be reached");
    unlink(link);
}

/* ---- search */

static void list_names(FILE *out, const char *path)
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
    size_t size;
    unsigned char *bytes = good_bytes(&size);
    snprintf(both, sizeof both, "%s:%s", built("good"), made("twin.so", bytes, size));
    const char *text = in_child(list_names, both);
    assert_says(text, "base(usable)");
    assert_says(text, "has the same name and comes first");
    assert_says(text, "absolute directories");
    assert_says(text, "reference(usable)");
    free(bytes);
}

/* ---- choosing */

static void open_backend(FILE *out, const char *spec)
{
    setenv("TENON_PLUGIN_FILES", built("no_device"), 1);
    setenv("TENON_PLUGIN_PATH", nothing, 1);
    tn_context *tn = tn_open(*spec ? spec : NULL);
    fprintf(out, "%s %s %s", tn_status_name(tn_check(tn)), tn_default_device(tn), tn_message(tn));
    if (tn_check(tn) != TN_OK) works(tn); /* must not crash */
    tn_clear(tn);
    tn_close(tn);
}

static void an_unknown_backend_lists_all_candidates(void **state)
{
    (void)state;
    const char *text = in_child(open_backend, "nonesuch");
    assert_says(text, "TN_NOT_FOUND");
    assert_says(text, "backend \"nonesuch\" cannot be had");
    assert_says(text, "testErrorInsufficientDriver");
    assert_says(text, "reference: usable");
    assert_says(in_child(open_backend, "base"), "refused");
    assert_says(in_child(open_backend, "reference:1"), "TN_NOT_FOUND");
    assert_says(in_child(open_backend, "reference:x"), "TN_NOT_FOUND");
    assert_says(in_child(open_backend, ":"), "TN_NOT_FOUND");
}

static void the_environment_names_the_backend(void **state)
{
    (void)state;
    setenv("TENON_BACKEND", "nonesuch", 1);
    assert_says(in_child(open_backend, ""), "TN_NOT_FOUND");
    assert_says(in_child(open_backend, "reference"), "TN_OK reference:0");
    setenv("TENON_BACKEND", "", 1);
    assert_says(in_child(open_backend, ""), "TN_OK reference:0");
    unsetenv("TENON_BACKEND");
    assert_says(in_child(open_backend, "auto"), "TN_OK reference:0");
}

static void open_failing(FILE *out, const char *path)
{
    setenv("TENON_PLUGIN_FILES", path, 1);
    tn_context *tn = tn_open("base");
    fprintf(out, "%s %s", tn_status_name(tn_check(tn)), tn_message(tn));
    tn_clear(tn);
    tn_close(tn);
}

static void a_device_that_does_not_open_says_why(void **state)
{
    (void)state;
    assert_says(in_child(open_failing, built("open_fails")), "another process holds the device (code 46)");
}

/* ---- operators that a backend lacks. Its add gives 42, whatever is added. */

static void use_partial(FILE *out, const char *policy)
{
    int n;
    setenv("TENON_PLUGIN_FILES", built("partial"), 1);
    if (*policy) setenv("TENON_FALLBACK", policy, 1);
    tn_context *tn = tn_open("partial");
    tn_tensor *x = tn_from(tn, (float[]){1}, TN_F32, TN_SCALAR),
              *pair = tn_from(tn, (float[]){1, 2}, TN_F32, TN_SHAPE(2));
    fprintf(out, "has add %d, mul %d, sub %d; ", tn_backend_has_op("partial", "add"),
            tn_backend_has_op("partial", "mul"), tn_backend_has_op("partial", "sub"));
    fprintf(out, "add %g; ", tn_item(tn_add(x, x)));
    fprintf(out, "fell back %d; ", tn_fell_back(tn));
    fprintf(out, "mul %g; ", tn_item(tn_mul(x, x)));
    fprintf(out, "pair %g; ", tn_item(tn_select(tn_add(pair, pair), 0, 1)));
    fprintf(out, "fell back %d; %s %s;", tn_fell_back(tn), tn_status_name(tn_check(tn)), tn_message(tn));
    const tn_placement *placed = tn_placements(tn, &n);
    for (int i = 0; i < n; i++)
        if (strcmp(placed[i].op, "mul") == 0) fprintf(out, " mul on %s %d", placed[i].device, placed[i].fell_back);
    tn_clear(tn);
    tn_close(tn);
}

static void a_missing_operator_is_an_error_on_a_named_backend(void **state)
{
    (void)state;
    const char *text = in_child(use_partial, "");
    assert_says(text, "has add 1, mul 0, sub 0; add 42; fell back 0; mul nan; pair nan; fell back 0;");
    assert_says(text, "TN_UNSUPPORTED mul cannot run on partial:0");
    assert_says(text, "TENON_FALLBACK=warn");
}

static void a_missing_operator_falls_back_where_allowed(void **state)
{
    (void)state;
    const char *text = in_child(use_partial, "allow");
    assert_says(text, "add 42; fell back 0; mul 1; pair 4; fell back 1; TN_OK");
    assert_says(text, "mul on reference:0 1");
    text = in_child(use_partial, "perhaps");
    assert_says(text, "TENON_FALLBACK is \"perhaps\"");
}

/* ---- memory that the host cannot reach */

typedef struct far_step {
    tn_context *tn;
    tn_module *net;
    tn_optimizer *adam;
} far_step;

static void learn_far_away(void *arg, tn_tensor *const *in, tn_tensor **out)
{
    const far_step *s = arg;
    (void)in;
    tn_tensor *x = tn_normal(s->tn, TN_F32, 0, 1, TN_SHAPE(4, 1, 6, 6));
    tn_tensor *y = tn_argmax(tn_narrow(tn_flatten(x, 1, -1), 1, 0, 5), 1, false);
    tn_optim_zero_grad(s->adam);
    out[0] = tn_cross_entropy(tn_nn_forward(s->net, x), y);
    tn_backward(out[0]);
    tn_optim_step(s->adam);
}

static void train_far_away(FILE *out, const char *spec, bool as_program)
{
    setenv("TENON_PLUGIN_FILES", built("remote"), 1);
    setenv("TENON_FALLBACK", "allow", 1);
    tn_context *tn = tn_open(spec);
    tn_manual_seed(tn, 3);
    tn_module *net = tn_nn_sequential(tn, tn_nn_conv2d(tn, 1, 2, 3, true, NULL), tn_nn_batch_norm2d(tn, 2),
                                      tn_nn_relu(tn), tn_nn_max_pool2d(tn, 2), tn_nn_flatten(tn),
                                      tn_nn_dropout(tn, 0.2), tn_nn_linear(tn, 8, 5, true), NULL);
    far_step step = {tn, net, tn_optim_adam(net, NULL)};
    tn_program *program = tn_program_open(tn, "step", learn_far_away, &step, 0, 1);
    for (int i = 0; i < 3; i++) {
        tn_mark mark = tn_begin(tn);
        tn_tensor *loss = NULL;
        if (as_program)
            tn_program_run(program, NULL, &loss);
        else
            learn_far_away(&step, NULL, &loss);
        fprintf(out, "%.9g ", tn_item(loss));
        tn_end(tn, mark, NULL);
    }
    tn_tensor *far = tn_arange(tn, TN_F32, 0, 6, 1), *near = tn_to(far, "reference"), *back = tn_to(near, spec);
    fprintf(out, "%g %g %s", tn_item(tn_sum(near, TN_ALL, false)), tn_item(tn_select(tn_add(far, back), 0, 5)),
            tn_message(tn));
    const char *why = tn_program_look(program).not_recorded;
    if (why) fprintf(out, " %s", why);
    tn_clear(tn);
    tn_close(tn);
}

static void train_operator_by_operator(FILE *out, const char *spec)
{
    train_far_away(out, spec, false);
}

static void train_as_program(FILE *out, const char *spec)
{
    train_far_away(out, spec, true);
}

/* Alike but for rounding: tensors that have travelled may lie in another order. */
static void a_device_with_memory_of_its_own_trains_alike(void **state)
{
    (void)state;
    double near[5], far[5];
    static const char format[] = "%lf %lf %lf %lf %lf";
    for (int as_program = 0; as_program < 2; as_program++) {
        void (*train)(FILE * out, const char *spec) = as_program ? train_as_program : train_operator_by_operator;
        const char *text = in_child(train, "reference");
        assert_int_equal(sscanf(text, format, &near[0], &near[1], &near[2], &near[3], &near[4]), 5);
        assert_null(strstr(text, "does not run"));
        text = in_child(train, "remote");
        assert_int_equal(sscanf(text, format, &far[0], &far[1], &far[2], &far[3], &far[4]), 5);
        for (int i = 0; i < 5; i++)
            if (!(fabs(near[i] - far[i]) <= 1e-5 * fabs(near[i])))
                fail_msg("%d: %.9g near, %.9g far", i, near[i], far[i]);
        assert_true(near[0] > near[2]);
        /* A program says why it cannot be one: what falls back there travels. */
        assert_true(!strstr(text, "does not run on remote:0 but on the host") == !as_program);
    }
}

/* Copies are the device's own operators: a program of them is replayed there, and timed by the device's events. */
static void copy_twice(void *arg, tn_tensor *const *in, tn_tensor **out)
{
    (void)arg;
    out[0] = tn_clone(tn_clone(in[0]));
}

static void replay_far_away(FILE *out, const char *spec)
{
    setenv("TENON_PLUGIN_FILES", built("remote"), 1);
    tn_context *tn = tn_open(spec);
    tn_program *program = tn_program_open(tn, "copies", copy_twice, NULL, 1, 1);
    tn_program_set_passes(program, "none");
    for (int i = 0; i < 4; i++) {
        tn_tensor *x = tn_from(tn, (float[]){(float)i, 2}, TN_F32, TN_SHAPE(2)), *y = NULL;
        tn_reset_placements(tn);
        tn_set_profiling(tn, i == 3);
        tn_program_run(program, &x, &y);
        int n;
        const tn_placement *row = tn_placements(tn, &n);
        uint64_t calls = n ? row->calls : 0, ns = n ? row->nanoseconds : 0;
        tn_set_profiling(tn, false);
        fprintf(out, "%g: %d calls, %d ns; ", tn_item(tn_select(y, 0, 0)), (int)calls, (int)ns);
    }
    fprintf(out, "%d recording; %s", tn_program_look(program).recordings, tn_message(tn));
    tn_clear(tn);
    tn_close(tn);
}

static void a_program_is_replayed_on_a_device_with_memory_of_its_own(void **state)
{
    (void)state;
    assert_string_equal(in_child(replay_far_away, "remote"),
                        "0: 2 calls, 0 ns; 1: 2 calls, 0 ns; 2: 2 calls, 0 ns; 3: 2 calls, 2000 ns; 1 recording; ");
}

/* Calls and nanoseconds of copy on a device, and how the backend describes itself. */
static void tell_copies(FILE *out, tn_context *tn, const char *device)
{
    int n;
    const tn_placement *rows = tn_placements(tn, &n);
    for (int i = 0; i < n; i++)
        if (strcmp(rows[i].op, "copy") == 0 && strcmp(rows[i].device, device) == 0)
            fprintf(out, "%d copies %d ns; ", (int)rows[i].calls, (int)rows[i].nanoseconds);
    tn_reset_placements(tn);
}

static void copy_and_tell(FILE *out, const char *spec)
{
    setenv("TENON_PLUGIN_FILES", built("remote"), 1);
    for (int round = 0; round < 2; round++) { /* the second finds the events given back */
        tn_context *tn = tn_open(spec);
        tn_tensor *x = tn_empty(tn, TN_F32, TN_SHAPE(2, 3));
        for (int i = 0; i < 3; i++) {
            tn_set_profiling(tn, i == 1);
            tn_clone(x);
            tn_clone(x);
            tell_copies(out, tn, tn_default_device(tn));
        }
        fprintf(out, "%s", tn_message(tn));
        tn_clear(tn);
        tn_close(tn);
    }
}

static void events_time_operators_while_profiling(void **state)
{
    (void)state;
    const char *round = "2 copies 0 ns; 2 copies 2000 ns; 2 copies 0 ns; ";
    char both[200];
    snprintf(both, sizeof both, "%s%s", round, round);
    assert_string_equal(in_child(copy_and_tell, "remote"), both);
    assert_null(strstr(in_child(copy_and_tell, "reference"), " 0 ns")); /* has a clock, profiling or not */
}

static void describe(FILE *out, const char *name)
{
    int n;
    setenv("TENON_PLUGIN_FILES", built(name), 1);
    const tn_backend_status *all = tn_backends(&n), *b = all, *reference = all + n - 1;
    fprintf(out, "%s %d, %s %d", b->devices->synchronous ? "synchronous" : "asynchronous", b->load_nanoseconds > 0,
            reference->devices->synchronous ? "synchronous" : "asynchronous", reference->load_nanoseconds > 0);
}

static void backends_say_how_they_work(void **state)
{
    (void)state;
    assert_string_equal(in_child(describe, "remote"), "asynchronous 1, synchronous 0");
    assert_string_equal(in_child(describe, "good"), "synchronous 1, synchronous 0");
}

/* ---- */

static int make_folder(void **state)
{
    (void)state;
    char command[5 * PATH_MAX];
    const char *base = getenv("TMPDIR"), *plugins = getenv("TENON_BAD_PLUGINS");
    snprintf(folder, sizeof folder, "%s/tenon-backend-XXXXXX", base ? base : "/tmp");
    unsetenv("TENON_BACKEND");
    unsetenv("TENON_FALLBACK");
    unsetenv("TENON_PLUGIN_FILES");
    if (!mkdtemp(folder) || !plugins) return -1;
    snprintf(nothing, sizeof nothing, "%s/nothing", folder);
    snprintf(command, sizeof command, "mkdir '%s' '%s/built' && cp '%s'/*.so '%s/built'", nothing, folder, plugins,
             folder);
    return system(command);
}

static int remove_folder(void **state)
{
    (void)state;
    char command[PATH_MAX + 20];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plugins_that_break_a_rule_are_refused),
        cmocka_unit_test(a_plugin_that_throws_is_refused),
        cmocka_unit_test(a_plugin_that_hangs_is_refused),
        cmocka_unit_test(files_that_are_no_plugins_are_refused),
        cmocka_unit_test(files_that_others_could_change_are_refused),
        cmocka_unit_test(paths_that_lead_nowhere_are_refused),
        cmocka_unit_test(the_first_of_a_name_wins),
        cmocka_unit_test(an_unknown_backend_lists_all_candidates),
        cmocka_unit_test(the_environment_names_the_backend),
        cmocka_unit_test(a_device_that_does_not_open_says_why),
        cmocka_unit_test(a_missing_operator_is_an_error_on_a_named_backend),
        cmocka_unit_test(a_missing_operator_falls_back_where_allowed),
        cmocka_unit_test(a_device_with_memory_of_its_own_trains_alike),
        cmocka_unit_test(a_program_is_replayed_on_a_device_with_memory_of_its_own),
        cmocka_unit_test(events_time_operators_while_profiling),
        cmocka_unit_test(backends_say_how_they_work),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
