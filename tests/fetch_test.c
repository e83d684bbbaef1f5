/* SPDX-License-Identifier: Apache-2.0
 *
 * The fetcher: only what has the right digest gets its name, and what is there already needs no network. A folder of
 * gzipped files, made from the real ones, plays the mirror. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "data/download.h"
#include "data/source.h"
#include "data/tgz.h"
#include "tenon.h"

static char root[] = "/tmp/tenon-fetch-XXXXXX"; /* mirror/ and data/mnist/ are in it */
static const tn__data_source *mnist;

static const char *at(const char *format, ...) __attribute__((format(printf, 1, 2)));
static const char *at(const char *format, ...)
{
    static char paths[4][4096];
    static int next;
    char *path = paths[next++ % 4];
    va_list args;
    int n = snprintf(path, sizeof *paths, "%s/", root);
    va_start(args, format);
    vsnprintf(path + n, sizeof *paths - (size_t)n, format, args);
    va_end(args);
    return path;
}

static const char *data_file(int i)
{
    return at("data/mnist/%s", mnist->files[i].name);
}

static const char *mirror_file(int i)
{
    return at("mirror/%s.gz", mnist->files[i].name);
}

static uint8_t *slurp(const char *path, size_t *size)
{
    struct stat info;
    FILE *file = fopen(path, "rb");
    if (!file) fail_msg("%s cannot be opened", path);
    assert_int_equal(fstat(fileno(file), &info), 0);
    uint8_t *bytes = malloc((size_t)info.st_size + 1);
    assert_non_null(bytes);
    *size = fread(bytes, 1, (size_t)info.st_size, file);
    fclose(file);
    return bytes;
}

