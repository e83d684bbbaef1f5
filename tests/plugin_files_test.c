/* SPDX-License-Identifier: Apache-2.0
 *
 * Files that the loader refuses without running any of their code: by where they lie, by who may change them, and by
 * what is read from them. Each gets one clear sentence, and the reference backend goes on working. */
#include "plugins.h"

#include <elf.h>

/* ---- where it lies */

static void paths_that_lead_nowhere_are_refused(void **state)
{
    (void)state;
    char link[PATH_MAX + 20];
    assert_refusal("good.so", "path", "not absolute");
    assert_refusal("./tests/good.so", "path", "not absolute");
    assert_refusal("/nonexistent/plugin.so", "path", "No such file");
    assert_refusal(folder, "path", "not a regular file");
    assert_refusal("/dev/null", "path", "not a regular file");
    snprintf(link, sizeof link, "%s/loop.so", folder);
    assert_int_equal(symlink(link, link), 0);
    assert_refusal(link, "path", "Too many levels of symbolic links");
    unlink(link);
}

static void a_bare_name_is_not_looked_for_in_the_current_folder(void **state)
{
    (void)state;
    char here[PATH_MAX], there[PATH_MAX + 20];
    snprintf(there, sizeof there, "%s/built", folder);
    assert_non_null(getcwd(here, sizeof here));
    assert_int_equal(chdir(there), 0);
    assert_refusal("noted.so", "path", "not absolute");
    assert_refusal("./noted.so", "path", "not absolute");
    assert_int_equal(chdir(here), 0);
    assert_int_equal(take_traces("noted"), 0);
}

/* ---- who may change it */

static void files_that_others_could_change_are_refused(void **state)
{
    (void)state;
    const char *path = copied("noted", "open");
    chmod(path, 0777);
    assert_refusal(path, "writable", "everyone may write to it; chmod o-w it");
    chmod(path, 0755);
    chmod(folder, 01777); /* sticky does not help for the file's own directory */
    assert_refusal(path, "writable", "everyone may write to its directory");
    chmod(folder, 0700);
    assert_int_equal(take_traces("noted"), 0);
}

/* What the core logs while it looks at the file. */
static void offer_and_log(FILE *out, const char *path)
{
    setenv("TENON_LOG", "info", 1);
    dup2(fileno(out), STDERR_FILENO);
    offer(out, path);
}

static void a_group_that_may_write_is_told_of_and_not_refused(void **state)
{
    (void)state;
    make_subfolder("ours");
    const char *path = copied("noted", "ours/open.so");
    char ours[PATH_MAX + 20];
    snprintf(ours, sizeof ours, "%s/ours", folder);
    chmod(path, 0755);
    assert_does_not_say(in_child(offer_and_log, path), "a group may write");
    chmod(path, 0775);
    const char *text = in_child(offer_and_log, path);
    assert_says(text, "open.so, which is a plugin");
    assert_says(text, "(no rule): usable");
    chmod(path, 0755);
    chmod(ours, 0775);
    assert_says(in_child(offer_and_log, path), "ours, which holds a plugin");
    take_traces("noted");
}

static void a_folder_above_must_be_sticky_if_everyone_may_write_to_it(void **state)
{
    (void)state;
    make_subfolder("below");
    make_subfolder("below/lower");
    const char *path = copied("noted", "below/lower/plugin.so");
    chmod(folder, 0777);
    assert_refusal(path, "writable", "everyone may write to the directory above it");
    assert_int_equal(take_traces("noted"), 0);
    chmod(folder, 01777);
    assert_usable(path); /* as a clone under a temporary directory */
    chmod(folder, 0700);
    take_traces("noted");
}

static void files_of_other_users_are_refused(void **state)
{
    (void)state;
    const char *path = copied("noted", "theirs");
    if (geteuid() != 0 || chown(path, 12345, 12345) != 0) skip();
    assert_refusal(path, "owner", "belongs to user 12345, not to root, to you or to the owner of libtenon");
    assert_int_equal(take_traces("noted"), 0);
}

/* What counts is the file that a link leads to, and the folders above that one. */
static void a_link_is_as_good_as_where_it_leads(void **state)
{
    (void)state;
    char link[PATH_MAX + 20];
    make_subfolder("everyones");
    const char *path = copied("noted", "everyones/plugin.so");
    char everyones[PATH_MAX + 20];
    snprintf(link, sizeof link, "%s/link.so", folder);
    snprintf(everyones, sizeof everyones, "%s/everyones", folder);
    assert_int_equal(symlink(path, link), 0);
    chmod(everyones, 0777);
    assert_refusal(link, "writable", "everyone may write to its directory");
    assert_says(in_child(offer, link), everyones);
    chmod(everyones, 0755);
    chmod(path, 0777);
    assert_refusal(link, "writable", "everyone may write to it");
    assert_int_equal(take_traces("noted"), 0);
    chmod(path, 0755);
    assert_usable(link);
    take_traces("noted");
}

