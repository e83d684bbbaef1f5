# SPDX-License-Identifier: Apache-2.0
"""Where the time of PyTorch's steps goes, as its own profiler tells it."""

import re

SCOPES = ("autograd::", "torch::autograd::", "Optimizer.", "ProfilerStep", "enumerate(", "cuda")  # they do no work


def profile_operators(worker, count):
    import torch
    from torch.profiler import ProfilerActivity, profile

    gpu = worker.on == "cuda"
    activities = [ProfilerActivity.CPU] + ([ProfilerActivity.CUDA] if gpu else [])
    with profile(activities=activities, record_shapes=True, with_flops=True) as profiler:
        for _ in range(count):
            worker.step()
        worker.synchronize()
    rows = {}  # with all FLOPs but where convolutions are fused
    for event in profiler.key_averages(group_by_input_shape=True):
        on_host = event.device_type == torch.autograd.DeviceType.CPU
        if on_host and not event.key.startswith(SCOPES) and not event.key.endswith("Backward0"):
            add_event(rows, event, worker)
    give_convolutions_their_flops(rows)
    told = ("calls", "seconds") if worker.way == "jit" else ("calls", "seconds", "flops")
    done = sorted((row for row in rows.values() if row["seconds"] > 0), key=lambda row: -row["seconds"])
    return [{"op": row["op"], "device": worker.device} | {key: row[key] / count for key in told} for row in done]


def add_event(rows, event, worker):
    row = rows.setdefault(event.key, {"op": event.key, "calls": 0, "seconds": 0, "flops": 0})
    row["calls"] += event.count
    row["seconds"] += 1e-6 * self_microseconds(event, worker.on == "cuda")
    row["flops"] += event.flops or 0
    if event.key == "aten::convolution_backward":
        row["flops"] += event.count * convolution_backward_flops(event.input_shapes)


def self_microseconds(event, gpu):
    if not gpu:
        return event.self_cpu_time_total
    newer = getattr(event, "self_device_time_total", None)
    return event.self_cuda_time_total if newer is None else newer


def convolution_backward_flops(shapes):
    """The profiler leaves these out. Images, of one channel, need no gradient: there it is the weight's alone."""
    dy, x, w = shapes[:3]
    gradients = 1 if x[1] == 1 else 2
    flops = 2 * gradients
    for size in (*dy, *w[1:]):
        flops *= size
    return flops


def give_convolutions_their_flops(rows):
    """The profiler counts them for aten::conv2d, which calls what does the work."""
    outer = rows.get("aten::conv2d")
    inner = [row for op, row in rows.items() if re.search("conv(?!.*backward)", op) and row is not outer]
    if outer and inner:
        longest = max(inner, key=lambda row: row["seconds"])
        longest["flops"], outer["flops"] = outer["flops"], 0
