/* SPDX-License-Identifier: Apache-2.0
 *
 * Every kernel: what a translation unit of a vendor includes, after args.h and the language (device.h). */
#include "device.h"

#include "kernels/nest.h"
#include "kernels/reduce_block.h"

/* elementwise, copies, fills, random numbers */
#include "kernels/walk.h"

#include "kernels/map.h"

#include "kernels/convert.h"
#include "kernels/copy.h"
#include "kernels/random.h"

/* reductions, classification, rows, optimizer steps */
#include "kernels/argmax.h"
#include "kernels/cat.h"
#include "kernels/reduce.h"
#include "kernels/relu_grad_sum.h"
#include "kernels/rows.h"
#include "kernels/softmax.h"
#include "kernels/step.h"

/* products, convolution, pooling, normalisation */
#include "kernels/place.h"
#include "kernels/side.h"
#include "kernels/tile.h"

#include "kernels/norm.h"
#include "kernels/pool.h"
#include "kernels/product.h"
