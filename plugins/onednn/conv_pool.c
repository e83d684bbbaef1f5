/* SPDX-License-Identifier: Apache-2.0
 *
 * conv2d_max_pool2d_relu and its gradients by the kernels in simd/: the convolution's result never goes to memory, and
 * only the elements that pooling chose are multiplied on the way back. For weights, channels-last is O KH KW I. */
#include "image.h"
#include "isa.h"
#include "simd/pooled.h"

#include <stdatomic.h>
#include <string.h>

static const char *const implementations[DN_ISAS] = {"direct:portable", "direct:avx2", "direct:avx512"};

typedef void (*body_fn)(void *job, int64_t begin, int64_t end);

enum { WORTH_A_THREAD = 1000000, ENOUGH_TO_COPY = 8192 }; /* operations and elements for a thread */

/* Pieces of work so that each thread has enough. */
static int64_t grain_of(uint64_t flops, int64_t pieces)
{
    return dn_max(1, (int64_t)WORTH_A_THREAD * pieces / (int64_t)(flops + 1));
}

static int both_are(const int64_t pair[2], int64_t value)
{
    return pair[0] == value && pair[1] == value;
}

/* All but the steps. */
static dn_conv_pool sizes(const tn_tensor_desc *x, const tn_tensor_desc *y)
{
    return (dn_conv_pool){.images = x->dims[0],
                          .in = x->dims[1],
                          .out = y->dims[1],
                          .height = x->dims[2],
                          .width = x->dims[3],
                          .rows = y->dims[2],
                          .columns = y->dims[3]};
}

static tn_status refuse_hollow(const tn_op_desc *desc, const tn_tensor_desc *x, tn_error *error)
{
    if (tn_desc_numel(x) > 0) return TN_OK;
    return tn_fail(error, TN_UNSUPPORTED, 0, "%s: there are no input channels", desc->name);
}

/* ---- forward */