/* A link that is turned elsewhere after its file was examined. */
static void turn_link(FILE *out, const char *link)
{
    int n;
    setenv("TENON_PLUGIN_FILES", link, 1);
    setenv("TENON_PLUGIN_PATH", nothing, 1);
    fprintf(out, "%s, then ", tn_plugin_files(&n)[0].name);
    unlink(link);
    if (symlink(built("good"), link) != 0) fprintf(out, "no link, ");
    fprintf(out, "%s", tn_backends(&n)[0].name);
}

static void what_was_examined_is_what_is_loaded(void **state)
{
    (void)state;
    char link[PATH_MAX + 20];
    snprintf(link, sizeof link, "%s/turning.so", folder);
    assert_int_equal(symlink(built("noted"), link), 0);
    assert_string_equal(in_child(turn_link, link), "noted, then noted");
    assert_true(take_traces("noted") > 0);
}

/* ---- what it is */

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
    unsigned char *bytes = bytes_of("noted", &size);
    Elf64_Ehdr *header = (Elf64_Ehdr *)(void *)bytes, sound = *header;

    assert_refusal(made("text", "This is not a plugin, but it is longer than an ELF header is.......\n", 68), "elf",
                   "not an ELF file");
    assert_refusal(made("short", "\177ELF", 4), "elf", "not an ELF file");
    assert_refusal(made("empty", "", 0), "elf", "empty");
    header->e_machine = sound.e_machine == EM_AARCH64 ? EM_X86_64 : EM_AARCH64;
    assert_refusal(made("machine", bytes, size), "elf", "another kind of processor");
    *header = sound;
    header->e_ident[EI_CLASS] = ELFCLASS32;
    assert_refusal(made("class", bytes, size), "elf", "32-bit");
    *header = sound;
    header->e_ident[EI_DATA] = ELFDATA2MSB + ELFDATA2LSB - sound.e_ident[EI_DATA];
    assert_refusal(made("order", bytes, size), "elf", "byte order");
    *header = sound;
    header->e_type = ET_REL;
    assert_refusal(made("object", bytes, size), "elf", "not a shared object");
    *header = sound;
    assert_refusal(made("cut", bytes, loaded_size(bytes) - 1), "elf", "truncated");
    assert_refusal(made("headers", bytes, 100), "elf", "truncated");
    assert_int_equal(take_traces("noted"), 0);
    assert_usable(made("whole", bytes, size));
    assert_int_equal(take_traces("noted"), 2); /* tried, then loaded */
    free(bytes);
}

/* ---- its note */

/* Where the ELF note lies in a plugin's bytes; it is there. */
static unsigned char *place_of_note(unsigned char *bytes, size_t size)
{
    const uint32_t owner_size = sizeof TN_NOTE_OWNER;
    for (size_t i = 0; i + sizeof(tn_note_record) <= size; i += 4)
        if (memcmp(bytes + i, &owner_size, sizeof owner_size) == 0 &&
            memcmp(bytes + i + offsetof(tn_note_record, owner), TN_NOTE_OWNER, sizeof TN_NOTE_OWNER) == 0)
            return bytes + i;
    fail_msg("there is no note");
    return NULL;
}

static tn_note_record note_in(unsigned char *bytes, size_t size)
{
    tn_note_record note;
    memcpy(&note, place_of_note(bytes, size), sizeof note);
    return note;
}

/* A file with another note; the bytes stay as they are. */
static const char *with_note(unsigned char *bytes, size_t size, const tn_note_record *note)
{
    unsigned char *place = place_of_note(bytes, size);
    const tn_note_record sound = note_in(bytes, size);
    memcpy(place, note, sizeof *note);
    const char *path = made("note.so", bytes, size);
    memcpy(place, &sound, sizeof sound);
    return path;
}

static void damaged_notes_are_refused(void **state)
{
    (void)state;
    size_t size;
    unsigned char *bytes = bytes_of("noted", &size);
    const tn_note_record sound = note_in(bytes, size);
    tn_note_record note = sound;

    note.note_size = 1 << 30;
    assert_refusal(with_note(bytes, size, &note), "note", "goes on beyond its segment");
    note = sound;
    note.note_size = 12;
    assert_refusal(with_note(bytes, size, &note), "note", "claims another size");
    note = sound;
    note.note.struct_size = sizeof note.note + 8;
    assert_refusal(with_note(bytes, size, &note), "note", "claims another size");
    note.note.struct_size = 4;
    assert_refusal(with_note(bytes, size, &note), "note", "claims another size");
    char *const texts[] = {note.note.name, note.note.version, note.note.cpu, note.note.libraries, note.note.sanitizer};
    const size_t rooms[] = {sizeof note.note.name, sizeof note.note.version, sizeof note.note.cpu,
                            sizeof note.note.libraries, sizeof note.note.sanitizer};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        note = sound;
        memset(texts[i], 'x', rooms[i]);
        assert_refusal(with_note(bytes, size, &note), "note", "a text in it does not end");
    }
    assert_int_equal(take_traces("noted"), 0);
    free(bytes);
}

