/* SPDX-License-Identifier: Apache-2.0
 *
 * conv2d_max_pool2d_relu: the convolution's result never goes to memory. Two kernels: Winograd's for many windows of
 * 3 x 3 weights, and a direct one for all else. */
#include "conv_pool.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

typedef struct forward_extra {
    dn_images images;
    dn_conv_pool_job job;
    int64_t width, blocks; /* of output channels */
    uint64_t weights_at;   /* in the workspace */
    int64_t grain;
    dn_body_fn body;
    /* NULL where Winograd's way is not taken */
    dn_body_fn winograd;
    void (*transform)(const float *w, int64_t channel, int64_t channels, float *group);
    int (*all_finite)(const float *x, int64_t n);
} forward_extra;

/* One execution: the weights as they are, and where they are packed to. */
typedef struct forward {
    const forward_extra *extra;
    const tn_tensor_desc *w;
    const float *x, *from, *bias;
    int64_t bias_stride;
    float *to;
    atomic_int odd; /* there are infinities or NaN */
} forward;

static void pack_bias(const forward *all, int64_t block, float *to)
{
    const int64_t width = all->extra->width, first = block * width, n = dn_min(width, all->w->dims[0] - first);
    memset(to, 0, (size_t)width * sizeof *to);
    for (int64_t o = 0; all->bias && o < n; o++) to[o] = all->bias[(first + o) * all->bias_stride];
}

/* What one tap, from[0], has for the output channels of a block, filled up with zeros. */
static void pack_tap(const forward *all, int64_t block, const float *from, float *to)
{
    const int64_t width = all->extra->width, first = block * width, stride = all->w->strides[0];
    const int64_t n = dn_min(width, all->w->dims[0] - first);
    for (int64_t o = 0; o < n; o++) to[o] = from[(first + o) * stride];
    for (int64_t o = n; o < width; o++) to[o] = 0;
}

/* Blocks [begin, end) of output channels. */
static void pack(void *arg, int64_t begin, int64_t end)
{
    const forward *all = arg;
    const int64_t width = all->extra->width, taps = all->extra->job.taps;
    const int64_t *stride = all->w->strides, *dims = all->w->dims;
    for (int64_t block = begin; block < end; block++) {
        float *to = all->to + block * width * (taps + 1);
        pack_bias(all, block, to);
        for (int64_t i = 0; i < dims[1]; i++)
            for (int64_t kh = 0; kh < dims[2]; kh++)
                for (int64_t kw = 0; kw < dims[3]; kw++)
                    pack_tap(all, block, all->from + i * stride[1] + kh * stride[2] + kw * stride[3], to += width);
    }
}

static void run_direct(forward *all, dn_conv_pool_job *job)
{
    const forward_extra *extra = all->extra;
    dn_host->parallel_for(extra->blocks, DN_ENOUGH_TO_COPY / (extra->width * job->taps) + 1, pack, all);
    job->w = all->to;
    dn_host->parallel_for(job->at.images * job->at.rows, extra->grain, extra->body, job);
}

/* Input channels [begin, end), counted over all blocks of output channels. */
static void transform(void *arg, int64_t begin, int64_t end)
{
    enum { MOST = 64 };
    forward *all = arg;
    const int64_t width = all->extra->width, in = all->w->dims[1], *stride = all->w->strides;
    float *const weights = all->to + all->extra->blocks * width;
    for (int64_t k = begin; k < end; k++) {
        const int64_t block = k / in, i = k % in, first = i / DN_TILE_CHANNELS * DN_TILE_CHANNELS;
        float tap[DN_TAPS * MOST];
        for (int64_t t = 0; t < DN_TAPS; t++)
            pack_tap(all, block, all->from + i * stride[1] + t / 3 * stride[2] + t % 3 * stride[3], tap + t * width);
        if (!all->extra->all_finite(tap, DN_TAPS * width)) atomic_store(&all->odd, 1);
        all->extra->transform(tap, i - first, dn_min(DN_TILE_CHANNELS, in - first),
                              weights + (block * in + first) * 16 * width);
    }
}

static void look_for_odd(void *arg, int64_t begin, int64_t end)
{
    forward *all = arg;
    const dn_conv_pool *at = &all->extra->job.at;
    const int64_t size = at->height * at->width * at->in;
    if (!all->extra->all_finite(all->x + begin * size, (end - begin) * size)) atomic_store(&all->odd, 1);
}

/* Differences of infinities are NaN, so these must take the other way; then they come out where they should. */
static void run_winograd(forward *all, dn_conv_pool_job *job)
{
    const forward_extra *extra = all->extra;
    const dn_conv_pool *at = &job->at;
    const int64_t windows = at->images * at->rows * at->columns, image = at->height * at->width * at->in;
    dn_host->parallel_for(extra->blocks * at->in, DN_ENOUGH_TO_COPY / (extra->width * DN_TAPS) + 1, transform, all);
    dn_host->parallel_for(at->images, 8 * DN_ENOUGH_TO_COPY / image + 1, look_for_odd, all);
    if (atomic_load(&all->odd)) {
        run_direct(all, job);
        return;
    }
    for (int64_t block = 0; block < extra->blocks; block++) pack_bias(all, block, all->to + block * extra->width);
    dn_winograd_job fast = {*at, all->x, all->to, all->to + extra->blocks * extra->width, job->y, job->index};
    dn_host->parallel_for((windows + DN_TILES - 1) / DN_TILES, extra->grain / at->rows + 1, extra->winograd, &fast);
}