typedef struct forward_extra {
    dn_images images;
    dn_conv_pool_job job;
    int64_t width, blocks; /* of output channels */
    uint64_t weights_at;   /* in the workspace */
    int64_t grain;
    body_fn body;
    /* NULL where Winograd's way is not taken */
    body_fn winograd;
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
    dn_host->parallel_for(extra->blocks, ENOUGH_TO_COPY / (extra->width * job->taps) + 1, pack, all);
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
    dn_host->parallel_for(extra->blocks * at->in, ENOUGH_TO_COPY / (extra->width * DN_TAPS) + 1, transform, all);
    dn_host->parallel_for(at->images, 8 * ENOUGH_TO_COPY / image + 1, look_for_odd, all);
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
    DN_TRY(refuse_hollow(desc, desc->in[0], error));
    if (!both_are(a->padding, 0) || a->groups != 1 || !both_are(a->pool_kernel, 2))
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

/* Fewer windows do not pay for the transformed weights; few channels are all transforms. */
static int suits_winograd(const dn_conv_pool *at, const tn_conv2d_max_pool2d_relu_attrs *a, const tn_tensor_desc *w)
{
    enum { ENOUGH_WINDOWS = 48, ENOUGH_CHANNELS = 16 };
    return both_are(w->dims + 2, 3) && both_are(a->stride, 1) && both_are(a->dilation, 1) &&
           at->in >= ENOUGH_CHANNELS && at->images * at->rows * at->columns >= ENOUGH_WINDOWS;
}

/* flops: those that are done, fewer than the convolution has by its definition */
static void choose_winograd(forward_extra *extra, dn_loop *loop, dn_isa isa)
{
    static const char *const names[DN_ISAS] = {"winograd:portable", "winograd:avx2", "winograd:avx512"};
    extra->winograd = DN_PICK(dn_winograd, isa);
    extra->transform = DN_PICK(dn_winograd_weights, isa);
    extra->all_finite = DN_PICK(dn_all_finite, isa);
    loop->plan.flops = loop->plan.flops / (4 * DN_TAPS) * 16;
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
    job->at = sizes(x, y);
    for (int i = 0; i < 2; i++) job->at.step[i] = a->pool_stride[i] * a->stride[i];
    job->right = a->stride[1] * job->at.in;
    job->down = a->stride[0] * job->at.width * job->at.in;
    job->next = job->at.step[1] * job->at.in;
    job->taps = taps;
    list_taps(job, w->dims, a->dilation, (int64_t *)(extra + 1));
    extra->width = DN_POOLED_VECTORS * DN_PICK(dn_conv_pool_lanes, isa)();
    extra->blocks = (job->at.out + extra->width - 1) / extra->width;
    loop->plan.flops = 2 * 4 * (uint64_t)(tn_desc_numel(y) * taps);
    loop->plan.implementation = implementations[isa];
    extra->body = DN_PICK(dn_conv_pool, isa);
    extra->grain = grain_of(loop->plan.flops, job->at.images * job->at.rows);
    const int is_winograd = suits_winograd(&job->at, a, w);
    if (is_winograd) choose_winograd(extra, loop, isa);
    const int64_t packed = is_winograd ? 16 * job->at.in : taps;
    extra->weights_at = loop->plan.workspace_bytes;
    loop->plan.workspace_bytes += (uint64_t)(extra->blocks * extra->width * (packed + 1)) * sizeof(float);
    *plan = &loop->plan;
    return TN_OK;
}

/* ---- the gradients: both have the attributes in one struct, and dy and its index first */

static dn_conv_pool describe(const tn_conv2d_max_pool2d_grad_attrs *a, const tn_tensor_desc *x, const tn_tensor_desc *y)
{
    dn_conv_pool at = sizes(x, y);
    for (int i = 0; i < 2; i++) at.step[i] = a->pool_stride[i];
    return at;
}

static tn_status check_grad(const tn_op_desc *desc, const tn_tensor_desc *x, const tn_tensor_desc *w, tn_error *error)
{
    const tn_conv2d_max_pool2d_grad_attrs *a = desc->attrs;
    DN_TRY(dn_dtype_in(desc, desc->in[0]->dtype, DN_BIT(TN_F32), error));
    if (tn_desc_numel(desc->in[0]) == 0) return TN_OK;
    DN_TRY(refuse_hollow(desc, x, error));
    if (!both_are(w->dims + 2, 3) || !both_are(a->stride, 1) || !both_are(a->dilation, 1) || !both_are(a->padding, 0) ||
        a->groups != 1 || !both_are(a->pool_kernel, 2))
        return tn_fail(error, TN_UNSUPPORTED, 0,
                       "%s: only weights of 3 x 3 without stride, padding, dilation and groups, and pooling of 2 x 2",
                       desc->name);
    if (tn_desc_numel(x) / x->dims[0] > INT32_MAX)
        return tn_fail(error, TN_UNSUPPORTED, 0, "%s: images are too large", desc->name);
    return TN_OK;
}

/* ---- for the input */

typedef struct input_extra {
    dn_images images;
    dn_conv_pool_grad_input_job job;
    int64_t width;       /* of a vector */
    uint64_t weights_at; /* in the workspace */
    int64_t grain;
    body_fn body;
} input_extra;

typedef struct spreading {
    const tn_tensor_desc *w;
    const float *from;
    int64_t width;
    float *to;
} spreading;

/* Blocks [begin, end) of `width` input channels. */
static void spread(void *arg, int64_t begin, int64_t end)
{
    const spreading *all = arg;
    const int64_t *dims = all->w->dims, *stride = all->w->strides, width = all->width;
    for (int64_t block = begin; block < end; block++) {
        float *to = all->to + block * dims[0] * DN_TAPS * width;
        const int64_t n = dn_min(width, dims[1] - block * width);
        if (n < width) memset(to, 0, (size_t)(dims[0] * DN_TAPS * width) * sizeof *to);
        for (int64_t o = 0; o < dims[0]; o++)
            for (int64_t tap = 0; tap < DN_TAPS; tap++, to += width) {
                const float *from =
                    all->from + o * stride[0] + block * width * stride[1] + tap / 3 * stride[2] + tap % 3 * stride[3];
                for (int64_t i = 0; i < n; i++) to[i] = from[i * stride[1]];
            }
    }
}

static tn_status run_input(const dn_loop *loop, const tn_bindings *at, tn_error *error)
{
    const input_extra *extra = loop->extra;
    dn_conv_pool_grad_input_job job = extra->job;
    void *where[4];
    (void)error;
    dn_images_enter(&extra->images, at, where);
    float *const weights = (float *)((char *)at->workspace + extra->weights_at);
    spreading w = {loop->desc.in[2], where[2], extra->width, weights};
    dn_host->parallel_for((job.at.in + extra->width - 1) / extra->width,
                          ENOUGH_TO_COPY / (extra->width * job.at.out * DN_TAPS) + 1, spread, &w);
    job.dy = where[0];
    job.index = where[1];
    job.w = weights;
    job.dx = where[3];
    dn_host->parallel_for(job.at.images, extra->grain, extra->body, &job);
    dn_images_leave(&extra->images, at, where);
    return TN_OK;
}

tn_status dn_conv_pool_grad_input_check(const tn_kernel *self, tn_device *device, const tn_op_desc *desc,
                                        tn_error *error)
{
    (void)self, (void)device;
    DN_TRY(check_grad(desc, desc->out[0], desc->in[2], error));
    if (desc->in[0]->dims[1] <= DN_POOLED_MOST_OUT) return TN_OK;
    return tn_fail(error, TN_UNSUPPORTED, 0, "%s: at most %d output channels", desc->name, DN_POOLED_MOST_OUT);
}

tn_status dn_conv_pool_grad_input_plan(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **plan,
                                       tn_error *error)
{
    const tn_tensor_desc *dy = desc->in[0], *dx = desc->out[0];
    const dn_isa isa = dn_isa_best();
    DN_TRY(dn_conv_pool_grad_input_check(self, device, desc, error));
    if (tn_desc_numel(dy) == 0) return dn_zero_plan(desc, plan, error);
    dn_loop *loop;
    DN_TRY(dn_loop_create(desc, run_input, sizeof(input_extra), &loop, error));
    input_extra *extra = loop->extra;
    dn_images_init_but(&extra->images, loop, 2);
    extra->job.at = describe(desc->attrs, dx, dy);
    extra->width = DN_PICK(dn_conv_pool_lanes, isa)();
    extra->weights_at = loop->plan.workspace_bytes;
    loop->plan.workspace_bytes +=
        dn_round_up((uint64_t)dx->dims[1], (uint64_t)extra->width) * (uint64_t)dy->dims[1] * DN_TAPS * sizeof(float);
    loop->plan.flops = 2 * (uint64_t)(tn_desc_numel(dy) * dx->dims[1] * DN_TAPS);
    loop->plan.implementation = implementations[isa];
    extra->body = DN_PICK(dn_conv_pool_grad_input, isa);
    extra->grain = grain_of(loop->plan.flops, dx->dims[0]);
    *plan = &loop->plan;
    return TN_OK;
}

/* ---- for the weight */

enum { MOST_SHARES = 8 }; /* of the images, each with a sum of its own: results do not depend on the threads */

typedef struct weight_extra {
    dn_images images;
    dn_conv_pool_grad_weight_job job;
    uint64_t sums_at; /* in the workspace */
    int64_t grain;
    body_fn body;
} weight_extra;

/* All shares, and where their sum goes. */
typedef struct adding {
    const dn_conv_pool_grad_weight_job *job;
    float *dw, *db;
    const int64_t *stride; /* of dw: O I KH KW */
} adding;

/* dw and db of output channels [begin, end). */
static void add_shares(void *arg, int64_t begin, int64_t end)
{
    enum { BLOCK = 64 };
    const adding *all = arg;
    const dn_conv_pool_grad_weight_job *job = all->job;
    const int64_t in = job->at.in, row = DN_TAPS * in;
    for (int64_t o = begin; o < end; o++) {
        all->db[o] = 0;
        for (int64_t share = 0; share < job->shares; share++)
            all->db[o] += job->sums[share * job->sum_size + job->at.out * row + o];
        for (int64_t tap = 0; tap < DN_TAPS; tap++)
            for (int64_t first = 0; first < in; first += BLOCK) {
                const float *from = job->sums + o * row + tap * in + first;
                const int64_t n = dn_min(BLOCK, in - first);
                float sum[BLOCK];
                memcpy(sum, from, (size_t)n * sizeof *sum);
                for (int64_t share = 1; share < job->shares; share++)
                    for (int64_t i = 0; i < n; i++) sum[i] += from[share * job->sum_size + i];
                float *to = all->dw + o * all->stride[0] + first * all->stride[1] + tap / 3 * all->stride[2] +
                            tap % 3 * all->stride[3];
                for (int64_t i = 0; i < n; i++) to[i * all->stride[1]] = sum[i];
            }
    }
}

static tn_status run_weight(const dn_loop *loop, const tn_bindings *at, tn_error *error)
{
    const weight_extra *extra = loop->extra;
    dn_conv_pool_grad_weight_job job = extra->job;
    void *where[5];
    (void)error;
    dn_images_enter(&extra->images, at, where);
    job.dy = where[0];
    job.index = where[1];
    job.x = where[2];
    job.sums = (float *)((char *)at->workspace + extra->sums_at);
    dn_host->parallel_for(job.shares, extra->grain, extra->body, &job);
    adding sums = {&job, where[3], where[4], loop->desc.out[0]->strides};
    dn_host->parallel_for(job.at.out, ENOUGH_TO_COPY / (job.sum_size / job.at.out + 1) + 1, add_shares, &sums);
    dn_images_leave(&extra->images, at, where);
    return TN_OK;
}

tn_status dn_conv_pool_grad_weight_check(const tn_kernel *self, tn_device *device, const tn_op_desc *desc,
                                         tn_error *error)
{
    (void)self, (void)device;
    if (desc->out[1]->strides[0] != 1 && desc->out[1]->dims[0] > 1)
        return tn_fail(error, TN_UNSUPPORTED, 0, "%s: db has gaps", desc->name);
    return check_grad(desc, desc->in[2], desc->out[0], error);
}

tn_status dn_conv_pool_grad_weight_plan(const tn_kernel *self, tn_device *device, const tn_op_desc *desc,
                                        tn_plan **plan, tn_error *error)
{
    const tn_tensor_desc *dy = desc->in[0], *x = desc->in[2], *dw = desc->out[0];
    const dn_isa isa = dn_isa_best();
    DN_TRY(dn_conv_pool_grad_weight_check(self, device, desc, error));
    if (tn_desc_numel(dy) == 0) return dn_zero_plan(desc, plan, error);
    dn_loop *loop;
    DN_TRY(dn_loop_create(desc, run_weight, sizeof(weight_extra), &loop, error));
    weight_extra *extra = loop->extra;
    dn_images_init_but(&extra->images, loop, 3);
    extra->job.at = describe(desc->attrs, x, dy);
    extra->job.shares = dn_min(MOST_SHARES, x->dims[0]);
    extra->job.sum_size = (int64_t)dn_round_up((uint64_t)(tn_desc_numel(dw) + dw->dims[0]), 16);
    extra->sums_at = loop->plan.workspace_bytes;
    loop->plan.workspace_bytes += (uint64_t)(extra->job.shares * extra->job.sum_size) * sizeof(float);
    loop->plan.flops = 2 * (uint64_t)(tn_desc_numel(dy) * x->dims[1] * DN_TAPS);
    loop->plan.implementation = implementations[isa];
    extra->body = DN_PICK(dn_conv_pool_grad_weight, isa);
    extra->grain = grain_of(loop->plan.flops, extra->job.shares);
    *plan = &loop->plan;
    return TN_OK;
}
