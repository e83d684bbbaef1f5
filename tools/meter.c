/* SPDX-License-Identifier: Apache-2.0
 *
 * How far along something is, on stderr: a bar that is redrawn in place on a terminal, else a plain line every few
 * seconds, so that a log of a long run shows life and a short one stays short. */
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "tool.h"

static const double redraw = 0.1, new_line = 10; /* seconds between two drawings */

double tool_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

void tool_meter_init(tool_meter *meter, const char *label, bool quiet)
{
    const char *kind = getenv("TERM");
    bool terminal = isatty(STDERR_FILENO) && kind && strcmp(kind, "dumb") != 0;
    *meter = (tool_meter){.label = label, .terminal = terminal, .quiet = quiet, .drawn = terminal ? 0 : tool_now()};
}

bool tool_meter_due(const tool_meter *meter)
{
    return !meter->quiet && tool_now() - meter->drawn >= (meter->terminal ? redraw : new_line);
}

static int columns(void)
{
    struct winsize size;
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col ? size.ws_col : 80;
}

/* "label [=====>    ]  45 %  text", never wider than the terminal: a wrapped line could not be redrawn. */
static void draw_bar(const tool_meter *meter, double fraction, const char *text)
{
    int room = columns() - 1;
    int width = room - (int)strlen(meter->label) - (int)strlen(text) - 12;
    width = width > 40 ? 40 : width < 0 ? 0 : width;
    int full = (int)(fraction * width);
    char bar[48];
    for (int i = 0; i < width; i++) bar[i] = i < full ? '=' : i == full ? '>' : ' ';
    bar[width] = '\0';
    char line[512];
    snprintf(line, sizeof line, "%s [%s] %3.0f %%  %s", meter->label, bar, 100 * fraction, text);
    fprintf(stderr, "\r%.*s\033[K", room, line);
}

void tool_meter_draw(tool_meter *meter, double fraction, const char *text)
{
    if (meter->quiet) return;
    if (meter->terminal)
        draw_bar(meter, fraction, text);
    else
        fprintf(stderr, "%s %3.0f %%  %s\n", meter->label, 100 * fraction, text);
    fflush(stderr);
    meter->drawn = tool_now();
}

void tool_meter_clear(tool_meter *meter)
{
    if (meter->terminal && !meter->quiet) fputs("\r\033[K", stderr);
}
