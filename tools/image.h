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
/* n images, one after another; inverted if they are dark on a light ground. All are read before any is used, so that a
 * bad one is told at once. */
bool tool_images_read(int n, char *const *paths, bool invert, uint8_t *pixels);
/* Tells the likeliest class of an image and, on a terminal, shows the image. p: a probability for each class. */
void tool_image_answer(const char *path, const uint8_t pixels[IMAGE_BYTES], int classes, const float *p);
/* Draws it with characters, on stdout. */
void tool_image_print(const uint8_t pixels[IMAGE_BYTES]);

#endif
