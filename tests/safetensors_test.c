/* SPDX-License-Identifier: Apache-2.0
 *
 * Safetensors files: what is written, what is read back, what a damaged file is told, and that a failed save leaves
 * an older file as it was. */
#include <dirent.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"

static char directory[] = "/tmp/tenon-safetensors-XXXXXX";
static char path[64];

static int make_directory(void **state)
{
    (void)state;
    if (!mkdtemp(directory)) return -1;
    snprintf(path, sizeof path, "%s/file.safetensors", directory);
    return 0;
}

/* Removing fails, and with it the test, if a temporary file was left behind. */
static int remove_directory(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(directory);
}

static void write_bytes(const void *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static size_t read_bytes(uint8_t *bytes, size_t room)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t size = fread(bytes, 1, room, file);
    fclose(file);
    return size;
}

/* A file with this header and as many bytes of data, which count up from 0. */
static void write_file(const char *header, size_t data)
{
    uint8_t bytes[2048] = {0};
    size_t length = strlen(header);
    assert_true(8 + length + data <= sizeof bytes);
    for (int i = 0; i < 8; i++) bytes[i] = (uint8_t)(length >> 8 * i);
    memcpy(bytes + 8, header, length);
    for (size_t i = 0; i < data; i++) bytes[8 + length + i] = (uint8_t)i;
    write_bytes(bytes, 8 + length + data);
}

/* ---- writing and reading */

static void files_are_as_the_format_says(void **state)
{
    static const char header[] = "{\"__metadata__\":{\"who\":\"me\"},"
                                 "\"b\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[16,19]},"
                                 "\"a\":{\"dtype\":\"F32\",\"shape\":[2,1],\"data_offsets\":[8,16]},"
                                 "\"c\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[0,8]}}";
    static const char *const metadata[] = {"who", "me", NULL};
    tn_context *tn = *state;
    tn_tensor *a = tn_from(tn, (float[]){1, -2}, TN_F32, TN_SHAPE(2, 1));
    tn_tensor *b = tn_from(tn, (uint8_t[]){7, 8, 9}, TN_U8, TN_SHAPE(3));
    tn_tensor *c = tn_from(tn, (int64_t[]){-1}, TN_I64, TN_SCALAR);
    assert_int_equal(
        tn_safetensors_save(tn, path, 3, (const char *const[]){"b", "a", "c"}, (tn_tensor *const[]){b, a, c}, metadata),
        TN_OK);
    uint8_t bytes[1024];
    size_t size = read_bytes(bytes, sizeof bytes), padded = (sizeof header - 1 + 7) / 8 * 8;
    assert_int_equal(size, 8 + padded + 19);
    assert_int_equal(bytes[0] | bytes[1] << 8, padded);
    assert_memory_equal(bytes + 8, header, sizeof header - 1);
    for (size_t i = 8 + sizeof header - 1; i < 8 + padded; i++) assert_int_equal(bytes[i], ' ');
    assert_memory_equal(bytes + 8 + padded, "\377\377\377\377\377\377\377\377", 8);
    assert_memory_equal(bytes + 8 + padded + 8, ((const float[]){1, -2}), 8);
    assert_memory_equal(bytes + 8 + padded + 16, "\7\10\11", 3);
}

static void assert_same(tn_tensor *x, tn_tensor *y)
{
    char x_bytes[256], y_bytes[256];
    size_t bytes = (size_t)tn_numel(x) * tn_dtype_size(tn_dtype_of(x));
    assert_int_equal(tn_dtype_of(x), tn_dtype_of(y));
    assert_int_equal(tn_rank(x), tn_rank(y));
    for (int i = 0; i < tn_rank(x); i++) assert_int_equal(tn_dim(x, i), tn_dim(y, i));
    assert_true(bytes <= sizeof x_bytes);
    assert_int_equal(tn_read(x, x_bytes, bytes), TN_OK);
    assert_int_equal(tn_read(y, y_bytes, bytes), TN_OK);
    assert_memory_equal(x_bytes, y_bytes, bytes);
}