static tn_status run_forward(const dn_loop *loop, const tn_bindings *at, tn_error *error)
{
    const forward_extra *extra = loop->extra;
    dn_conv_pool_job job = extra->job;
    void *where[5];
    (void)error;
    dn_images_enter(&extra->images, at, where);
    const tn_tensor_desc *bias = loop->desc.n_in > 2 ? loop->desc.in[2] : NULL;
    forward all = {.extra = extra,
                   .w = loop->desc.in[1],
                   .x = where[0],
                   .from = where[1],
                   .bias = bias ? where[2] : NULL,
                   .bias_stride = bias ? bias->strides[0] : 0,
                   .to = (float *)((char *)at->workspace + extra->weights_at)};
    job.tap = (const int64_t *)(extra + 1);
    job.x = where[0];
    job.y = where[loop->desc.n_in];
    job.index = where[loop->desc.n_in + 1];
    if (extra->winograd)
        run_winograd(&all, &job);
    else
        run_direct(&all, &job);
    dn_images_leave(&extra->images, at, where);
    return TN_OK;
}

tn_status dn_conv_pool_check(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_error *error)
{
    const tn_conv2d_max_pool2d_relu_attrs *a = desc->attrs;
    (void)self, (void)device;
    DN_TRY(dn_dtype_in(desc, desc->in[0]->dtype, DN_BIT(TN_F32), error));
    if (tn_desc_numel(desc->out[0]) == 0) return TN_OK;
    DN_TRY(dn_refuse_hollow(desc, desc->in[0], error));
    if (!dn_both_are(a->padding, 0) || a->groups != 1 || !dn_both_are(a->pool_kernel, 2))
        return tn_fail(error, TN_UNSUPPORTED, 0, "%s: only without padding and groups, and with pooling of 2 x 2",
                       desc->name);
    return TN_OK;
}

/* Where the elements of x lie that a window's first cell is made of, in the order of row-major weights. */
static void list_taps(const dn_conv_pool_job *job, const int64_t *w, const int64_t *dilation, int64_t *tap)
{
    for (int64_t i = 0; i < w[1]; i++)
        for (int64_t kh = 0; kh < w[2]; kh++)
            for (int64_t kw = 0; kw < w[3]; kw++)
                *tap++ = (kh * dilation[0] * job->at.width + kw * dilation[1]) * job->at.in + i;
}

/* Fewer windows do not pay for the transformed weights; few channels are all transforms. Not chosen by the clock, so that
 * the same model gives the same bits in each run; TENON_ONEDNN_WINOGRAD=off never takes it. */
static int suits_winograd(const dn_conv_pool *at, const tn_conv2d_max_pool2d_relu_attrs *a, const tn_tensor_desc *w)
{
    enum { ENOUGH_WINDOWS = 48, ENOUGH_CHANNELS = 16 };
    const char *wanted = secure_getenv("TENON_ONEDNN_WINOGRAD");
    return !(wanted && strcmp(wanted, "off") == 0) && dn_both_are(w->dims + 2, 3) && dn_both_are(a->stride, 1) &&
           dn_both_are(a->dilation, 1) && at->in >= ENOUGH_CHANNELS &&
           at->images * at->rows * at->columns >= ENOUGH_WINDOWS;
}

static void choose_winograd(forward_extra *extra, dn_loop *loop, dn_isa isa)
{
    static const char *const names[DN_ISAS] = {"winograd:portable", "winograd:avx2", "winograd:avx512"};
    extra->winograd = DN_PICK(dn_winograd, isa);
    extra->transform = DN_PICK(dn_winograd_weights, isa);
    extra->all_finite = DN_PICK(dn_all_finite, isa);
    loop->plan.implementation = names[isa];
}

tn_status dn_conv_pool_plan(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **plan,
                            tn_error *error)
{
    const tn_conv2d_max_pool2d_relu_attrs *a = desc->attrs;
    const tn_tensor_desc *x = desc->in[0], *w = desc->in[1], *y = desc->out[0];
    const dn_isa isa = dn_isa_best();
    DN_TRY(dn_conv_pool_check(self, device, desc, error));
    if (tn_desc_numel(y) == 0) return dn_zero_plan(desc, plan, error);
    const int64_t taps = w->dims[1] * w->dims[2] * w->dims[3];
    dn_loop *loop;
    DN_TRY(dn_loop_create(desc, run_forward, sizeof(forward_extra) + (uint64_t)taps * sizeof(int64_t), &loop, error));
    forward_extra *extra = loop->extra;
    dn_conv_pool_job *job = &extra->job;
    dn_images_init_but(&extra->images, loop, 1);
    job->at = dn_conv_pool_sizes(x, y);
    for (int i = 0; i < 2; i++) job->at.step[i] = a->pool_stride[i] * a->stride[i];
    job->right = a->stride[1] * job->at.in;
    job->down = a->stride[0] * job->at.width * job->at.in;
    job->next = job->at.step[1] * job->at.in;
    job->taps = taps;
    list_taps(job, w->dims, a->dilation, (int64_t *)(extra + 1));
    extra->width = DN_POOLED_VECTORS * DN_PICK(dn_conv_pool_lanes, isa)();
    extra->blocks = (job->at.out + extra->width - 1) / extra->width;
    loop->plan.flops = 2 * 4 * (uint64_t)(tn_desc_numel(y) * taps);
    loop->plan.implementation = dn_direct_name(isa);
    extra->body = DN_PICK(dn_conv_pool, isa);
    extra->grain = dn_grain_of(loop->plan.flops, job->at.images * job->at.rows);
    const int is_winograd = suits_winograd(&job->at, a, w);
    if (is_winograd) choose_winograd(extra, loop, isa);
    const int64_t packed = is_winograd ? 16 * job->at.in : taps;
    extra->weights_at = loop->plan.workspace_bytes;
    loop->plan.workspace_bytes += (uint64_t)(extra->blocks * extra->width * (packed + 1)) * sizeof(float);
    *plan = &loop->plan;
    return TN_OK;
}