static void spill(const char *path, const void *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    if (!file) fail_msg("%s cannot be written", path);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static void pack(const char *path, const void *bytes, size_t size)
{
    gzFile file = gzopen(path, "wb1");
    assert_non_null(file);
    assert_int_equal(gzwrite(file, bytes, (unsigned)size), (int)size);
    assert_int_equal(gzclose(file), Z_OK);
}

static void empty_folder(const char *path)
{
    DIR *folder = opendir(path);
    assert_non_null(folder);
    for (struct dirent *entry; (entry = readdir(folder));)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            unlinkat(dirfd(folder), entry->d_name, 0);
    closedir(folder);
}

static int count_files(const char *path)
{
    DIR *folder = opendir(path);
    int n = -2; /* . and .. */
    assert_non_null(folder);
    while (readdir(folder)) n++;
    closedir(folder);
    return n;
}

static tn_status fetch(tn_error *error)
{
    *error = (tn_error){.struct_size = sizeof *error};
    return tn_data_fetch("mnist", at("data"), NULL, NULL, error);
}

static void expect_fetched(void)
{
    tn_error error;
    if (fetch(&error) != TN_OK) fail_msg("%s", error.message);
    assert_int_equal(count_files(at("data/mnist")), TN__DATA_FILES);
}

/* The fetch fails, its message has the phrase, and file i is as it was: absent. */
static void expect_failure(int i, const char *phrase)
{
    tn_error error;
    assert_int_equal(fetch(&error), TN_IO);
    if (!strstr(error.message, phrase)) fail_msg("\"%s\" does not have \"%s\"", error.message, phrase);
    assert_non_null(strstr(error.message, "by hand"));
    assert_int_not_equal(access(data_file(i), F_OK), 0);
}

static void use_mirror(void)
{
    char url[4200];
    snprintf(url, sizeof url, "file://%s", at("mirror"));
    setenv("TENON_MIRROR", url, 1);
}

static void use_nothing(void)
{
    setenv("TENON_MIRROR", "file:///no/such/folder/", 1);
}

/* ---- the promises, in an order in which each finds what it needs */

static void four_files_come_from_a_mirror(void **state)
{
    (void)state;
    use_mirror();
    empty_folder(at("data/mnist"));
    expect_fetched();
    for (int i = 0; i < TN__DATA_FILES; i++) {
        struct stat info;
        assert_int_equal(stat(data_file(i), &info), 0);
        assert_int_equal(info.st_size, mnist->files[i].bytes);
    }
}

static void present_files_need_no_network(void **state)
{
    (void)state;
    use_nothing();
    expect_fetched();
}

static void a_partial_file_is_fetched_again(void **state)
{
    (void)state;
    use_mirror();
    assert_int_equal(truncate(data_file(TN__TEST_IMAGES), 100000), 0);
    expect_fetched();
    use_nothing();
    expect_fetched();
}

static void a_corrupt_file_is_fetched_again(void **state)
{
    size_t size;
    uint8_t *bytes = slurp(data_file(TN__TEST_LABELS), &size);
    (void)state;
    bytes[5000] ^= 1;
    spill(data_file(TN__TEST_LABELS), bytes, size);
    free(bytes);
    use_mirror();
    expect_fetched();
    use_nothing();
    expect_fetched();
}

static void a_corrupt_file_without_a_source_is_told_and_left(void **state)
{
    size_t size;
    uint8_t *bytes = slurp(data_file(TN__TEST_LABELS), &size);
    tn_error error;
    (void)state;
    bytes[5000] ^= 1;
    spill(data_file(TN__TEST_LABELS), bytes, size);
    use_nothing();
    assert_int_equal(fetch(&error), TN_IO);
    assert_non_null(strstr(error.message, "file:///no/such/folder/t10k-labels-idx1-ubyte.gz"));
    assert_int_equal(count_files(at("data/mnist")), TN__DATA_FILES);
    bytes[5000] ^= 1;
    spill(data_file(TN__TEST_LABELS), bytes, size);
    free(bytes);
}

static void a_gzipped_file_placed_by_hand_is_enough(void **state)
{
    size_t size;
    uint8_t *packed = slurp(mirror_file(TN__TEST_LABELS), &size);
    (void)state;
    assert_int_equal(unlink(data_file(TN__TEST_LABELS)), 0);
    spill(at("data/mnist/%s.gz", mnist->files[TN__TEST_LABELS].name), packed, size);
    free(packed);
    use_nothing();
    expect_fetched();
    assert_int_equal(unlink(at("data/mnist/%s.gz", mnist->files[TN__TEST_LABELS].name)), 0);
}

/* What a mirror may send instead of the labels of the test set, and what is said of it. */
static void bad_mirrors_are_refused(void **state)
{
    const int file = TN__TEST_LABELS;
    size_t raw_size, packed_size;
    char *name;
    (void)state;
    assert_true(asprintf(&name, "%s", mirror_file(file)) > 0);
    uint8_t *packed = slurp(name, &packed_size), *raw = calloc(1, 20000);
    raw_size = mnist->files[file].bytes;
    use_mirror();
    unlink(data_file(file));

    pack(name, raw, raw_size);
    expect_failure(file, "its SHA-256 is");
    pack(name, raw, raw_size - 1);
    expect_failure(file, "has 10007 bytes, it must have 10008");
    pack(name, raw, 20000);
    expect_failure(file, "longer than the 10008 bytes expected");
    spill(name, packed, packed_size / 2);
    expect_failure(file, "truncated gzip");
    spill(name, "<html>Not here</html>", 21);
    expect_failure(file, "corrupt gzip");
    unlink(name);
    expect_failure(file, "t10k-labels-idx1-ubyte.gz: Couldn't open file");
    assert_int_equal(count_files(at("data/mnist")), TN__DATA_FILES - 1);

    spill(name, packed, packed_size);
    expect_fetched();
    free(packed);
    free(raw);
    free(name);
}

static void progress_ends_at_the_size_of_each_file(void *arg, const char *file, uint64_t done, uint64_t total)
{
    uint64_t *sum = arg;
    assert_non_null(file);
    assert_true(done <= total);
    if (done == total) *sum += total;
}

static void progress_is_reported(void **state)
{
    tn_error error = {.struct_size = sizeof error};
    uint64_t sum = 0, all = 0;
    (void)state;
    use_nothing();
    assert_int_equal(tn_data_fetch("mnist", at("data"), progress_ends_at_the_size_of_each_file, &sum, &error), TN_OK);
    for (int i = 0; i < TN__DATA_FILES; i++) all += mnist->files[i].bytes;
    assert_int_equal(sum, all);
}

static void bad_arguments_are_told(void **state)
{
    tn_error error = {.struct_size = sizeof error};
    (void)state;
    assert_int_equal(tn_data_fetch("cifar", NULL, NULL, NULL, &error), TN_NOT_FOUND);
    assert_string_equal(error.message, "there is no dataset \"cifar\" to fetch; there are mnist and fashion-mnist");
    setenv("TENON_MIRROR", "http://mirror.example/", 1);
    assert_int_equal(tn_data_fetch("mnist", at("data"), NULL, NULL, &error), TN_INVALID);
    assert_non_null(strstr(error.message, "TENON_MIRROR is http://mirror.example/"));
    use_nothing();
    assert_int_equal(tn_data_fetch("mnist", "/proc/nowhere", NULL, NULL, &error), TN_IO);
    assert_non_null(strstr(error.message, "/proc/nowhere/mnist cannot be made"));
}

static void only_safe_addresses_are_allowed(void **state)
{
    (void)state;
    assert_true(tn__url_allowed("https://mirror.example/mnist/"));
    assert_true(tn__url_allowed("file:///srv/mnist/"));
    assert_true(tn__url_allowed("http://127.0.0.1:8000/"));
    assert_false(tn__url_allowed("http://mirror.example/"));
    assert_false(tn__url_allowed("http://127.0.0.1.example/"));
    assert_false(tn__url_allowed("ftp://mirror.example/"));
    assert_false(tn__url_allowed("mirror.example"));
}

/* ---- http */

/* Answers one request with `answer`. */
typedef struct server {
    int listener;
    const char *answer;
    size_t size;
} server;

static void *serve(void *arg)
{
    const server *s = arg;
    char request[4096];
    int peer = accept(s->listener, NULL, NULL);
    if (peer < 0 || read(peer, request, sizeof request) < 0) return NULL;
    if (write(peer, s->answer, s->size) < 0) perror("write");
    close(peer);
    return NULL;
}

static tn_status download_from(const char *answer, size_t size, uint8_t content[16], uint64_t *got, tn_error *error)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    server s = {.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), .answer = answer, .size = size};
    const tn__progress progress = {.file = "file", .total = 15};
    pthread_t thread;
    char url[64];
    assert_true(s.listener >= 0);
    assert_int_equal(bind(s.listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(s.listener, 1), 0);
    assert_int_equal(getsockname(s.listener, (struct sockaddr *)&address, &length), 0);
    assert_int_equal(pthread_create(&thread, NULL, serve, &s), 0);
    snprintf(url, sizeof url, "http://127.0.0.1:%d/file.gz", ntohs(address.sin_port));
    *error = (tn_error){.struct_size = sizeof *error};
    tn_status status = tn__download(url, content, 16, got, &progress, error);
    pthread_join(thread, NULL);
    close(s.listener);
    return status;
}

