/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/report/format.h"

#include <math.h>
#include <stdio.h>

#include "tool.h"

/* Three digits: 1.23, 12.3, 123. */
static int decimals(double value)
{
    double size = fabs(value);
    return size < 9.995 ? 2 : size < 99.95 ? 1 : 0;
}

static const char *nothing(char *buffer)
{
    buffer[0] = '\0';
    return buffer;
}

const char *bench_format_seconds(double seconds, char *buffer)
{
    static const char *const units[] = {"ns", "µs", "ms", "s"};
    if (isnan(seconds)) return nothing(buffer);
    double value = seconds * 1e9;
    int unit = 0;
    for (; value >= 999.5 && unit < 3; unit++) value /= 1000;
    snprintf(buffer, BENCH_FIGURE, "%.*f %s", decimals(value), value, units[unit]);
    return buffer;
}

const char *bench_format_rate(double rate, char *buffer)
{
    if (isnan(rate)) return nothing(buffer);
    if (rate >= 99.95 || rate == floor(rate)) return tool_count(rate, buffer);
    snprintf(buffer, BENCH_FIGURE, "%.*f", decimals(rate), rate);
    return buffer;
}

const char *bench_format_bytes(double bytes, char *buffer)
{
    return isnan(bytes) ? nothing(buffer) : tool_bytes(bytes, buffer);
}

const char *bench_format_si(double value, const char *unit, char *buffer)
{
    static const char *const prefixes[] = {"", "k", "M", "G", "T", "P"};
    if (isnan(value)) return nothing(buffer);
    int prefix = 0;
    for (; value >= 999.5 && prefix < 5; prefix++) value /= 1000;
    snprintf(buffer, BENCH_FIGURE, "%.*f %s%s", decimals(value), value, prefixes[prefix], unit);
    return buffer;
}

const char *bench_format_prefixed(double value, char *buffer)
{
    return bench_format_si(value, "", buffer);
}

const char *bench_format_loss(double loss, char *buffer)
{
    if (isnan(loss)) return nothing(buffer);
    snprintf(buffer, BENCH_FIGURE, "%#.4g", loss);
    return buffer;
}

const char *bench_format_percent(double share, char *buffer)
{
    if (isnan(share)) return nothing(buffer);
    snprintf(buffer, BENCH_FIGURE, "%.*f %%", share < 0.0995 ? 1 : 0, 100 * share);
    return buffer;
}

const char *bench_format_ratio(double ratio, char *buffer)
{
    if (isnan(ratio)) return nothing(buffer);
    snprintf(buffer, BENCH_FIGURE, "%.*f ×", decimals(ratio), ratio);
    return buffer;
}

const char *bench_format_peaks(const bench_limits *limits, char *buffer)
{
    static const char *const maths[] = {"f32", "tf32", "f64"};
    size_t used = 0;
    buffer[0] = '\0';
    for (int i = 0; i < 3; i++) {
        double peak = bench_peak_for(limits, maths[i]);
        if (peak > 0)
            used += (size_t)snprintf(buffer + used, BENCH_PEAKS - used, "%s%s in %s", used ? ", " : "",
                                     BENCH_SI(peak, "FLOP/s"), maths[i]);
    }
    return buffer;
}

size_t bench_width(const char *text)
{
    size_t width = 0;
    for (; *text; text++) width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}