static void all_dtypes_and_shapes_come_back(void **state)
{
    static const char *const names[] = {"f32",  "f64",   "i64",        "i32",           "u8",
                                        "bool", "empty", "transposed", "\303\251 \"q\""};
    static const char *const metadata[] = {"key", "a \"value\"\n", "empty", "", NULL};
    enum { N = sizeof names / sizeof *names };
    tn_context *tn = *state;
    tn_tensor *const tensors[N] = {
        tn_from(tn, (uint32_t[]){0x7fc00001, 0x80000000, 1}, TN_F32, TN_SHAPE(3)), /* a NaN, -0, a denormal */
        tn_normal(tn, TN_F64, 0, 1, TN_SHAPE(2, 1, 3, 1, 1, 1, 1, 2)),
        tn_from(tn, (int64_t[]){INT64_MIN, INT64_MAX}, TN_I64, TN_SHAPE(2)),
        tn_from(tn, (int32_t[]){-5}, TN_I32, TN_SCALAR),
        tn_from(tn, (uint8_t[]){0, 255, 3}, TN_U8, TN_SHAPE(3)),
        tn_from(tn, (uint8_t[]){1, 0, 1}, TN_BOOL, TN_SHAPE(3)),
        tn_zeros(tn, TN_F32, TN_SHAPE(3, 0, 2)),
        tn_transpose(tn_normal(tn, TN_F32, 0, 1, TN_SHAPE(2, 3)), 0, 1),
        tn_ones(tn, TN_F32, TN_SHAPE(1)),
    };
    assert_int_equal(tn_safetensors_save(tn, path, N, names, tensors, metadata), TN_OK);
    tn_safetensors *file = tn_safetensors_open(tn, path);
    assert_good(tn);
    assert_int_equal(tn_safetensors_count(file), N);
    for (int i = 0; i < N; i++) {
        assert_string_equal(tn_safetensors_name(file, i), names[i]);
        assert_true(tn_safetensors_has(file, names[i]));
        assert_same(tn_safetensors_get(file, names[i]), tensors[i]);
    }
    assert_null(tn_safetensors_name(file, N));
    assert_string_equal(tn_safetensors_metadata(file, "key"), "a \"value\"\n");
    assert_string_equal(tn_safetensors_metadata(file, "empty"), "");
    assert_null(tn_safetensors_metadata(file, "other"));
    assert_true(tn_is_nil(tn_safetensors_get(file, "other")));
    assert_refused(tn, TN_NOT_FOUND, "has no tensor \"other\"");
    tn_safetensors_close(file);
}

/* Other writers neither pad nor sort. */
static void data_may_lie_askew(void **state)
{
    tn_context *tn = *state;
    write_file("{\"x\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1],\"more\":[]}, "
               "\"y\":{\"data_offsets\":[1,9],\"shape\":[2],\"dtype\":\"I32\"}}",
               9);
    tn_safetensors *file = tn_safetensors_open(tn, path);
    assert_good(tn);
    assert_same(tn_safetensors_get(file, "y"), tn_from(tn, (int32_t[]){0x04030201, 0x08070605}, TN_I32, TN_SHAPE(2)));
    tn_safetensors_close(file);
}

static void saving_twice_under_one_name_is_refused(void **state)
{
    tn_context *tn = *state;
    tn_tensor *x = tn_ones(tn, TN_F32, TN_SHAPE(1)), *const two[] = {x, x};
    tn_safetensors_save(tn, path, 2, (const char *const[]){"x", "x"}, two, NULL);
    assert_refused(tn, TN_INVALID, "\"x\" is there twice");
    tn_safetensors_save(tn, path, 1, (const char *const[]){"\377"}, two, NULL);
    assert_refused(tn, TN_INVALID, "not valid UTF-8");
    tn_safetensors_save(tn, path, 1, (const char *const[]){"x"}, two, (const char *const[]){"key", NULL});
    assert_refused(tn, TN_INVALID, "the metadata \"key\" has no value");
}

/* ---- damaged files */

#define X(dtype, shape, offsets) "\"x\":{\"dtype\":\"" dtype "\",\"shape\":[" shape "],\"data_offsets\":[" offsets "]}"
#define Y(offsets) ",\"y\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[" offsets "]}"

