/* SPDX-License-Identifier: Apache-2.0
 *
 * Which products run on the plugin's own kernels, and the plans that do. */
#include "gemm.h"

typedef void (*kernel)(void *job, int64_t begin, int64_t end);

typedef struct gemm_extra {
    dn_gemm_job job;
    kernel run;
    int64_t grain; /* pieces that are worth a thread */
} gemm_extra;

static const char *const dot_names[DN_ISAS] = {"gemm_dot:portable", "gemm_dot:avx2", "gemm_dot:avx512"};
static const char *const outer_names[DN_ISAS] = {"gemm_outer:portable", "gemm_outer:avx2", "gemm_outer:avx512"};

/* ---- which
 *
 * Times of oneDNN 2.6.3 and of these kernels on two cores of an AMD EPYC (Zen 5), AVX-512, in microseconds with all that
 * a call costs. oneDNN comes within 5 to 10 % of the machine's peak once a product is large, and is left alone there;
 * below that it loses time with packing, with its start, and by using one thread.
 *
 *    m     n     k                  oneDNN   own          m     n     k                  oneDNN   own
 *    1   128   784  a b^T, relu       10.3   2.7         64   128    10  a b               1.6   1.7
 *    1   128  1600                    20.5   4.5         10   128    64  a^T b             1.6   1.3
 *   16   128   784                    11.6   8.7        128   784     1                    4.4   5.7
 *   64   128   784                    30.9  28.3        128   784    64                   27.7  28.8
 *  256   128   784                     109   111          4  1600   128  a b               9.1   4.7
 *   64    10   128                     2.2   1.6         16  1600   128                   15.7  15.0
 *  256    10   128                     5.5   3.9         64  1600   128                   55.4  56.6 */

enum {
    SMALL = 1 << 19,     /* products of numbers: up to here the start of oneDNN counts */
    SMALL_SSE = 1 << 17, /* the same where the kernels have narrow vectors and oneDNN's may have wide ones */
    FEW_ROWS = 16,       /* of a: too few for packing b to pay */
    SOME_ROWS = 64,      /* the same if k is long, */
    LONG = 512,          /* which this is */
    SHORT = 16,
    WIDE = 1 << 15 /* sums so short, for so many elements of c, that storing them is all */
};

static int is_small(const dn_product *p)
{
    return p->m * p->n * p->k <= (dn_isa_best() == DN_PORTABLE ? SMALL_SSE : SMALL);
}

static int takes_dot(const dn_product *p)
{
    if (p->a_k != 1 || p->b_k != 1 || p->k < 64) return 0;
    if (is_small(p)) return 1;
    return dn_isa_best() != DN_PORTABLE && (p->m <= FEW_ROWS || (p->m <= SOME_ROWS && p->k >= LONG));
}

static int takes_outer(const dn_product *p)
{
    if (p->b_n != 1 || (p->a_k != 1 && p->a_m != 1) || p->n < DN_OUTER_GROUP || p->has_bias || p->relu) return 0;
    if (p->k < SHORT && p->m * p->n >= WIDE) return 0;
    if (is_small(p)) return 1;
    return dn_isa_best() != DN_PORTABLE && p->m <= FEW_ROWS && p->a_k == 1;
}

int dn_gemm_takes(const dn_product *p)
{
    return takes_dot(p) || takes_outer(p);
}

/* ---- plans */

static tn_status run(const dn_loop *loop, const tn_bindings *at, tn_error *error TN_UNUSED)
{
    const gemm_extra *all = loop->extra;
    dn_gemm_job job = all->job;
    job.a = at->in[0];
    job.b = at->in[1];
    job.bias = loop->desc.n_in > 2 && loop->desc.in[2] ? at->in[2] : NULL;
    job.c = at->out[0];
    dn_host->parallel_for(job.rows * job.columns, all->grain, all->run, &job);
    return TN_OK;
}

static int64_t pieces(int64_t n, int64_t size)
{
    return (n + size - 1) / size;
}

/* A thread for each microsecond of work: a fork costs half of one. One core does 200 operations or reads 130 bytes of b
 * in a nanosecond. */
static int64_t grain(const dn_product *p, int64_t n)
{
    const int64_t operations = 2 * p->m * p->n * p->k, bytes = 4 * p->n * p->k;
    const int64_t nanoseconds = dn_max(operations / 200, bytes / 130);
    return dn_max(1, n * 1000 / dn_max(1, nanoseconds));
}

tn_status dn_gemm_plan(const tn_op_desc *desc, const dn_product *p, tn_plan **plan, tn_error *error)
{
    const dn_isa isa = dn_isa_best();
    const int dot = takes_dot(p);
    dn_loop *loop;
    DN_TRY(dn_loop_create(desc, run, sizeof(gemm_extra), &loop, error));
    gemm_extra *all = loop->extra;
    dn_gemm_job *job = &all->job;
    *job = (dn_gemm_job){.m = p->m,
                         .n = p->n,
                         .k = p->k,
                         .a_row = p->a_m,
                         .a_k = p->a_k,
                         .c_row = p->c_m,
                         .b_row = dot ? p->b_n : p->b_k,
                         .relu = p->relu};
    job->rows = pieces(p->m, dot ? DN_DOT_ROWS : DN_OUTER_ROWS);
    job->columns = dot ? pieces(p->n, DN_DOT_COLUMNS) : pieces(pieces(p->n, DN_OUTER_GROUP), 3);
    const int by_columns = dot || p->a_m != 1;
    job->row_step = by_columns ? 1 : job->columns;
    job->column_step = by_columns ? job->rows : 1;
    all->run = dot ? DN_PICK(dn_gemm_dot, isa) : DN_PICK(dn_gemm_outer, isa);
    all->grain = grain(p, job->rows * job->columns);
    loop->plan.implementation = dot ? dot_names[isa] : outer_names[isa];
    loop->plan.flops = 2 * (uint64_t)p->m * (uint64_t)p->n * (uint64_t)p->k;
    *plan = &loop->plan;
    return TN_OK;
}
