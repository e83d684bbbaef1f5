/* SPDX-License-Identifier: Apache-2.0
 *
 * Checkpoints are safetensors files. The model's tensors carry their own names, the optimizer's are prefixed with
 * "optimizer."; everything else is metadata, written as text. */
#ifndef TENON_CHECKPOINT_H
#define TENON_CHECKPOINT_H

#include "tenon.h"

#define TN_CHECKPOINT_OPTIMIZER "optimizer." /* prefix of the names of its tensors */

#define TN_KEY_VERSION "tenon.checkpoint"
#define TN_CHECKPOINT_VERSION "1"
#define TN_KEY_OPTIMIZER "optimizer.type"
#define TN_KEY_LR "optimizer.lr"
#define TN_KEY_SCHEDULER "scheduler.type"
#define TN_KEY_BASE_LR "scheduler.base_lr"
#define TN_KEY_SCHEDULER_EPOCH "scheduler.epoch"
#define TN_KEY_LOADER_EPOCH "loader.epoch"
#define TN_KEY_LOADER_POSITION "loader.position"
#define TN_KEY_LOADER_BATCHES "loader.batches"
#define TN_KEY_SEED "rng.seed"
#define TN_KEY_OFFSET "rng.offset"

#endif