static void http_answers_are_read_and_errors_told(void **state)
{
    /* "hello" by gzip -n */
    static const char good[] = "HTTP/1.1 200 OK\r\nContent-Length: 25\r\n\r\n"
                               "\x1f\x8b\x08\0\0\0\0\0\0\x03\xcb\x48\xcd\xc9\xc9\x07\0\x86\xa6\x10\x36\x05\0\0\0";
    static const char missing[] = "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnope";
    static const char elsewhere[] = "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n";
    uint8_t content[16];
    uint64_t got;
    tn_error error;
    (void)state;
    assert_int_equal(download_from(good, sizeof good - 1, content, &got, &error), TN_OK);
    assert_int_equal(got, 5);
    assert_memory_equal(content, "hello", 5);
    assert_int_equal(download_from(good, sizeof good - 6, content, &got, &error), TN_IO);
    assert_non_null(strstr(error.message, "5 bytes remaining"));
    assert_int_equal(download_from(missing, sizeof missing - 1, content, &got, &error), TN_IO);
    assert_non_null(strstr(error.message, "404"));
    assert_int_equal(download_from(elsewhere, sizeof elsewhere - 1, content, &got, &error), TN_IO);
    assert_non_null(strstr(error.message, "Protocol \"http\""));
}

/* ---- archives */