/* clang-format off */
static const struct {
    const char *header;
    size_t data;
    const char *phrase;
} damaged[] = {
    {"",                                                     0, "its header is not a JSON object"},
    {"[]",                                                   0, "its header is not a JSON object"},
    {" {}",                                                  0, "its header is not a JSON object"},
    {"{",                                                    0, "is not valid JSON"},
    {"{} x",                                                 0, "is not valid JSON"},
    {"{\"\\u0000\":1}",                                      0, "is not valid JSON"},
    {"{\"\377\":1}",                                         0, "is not valid JSON"},
    {"{}",                                                   1, "1 bytes at the end of the file belong to no tensor"},
    {"{" X("F32", "2", "0,8") "," X("F32", "2", "0,8") "}",  8, "duplicate object key"},
    {"{\"x\":1}",                                            0, "tensor \"x\" is not a JSON object"},
    {"{\"x\":{\"shape\":[],\"data_offsets\":[0,4]}}",        4, "tensor \"x\" has no dtype"},
    {"{\"x\":{\"dtype\":5}}",                                4, "tensor \"x\" has no dtype"},
    {"{\"x\":{\"dtype\":\"F32\",\"shape\":4}}",              4, "tensor \"x\" has no list \"shape\""},
    {"{\"x\":{\"dtype\":\"F32\",\"shape\":[1]}}",            4, "data_offsets are not two whole numbers"},
    {"{" X("Q4", "2", "0,8") "}",                            8, "the unknown dtype \"Q4\""},
    {"{" X("F32", "-2", "0,8") "}",                          8, "dim 0 of its shape is negative"},
    {"{" X("F32", "2,1.0", "0,8") "}",                       8, "dim 1 of its shape is negative or no whole number"},
    {"{" X("F32", "\\\"2\\\"", "0,8") "}",                   8, "is not valid JSON"},
    {"{" X("F32", "1,1,1,1,1,1,1,1,1", "0,4") "}",           4, "has 9 dims; at most 8"},
    {"{" X("F32", "9223372036854775807", "0,8") "}",         8, "more elements than any memory"},
    {"{" X("F32", "0,4294967296,4294967296", "0,0") "}",     0, "more elements than any memory"},
    {"{" X("F32", "9223372036854775808", "0,8") "}",         8, "is not valid JSON: too big integer"},
    {"{" X("F32", "2", "0,4") "}",                           4, "need 8 bytes, its data_offsets give 4"},
    {"{" X("F32", "2", "0,12") "}",                         12, "need 8 bytes, its data_offsets give 12"},
    {"{" X("F32", "2", "0,8") "}",                           7, "reach beyond the 7 bytes of data; the file is truncated"},
    {"{" X("F32", "2", "0,8") "}",                           9, "1 bytes at the end of the file belong to no tensor"},
    {"{" X("F32", "2", "8,0") "}",                           8, "its data_offsets [8, 0] run backwards"},
    {"{" X("F32", "2", "-8,0") "}",                          8, "data_offsets are not two whole numbers"},
    {"{" X("F32", "2", "0,8,9") "}",                         8, "data_offsets are not two whole numbers"},
    {"{" X("F32", "2", "0.0,8") "}",                         8, "data_offsets are not two whole numbers"},
    {"{" X("F32", "2", "4,12") "}",                         12, "4 bytes before tensor \"x\" belong to no tensor"},
    {"{" X("F32", "2", "0,8") Y("4,12") "}",                12, "tensors \"x\" and \"y\" overlap"},
    {"{" X("F32", "2", "0,8") Y("0,8") "}",                  8, "overlap"},
    {"{" X("F32", "2", "0,8") Y("12,20") "}",               20, "4 bytes before tensor \"y\" belong to no tensor"},
    {"{" X("BOOL", "3", "0,3") "}",                          3, "tensor \"x\" is BOOL and has a byte of value 2"},
    {"{\"__metadata__\":[]}",                                0, "its __metadata__ is not a JSON object"},
    {"{\"__metadata__\":{\"epoch\":3}}",                     0, "the value of \"epoch\" in its metadata is not a string"},
    {"{\"a\\u001b[31m\":1}",                                 0, "tensor \"a?[31m\" is not a JSON object"},
};
/* clang-format on */

static void damaged_files_are_told_what_is_wrong(void **state)
{
    tn_context *tn = *state;
    for (size_t i = 0; i < sizeof damaged / sizeof *damaged; i++) {
        write_file(damaged[i].header, damaged[i].data);
        assert_null(tn_safetensors_open(tn, path));
        if (!strstr(tn_message(tn), path)) fail_msg("\"%s\" does not name the file", tn_message(tn));
        assert_refused(tn, TN_CORRUPT, damaged[i].phrase);
    }
}

static void unsupported_dtypes_are_named(void **state)
{
    tn_context *tn = *state;
    write_file("{" X("BF16", "2", "0,4") "}", 4);
    assert_null(tn_safetensors_open(tn, path));
    assert_refused(tn, TN_UNSUPPORTED, "tensor \"x\" is BF16, which is not supported yet");
}

