/* SPDX-License-Identifier: Apache-2.0
 *
 * What memory tells the program that is being recorded (program/record.c). */
#ifndef TENON_NOTES_H
#define TENON_NOTES_H

#include "tensor/tensor.h"

/* Called only while tn->recorder is not NULL. */
void tn__note_allocated(tn_context *tn, tn_storage *storage);
void tn__note_freed(tn_context *tn, tn_storage *storage);

#endif
