/* SPDX-License-Identifier: Apache-2.0
 *
 * libcurl into zlib. Nothing that a server sends can take more memory than the caller gave. */
#include "data/download.h"

#include <curl/curl.h>
#include <pthread.h>
#include <string.h>
#include <zlib.h>

enum { CONNECT_SECONDS = 10, STALL_SECONDS = 20, STALL_BYTES_PER_SECOND = 1000, MAX_REDIRECTS = 5 };
enum { GZIP_ONLY = 16 + MAX_WBITS }; /* zlib's way to ask for it */

/* clang-format off */
static const struct { const char *prefix, *protocol; } schemes[] = {
    {"https://", "https"},          {"file:///", "file"},
    {"http://127.0.0.1:", "http"},  {"http://127.0.0.1/", "http"},
    {"http://localhost:", "http"},  {"http://localhost/", "http"},
    {"http://[::1]:", "http"},      {"http://[::1]/", "http"},
};
/* clang-format on */

static const char *protocol_of(const char *url)
{
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
        if (strncmp(url, schemes[i].prefix, strlen(schemes[i].prefix)) == 0) return schemes[i].protocol;
    return NULL;
}

bool tn__url_allowed(const char *url)
{
    return protocol_of(url) != NULL;
}

typedef struct sink {
    z_stream z;
    int state; /* Z_OK while more is expected, Z_STREAM_END, or zlib's error */
    uint64_t capacity;
    const tn__progress *progress;
} sink;

/* libcurl's write callback: returning another number than it was given ends the download. */
static size_t receive(char *bytes, size_t size, size_t n, void *arg)
{
    sink *s = arg;
    s->z.next_in = (Bytef *)bytes;
    s->z.avail_in = (uInt)(size * n); /* at most CURL_MAX_WRITE_SIZE */
    while (s->state == Z_OK && s->z.avail_in > 0 && s->z.avail_out > 0) s->state = inflate(&s->z, Z_NO_FLUSH);
    const tn__progress *p = s->progress;
    uint64_t done = s->z.total_out < p->total ? s->z.total_out : p->total;
    if (p->call) p->call(p->arg, p->file, done, p->total);
    bool satisfied = s->state == Z_STREAM_END || (s->state == Z_OK && s->z.avail_out > 0);
    return satisfied ? size * n : 0;
}

static void start_curl(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

static void configure(CURL *curl, const char *url, sink *s, char *reason)
{
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, protocol_of(url));
    curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "https");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(curl, CURLOPT_MAXREDIRS, (long)MAX_REDIRECTS);
    curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_SECONDS);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, (long)STALL_BYTES_PER_SECOND);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, (long)STALL_SECONDS);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "tenon");
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, reason);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, receive);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, s);
}

static tn_status judge(const char *url, CURLcode code, const sink *s, const char *reason, tn_error *error)
{
    if (s->z.avail_out == 0)
        return tn_fail(error, TN_CORRUPT, 0, "%s: longer than the %llu bytes expected", url,
                       (unsigned long long)s->progress->total);
    if (s->state != Z_OK && s->state != Z_STREAM_END)
        return tn_fail(error, TN_CORRUPT, s->state, "%s: corrupt gzip: %s", url,
                       s->z.msg ? s->z.msg : "cannot be read");
    if (code != CURLE_OK)
        return tn_fail(error, TN_IO, code, "%s: %s", url, *reason ? reason : curl_easy_strerror(code));
    if (s->state != Z_STREAM_END) return tn_fail(error, TN_CORRUPT, 0, "%s: truncated gzip", url);
    return TN_OK;
}

static tn_status transfer(const char *url, sink *s, tn_error *error)
{
    char reason[CURL_ERROR_SIZE] = "";
    CURL *curl = curl_easy_init();
    if (!curl) return tn_fail(error, TN_INTERNAL, 0, "%s: libcurl cannot be started", url);
    configure(curl, url, s, reason);
    tn_status status = judge(url, curl_easy_perform(curl), s, reason, error);
    curl_easy_cleanup(curl);
    return status;
}

tn_status tn__download(const char *url, uint8_t *content, uint64_t capacity, uint64_t *got,
                       const tn__progress *progress, tn_error *error)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    sink s = {.z = {.next_out = content, .avail_out = (uInt)capacity}, .progress = progress};
    *got = 0;
    pthread_once(&once, start_curl);
    if (inflateInit2(&s.z, GZIP_ONLY) != Z_OK) return tn_fail(error, TN_OUT_OF_MEMORY, 0, "%s: no memory", url);
    tn_status status = transfer(url, &s, error);
    *got = s.z.total_out;
    inflateEnd(&s.z);
    return status;
}