static void impossible_lengths_are_refused(void **state)
{
    tn_context *tn = *state;
    static const struct {
        const char bytes[16];
        size_t size;
        const char *phrase;
    } rows[] = {
        {"", 0, "it has 0 bytes"},
        {"\2\0\0\0\0\0\0", 7, "it has 7 bytes"},
        {"\2\0\0\0\0\0\0\0{", 9, "said to have 2 bytes, but only 1 follow"},
        {"\0\0\0\0\0\0\0\0{}", 10, "its header is not a JSON object"},
        {"\1\341\365\5\0\0\0\0{}", 10, "said to have 100000001 bytes; at most 100000000"},
        {"\377\377\377\377\377\377\377\377{}", 10, "said to have 18446744073709551615 bytes"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        write_bytes(rows[i].bytes, rows[i].size);
        assert_null(tn_safetensors_open(tn, path));
        assert_refused(tn, TN_CORRUPT, rows[i].phrase);
    }
}

/* Whatever is cut off, the file is refused. */
static void truncated_files_are_refused(void **state)
{
    tn_context *tn = *state;
    uint8_t bytes[1024];
    tn_tensor *const x[] = {tn_ones(tn, TN_F32, TN_SHAPE(2, 3))};
    tn_safetensors_save(tn, path, 1, (const char *const[]){"x"}, x, NULL);
    assert_good(tn);
    size_t size = read_bytes(bytes, sizeof bytes);
    for (size_t n = 0; n < size; n++) {
        write_bytes(bytes, n);
        assert_null(tn_safetensors_open(tn, path));
        assert_refused(tn, TN_CORRUPT, path);
    }
}

static void what_cannot_be_opened_says_why(void **state)
{
    tn_context *tn = *state;
    assert_null(tn_safetensors_open(tn, "/nowhere/x.safetensors"));
    assert_refused(tn, TN_NOT_FOUND, "/nowhere/x.safetensors: it cannot be opened: No such file");
    assert_null(tn_safetensors_open(tn, directory));
    assert_refused(tn, TN_IO, "it is not a regular file");
    assert_null(tn_safetensors_open(tn, "/dev/zero"));
    assert_refused(tn, TN_IO, "it is not a regular file");
}

/* ---- a save is all or nothing */

static void save_ones(tn_context *tn, const char *to, int64_t n)
{
    tn_tensor *const x[] = {tn_ones(tn, TN_U8, TN_SHAPE(n))};
    tn_safetensors_save(tn, to, 1, (const char *const[]){"x"}, x, NULL);
}

static int count_files(void)
{
    int n = 0;
    DIR *opened = opendir(directory);
    assert_non_null(opened);
    for (const struct dirent *entry; (entry = readdir(opened));) n += entry->d_name[0] != '.';
    closedir(opened);
    return n;
}

static void a_full_disk_leaves_the_old_file(void **state)
{
    tn_context *tn = *state;
    struct rlimit before;
    save_ones(tn, path, 100);
    assert_good(tn);
    /* A limit on the size of files stands in for a full disk: write fails half-way. */
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &(struct rlimit){4096, before.rlim_max}), 0);
    save_ones(tn, path, 100000);
    setrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, handler);
    assert_refused(tn, TN_IO, "File too large");
    assert_int_equal(count_files(), 1);
    tn_safetensors *file = tn_safetensors_open(tn, path);
    assert_int_equal(tn_numel(tn_safetensors_get(file, "x")), 100);
    tn_safetensors_close(file);
}

static void only_regular_files_are_replaced(void **state)
{
    tn_context *tn = *state;
    char pipe[80];
    snprintf(pipe, sizeof pipe, "%s/pipe", directory);
    assert_int_equal(mkfifo(pipe, 0600), 0);
    save_ones(tn, pipe, 1);
    assert_refused(tn, TN_IO, "pipe: it is not a regular file");
    assert_null(tn_safetensors_open(tn, pipe)); /* and reading does not wait for a writer */
    assert_refused(tn, TN_IO, "it is not a regular file");
    unlink(pipe);
    save_ones(tn, directory, 1);
    assert_refused(tn, TN_IO, "it is not a regular file");
    save_ones(tn, "/nowhere/x", 1);
    assert_refused(tn, TN_IO, "cannot create /nowhere/x: No such file or directory");
    save_ones(tn, "", 1);
    assert_int_not_equal(tn_check(tn), TN_OK);
    tn_clear(tn);
}

static void links_and_permissions_are_kept(void **state)
{
    tn_context *tn = *state;
    char link[80];
    struct stat status;
    snprintf(link, sizeof link, "%s/link", directory);
    save_ones(tn, path, 1);
    assert_int_equal(chmod(path, 0600), 0);
    assert_int_equal(symlink("file.safetensors", link), 0);
    save_ones(tn, link, 2);
    assert_good(tn);
    assert_int_equal(lstat(link, &status), 0);
    assert_true(S_ISLNK(status.st_mode));
    unlink(link);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    tn_safetensors *file = tn_safetensors_open(tn, path);
    assert_int_equal(tn_numel(tn_safetensors_get(file, "x")), 2);
    tn_safetensors_close(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(files_are_as_the_format_says),
        TEST(all_dtypes_and_shapes_come_back),
        TEST(data_may_lie_askew),
        TEST(saving_twice_under_one_name_is_refused),
        TEST(damaged_files_are_told_what_is_wrong),
        TEST(unsupported_dtypes_are_named),
        TEST(impossible_lengths_are_refused),
        TEST(truncated_files_are_refused),
        TEST(what_cannot_be_opened_says_why),
        TEST(a_full_disk_leaves_the_old_file),
        TEST(only_regular_files_are_replaced),
        TEST(links_and_permissions_are_kept),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
