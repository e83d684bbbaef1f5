/* SPDX-License-Identifier: Apache-2.0
 *
 * Digits as files and on the terminal. */
#ifndef TENON_IMAGE_H
#define TENON_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

enum { IMAGE_SIDE = 28, IMAGE_BYTES = IMAGE_SIDE * IMAGE_SIDE };

/* Reads a 28 x 28 image to grey levels, 0 black, row by row: a PNG (colour becomes grey, what is transparent becomes
 * black) or a file of 784 bytes. False after a message. */
bool tool_image_read(const char *path, uint8_t pixels[IMAGE_BYTES]);
/* Draws it with characters, on stdout. */
void tool_image_print(const uint8_t pixels[IMAGE_BYTES]);

#endif