/* The note is another's, or of a type to come: the file is as good as one without. */
static void notes_of_others_are_passed_over(void **state)
{
    (void)state;
    size_t size;
    unsigned char *bytes = bytes_of("noted", &size);
    const tn_note_record sound = note_in(bytes, size);
    tn_note_record note = sound;
    note.owner[0] = 'X';
    assert_usable(with_note(bytes, size, &note));
    note = sound;
    note.type = TN_NOTE_TYPE + 1;
    assert_usable(with_note(bytes, size, &note));
    note = sound;
    note.owner_size = UINT32_MAX;
    assert_usable(with_note(bytes, size, &note));
    take_traces("noted");
    free(bytes);
}

static void what_a_note_says_is_heeded_before_any_code_runs(void **state)
{
    (void)state;
    assert_refusal(built("note_major"), "abi", "built for ABI 2.0; this core needs 1.0 or a later 1.x");
    assert_refusal(built("note_name"), "note", "\"auto\", which is not usable");
    assert_refusal(built("sanitized"), "sanitizer", "compiled with -fsanitize=memory, but this program was not");
    assert_refusal(built("unknown_cpu"), "cpu", "quantum");
    assert_refusal(built("unknown_cpu"), "cpu", "tunnel");
    static const char *const names[] = {"note_major", "note_name", "sanitized", "unknown_cpu"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) assert_int_equal(take_traces(names[i]), 0);
}

static void a_note_of_a_later_minor_is_fine(void **state)
{
    (void)state;
    size_t size;
    unsigned char *bytes = bytes_of("noted", &size);
    tn_note_record note = note_in(bytes, size);
    note.note.abi_minor += 7;
    /* The table must say the same. */
    assert_refusal(with_note(bytes, size, &note), "note", "its note says noted 1.0 for ABI 1.7, but its table noted");
    free(bytes);
    assert_refusal(built("note_lies"), "note", "its note says honest 1.0 for ABI 1.0, but its table base 1.0");
    take_traces("noted");
}

/* What tn_plugin_files tells, it has read. */
static void read_only(FILE *out, const char *path)
{
    int n;
    setenv("TENON_PLUGIN_FILES", path, 1);
    setenv("TENON_PLUGIN_PATH", nothing, 1);
    const tn_backend_status *b = tn_plugin_files(&n);
    fprintf(out, "%d: %s %s by %s, %s, %s;", n, b->name, b->version, b->vendor, b->found_by, b->note ? "note" : "none");
    if (b->note) fprintf(out, " wants %s;", b->note->libraries);
    for (const char *const *library = b->needed; *library; library++) fprintf(out, " needs %s", *library);
}

static void files_are_read_without_being_loaded(void **state)
{
    (void)state;
    assert_says(in_child(read_only, built("noted")), "2: noted 1.0 by Tenon's tests, TENON_PLUGIN_FILES, note; wants "
                                                     "libm.so.6 libtenon_nonesuch.so.3;");
    assert_says(in_child(read_only, built("needs_library")), "2: needs_library  by , TENON_PLUGIN_FILES, none;");
    assert_says(in_child(read_only, built("needs_library")), "needs libtenon_test_gone.so.7");
    assert_says(in_child(read_only, built("hangs")), "2: hangs");
    assert_int_equal(take_traces("noted"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_that_lead_nowhere_are_refused),
        cmocka_unit_test(a_bare_name_is_not_looked_for_in_the_current_folder),
        cmocka_unit_test(files_that_others_could_change_are_refused),
        cmocka_unit_test(a_group_that_may_write_is_told_of_and_not_refused),
        cmocka_unit_test(a_folder_above_must_be_sticky_if_everyone_may_write_to_it),
        cmocka_unit_test(files_of_other_users_are_refused),
        cmocka_unit_test(a_link_is_as_good_as_where_it_leads),
        cmocka_unit_test(what_was_examined_is_what_is_loaded),
        cmocka_unit_test(files_that_are_no_plugins_are_refused),
        cmocka_unit_test(damaged_notes_are_refused),
        cmocka_unit_test(notes_of_others_are_passed_over),
        cmocka_unit_test(what_a_note_says_is_heeded_before_any_code_runs),
        cmocka_unit_test(a_note_of_a_later_minor_is_fine),
        cmocka_unit_test(files_are_read_without_being_loaded),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