/* One header of a ustar archive, with its checksum. */
static void tar_header(uint8_t block[512], const char *name, const char *size)
{
    unsigned sum = 0;
    memset(block, 0, 512);
    memcpy(block, name, strlen(name));
    memcpy(block + 124, size, 11);
    block[156] = '0';
    memcpy(block + 257, "ustar\00000", 8);
    memset(block + 148, ' ', 8);
    for (int i = 0; i < 512; i++) sum += block[i];
    snprintf((char *)block + 148, 8, "%06o", sum);
}

static void files_come_out_of_archives(void **state)
{
    static uint8_t tar[7 * 512];
    uint8_t out[1000];
    uint64_t got;
    tn_error error = {.struct_size = sizeof error};
    const char *path = at("a.tgz");
    (void)state;
    tar_header(tar, "package/one", "00000001130"); /* 600 */
    tar_header(tar + 3 * 512, "package/two", "00000000003");
    memcpy(tar + 4 * 512, "two", 3);
    pack(path, tar, sizeof tar);
    assert_int_equal(tn__tgz_read(path, "package/two", out, sizeof out, &got, &error), TN_OK);
    assert_int_equal(got, 3);
    assert_memory_equal(out, "two", 3);
    assert_int_equal(tn__tgz_read(path, "package/one", out, sizeof out, &got, &error), TN_OK);
    assert_int_equal(got, 600);
    assert_int_equal(tn__tgz_read(path, "package/three", out, sizeof out, &got, &error), TN_NOT_FOUND);
    assert_non_null(strstr(error.message, "has no package/three in it"));
    tar[3 * 512] = 'P';
    pack(path, tar, sizeof tar);
    assert_int_equal(tn__tgz_read(path, "package/two", out, sizeof out, &got, &error), TN_CORRUPT);
    assert_non_null(strstr(error.message, "is no tar archive, or a damaged one"));
    pack(path, tar, 700);
    assert_int_equal(tn__tgz_read(path, "package/one", out, sizeof out, &got, &error), TN_CORRUPT);
    assert_non_null(strstr(error.message, "ends within package/one"));
    unlink(path);
}

static int make_root(void **state)
{
    tn_error error = {.struct_size = sizeof error};
    (void)state;
    unsetenv("TENON_MIRROR");
    mnist = tn__find_source("mnist", &error);
    if (!mkdtemp(root) || mkdir(at("mirror"), 0700) || mkdir(at("data"), 0700) || mkdir(at("data/mnist"), 0700))
        return -1;
    if (tn_data_fetch("mnist", NULL, NULL, NULL, &error) != TN_OK) {
        fprintf(stderr, "%s\n", error.message);
        return -1;
    }
    for (int i = 0; i < TN__DATA_FILES; i++) {
        char path[4096];
        size_t size;
        snprintf(path, sizeof path, "%s/mnist/%s", tn_data_dir(), mnist->files[i].name);
        uint8_t *bytes = slurp(path, &size);
        pack(mirror_file(i), bytes, size);
        free(bytes);
    }
    return 0;
}

static int remove_root(void **state)
{
    (void)state;
    empty_folder(at("data/mnist"));
    empty_folder(at("mirror"));
    return rmdir(at("data/mnist")) || rmdir(at("data")) || rmdir(at("mirror")) || rmdir(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(four_files_come_from_a_mirror),
        cmocka_unit_test(present_files_need_no_network),
        cmocka_unit_test(a_partial_file_is_fetched_again),
        cmocka_unit_test(a_corrupt_file_is_fetched_again),
        cmocka_unit_test(a_corrupt_file_without_a_source_is_told_and_left),
        cmocka_unit_test(a_gzipped_file_placed_by_hand_is_enough),
        cmocka_unit_test(bad_mirrors_are_refused),
        cmocka_unit_test(progress_is_reported),
        cmocka_unit_test(bad_arguments_are_told),
        cmocka_unit_test(only_safe_addresses_are_allowed),
        cmocka_unit_test(http_answers_are_read_and_errors_told),
        cmocka_unit_test(files_come_out_of_archives),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
