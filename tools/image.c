/* SPDX-License-Identifier: Apache-2.0
 *
 * Digits as files and on the terminal. */
#include "image.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#ifdef TENON_HAVE_PNG
#include <png.h>
#endif

#include "tool.h"

static const uint8_t png_signature[8] = {137, 'P', 'N', 'G', '\r', '\n', 26, '\n'};

#ifdef TENON_HAVE_PNG
static bool read_png(const char *path, FILE *file, uint8_t pixels[IMAGE_BYTES])
{
    static const png_color black = {0, 0, 0};
    png_image image = {.version = PNG_IMAGE_VERSION};
    bool ok = png_image_begin_read_from_stdio(&image, file);
    if (ok && (image.width != IMAGE_SIDE || image.height != IMAGE_SIDE)) {
        error(0, 0, "%s is %u x %u pixels; the models take %d x %d", path, image.width, image.height, IMAGE_SIDE,
              IMAGE_SIDE);
        png_image_free(&image);
        return false;
    }
    image.format = PNG_FORMAT_GRAY;
    ok = ok && png_image_finish_read(&image, &black, pixels, 0, NULL);
    if (!ok) error(0, 0, "%s is a damaged PNG image: %s", path, image.message);
    png_image_free(&image);
    return ok;
}
#else
static bool read_png(const char *path, FILE *file, uint8_t pixels[IMAGE_BYTES])
{
    (void)file, (void)pixels;
    error(0, 0, "%s is a PNG image, and this build has no libpng: give a file of %d raw bytes", path, IMAGE_BYTES);
    return false;
}
#endif

static bool read_any(const char *path, FILE *file, uint8_t pixels[IMAGE_BYTES])
{
    uint8_t bytes[IMAGE_BYTES + 1]; /* one more, to notice a longer file */
    size_t n = fread(bytes, 1, sizeof bytes, file);
    if (ferror(file)) {
        error(0, errno, "cannot read %s", path);
        return false;
    }
    if (n >= sizeof png_signature && !memcmp(bytes, png_signature, sizeof png_signature)) {
        rewind(file);
        return read_png(path, file, pixels);
    }
    if (n != IMAGE_BYTES) {
        error(0, 0, "%s is neither a PNG image nor a file of %d bytes, one for each of %d x %d pixels", path,
              IMAGE_BYTES, IMAGE_SIDE, IMAGE_SIDE);
        return false;
    }
    memcpy(pixels, bytes, IMAGE_BYTES);
    return true;
}

bool tool_image_read(const char *path, uint8_t pixels[IMAGE_BYTES])
{
    FILE *file = fopen(path, "re");
    if (!file) {
        error(0, errno, "cannot read %s", path);
        return false;
    }
    bool ok = read_any(path, file, pixels);
    fclose(file);
    return ok;
}

bool tool_images_read(int n, char *const *paths, bool invert, uint8_t *pixels)
{
    for (int i = 0; i < n; i++) {
        uint8_t *image = pixels + (size_t)i * IMAGE_BYTES;
        if (!tool_image_read(paths[i], image)) return false;
        for (int j = 0; invert && j < IMAGE_BYTES; j++) image[j] = 255 - image[j];
    }
    return true;
}

/* A character shows two pixels, one above the other, and so has about the right shape. */
void tool_image_print(const uint8_t pixels[IMAGE_BYTES])
{
    static const char *const halves[] = {" ", "▄", "▀", "█"};
    static const char ramp[] = " .:-=+*#%@";
    bool blocks = tool_utf8();
    for (int y = 0; y < IMAGE_SIDE; y += 2) {
        for (int x = 0; x < IMAGE_SIDE; x++) {
            int upper = pixels[y * IMAGE_SIDE + x], lower = pixels[(y + 1) * IMAGE_SIDE + x];
            if (blocks)
                fputs(halves[2 * (upper >= 128) + (lower >= 128)], stdout);
            else
                putchar(ramp[(upper + lower) * (int)(sizeof ramp - 2) / 510]);
        }
        putchar('\n');
    }
}

void tool_image_answer(const char *path, const uint8_t pixels[IMAGE_BYTES], int classes, const float *p)
{
    int best = 0;
    for (int i = 1; i < classes; i++)
        if (p[i] > p[best]) best = i;
    if (isatty(STDOUT_FILENO)) tool_image_print(pixels);
    printf("%d  %6.2f %%  %s\n", best, 100 * (double)p[best], path);
}
