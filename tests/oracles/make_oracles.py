#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the oracles that tests/oracle_test.c follows, with PyTorch (Debian's python3-torch) as the authority.

    tests/oracles/make_oracles.py              # rewrites the four .safetensors files beside this script, byte for byte
    tests/oracles/make_oracles.py --condition  # how far PyTorch's own f32 runs stray from them (takes a while)

simplenet, convnet.safetensors   PyTorch's default initial weights, as a state_dict
training.safetensors             the order of the examples, and for each run the loss of each of 100 steps from those weights
operators.safetensors            operators at awkward shapes: inputs, outputs, gradients; metadata `<case>` is the operator
                                 and its attributes, `cases` lists all. `<case>/x` is an input or output named as in the
                                 schema, `<case>/d.x` its gradient, `<case>/after.x` an input updated in place

Losses are those of f64 runs, the fair target: two f32 programs differ by their rounding, and neither is right. Not every
run can be followed in f32 from end to end. ReLU and max pooling choose; of the hundreds of millions of choices in 100 steps
of ConvNet a few tens are nearer to a tie than f32 resolves, and what a choice made the other way changes grows from step to
step, the more so under Adam, which divides by a gradient's own size. PyTorch's own f32 runs of ConvNet with Adam(lr 0.001)
stray from its f64 run by 3e-5 to 3e-2, in each of 28 orders of the examples that were tried, and with momentum by up to
7e-3. Begun anew from the f64 run's state every ten steps they stay within 1e-6. `--condition` measures both; oracle_test.c
follows these runs in such legs, all others as a whole.
"""

import argparse
import copy
import json
import os
import pathlib
import struct

import torch
from torch import nn
from torch.nn import functional as F

HERE = pathlib.Path(__file__).resolve().parent
STEPS, BATCH, LEG = 100, 64, 10


# ---- files


def mnist(name, header):
    """The raw content of an IDX file, from where `tenon data fetch mnist` puts it."""
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    folder = os.environ.get("TENON_DATA_DIR") or os.path.join(cache, "tenon")
    content = pathlib.Path(folder, "mnist", name).read_bytes()
    return torch.frombuffer(bytearray(content[header:]), dtype=torch.uint8)


def save(path, tensors, metadata=None):
    """Writes a safetensors file: the header's length, the header as JSON, the tensors one after another."""
    names = {torch.float32: "F32", torch.float64: "F64", torch.int32: "I32", torch.int64: "I64", torch.uint8: "U8"}
    header, offset, blobs = {"__metadata__": metadata} if metadata else {}, 0, []
    for name, tensor in tensors.items():
        blob = tensor.detach().contiguous().numpy().tobytes()
        header[name] = {
            "dtype": names[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [offset, offset + len(blob)],
        }
        offset += len(blob)
        blobs.append(blob)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(blobs))
    print(f"{path.name}: {path.stat().st_size:,} bytes")


# ---- training runs


class SimpleNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(784, 128), nn.Linear(128, 10)

    def forward(self, x):
        return self.fc2(F.relu(self.fc1(x.flatten(1))))


class ConvNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 32, 3), nn.Conv2d(32, 64, 3)
        self.fc1, self.fc2 = nn.Linear(1600, 128), nn.Linear(128, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return self.fc2(F.relu(self.fc1(x.flatten(1))))


def model(name):
    torch.manual_seed(0)
    return {"simplenet": SimpleNet, "convnet": ConvNet}[name]()


def sgd(**how):
    return lambda parameters: torch.optim.SGD(parameters, **how)


def adam(**how):
    return lambda parameters: torch.optim.Adam(parameters, **how)


def adamw(**how):
    return lambda parameters: torch.optim.AdamW(parameters, **how)


# fmt: off
RUNS = {  # name: optimizer, StepLR that advances after each step
    "simplenet.sgd":      (sgd(lr=0.01), None),
    "simplenet.momentum": (sgd(lr=0.01, momentum=0.9, weight_decay=5e-4), None),
    "simplenet.nesterov": (sgd(lr=0.01, momentum=0.9, nesterov=True), None),
    "simplenet.adam":     (adam(lr=1e-3), None),
    "simplenet.adamw":    (adamw(lr=1e-3), None),
    "simplenet.steplr":   (adam(lr=0.01), (30, 0.1)),
    "convnet.sgd":        (sgd(lr=0.01), None),
    "convnet.momentum":   (sgd(lr=0.01, momentum=0.9, weight_decay=5e-4), None),
    "convnet.adam":       (adam(lr=1e-3), None),
    "convnet.adamw":      (adamw(lr=1e-3), None),
    "convnet.steplr":     (adam(lr=0.01), (30, 0.1)),
}
# fmt: on


class Run:
    """A training run that can be put into the state of another one, whatever its dtype."""

    def __init__(self, name, dtype, layout=torch.contiguous_format):
        optimizer, schedule = RUNS[name]
        self.dtype, self.layout = dtype, layout
        self.net = model(name.split(".")[0]).to(dtype=dtype, memory_format=layout)
        self.optimizer = optimizer(self.net.parameters())
        self.scheduler = torch.optim.lr_scheduler.StepLR(self.optimizer, *schedule) if schedule else None

    def state(self):
        parts = self.net, self.optimizer, self.scheduler
        return copy.deepcopy([part and part.state_dict() for part in parts])

    def become(self, state):
        for part, content in zip((self.net, self.optimizer, self.scheduler), copy.deepcopy(state)):
            if part:
                part.load_state_dict(content)

    def step(self, images, labels):
        x = (images.view(-1, 1, 28, 28).to(self.dtype) / 255).contiguous(memory_format=self.layout)
        loss = F.cross_entropy(self.net(x), labels)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        if self.scheduler:
            self.scheduler.step()
        return loss.item()


def order():
    torch.manual_seed(2)
    return torch.randperm(60000)[: STEPS * BATCH].view(STEPS, BATCH)


def make_training(images, labels):
    tensors = {"order": order().int()}
    for name in RUNS:
        run = Run(name, torch.float64)
        losses = [run.step(images[batch], labels[batch]) for batch in order()]
        rounded = [float(f"{loss:.10g}") for loss in losses]  # the same on every machine
        tensors[f"{name}/loss"] = torch.tensor(rounded, dtype=torch.float64)
    save(HERE / "training.safetensors", tensors)


def condition(images, labels, names, count=4):
    """How far f32 runs stray from the f64 run: left alone, and begun anew every LEG steps."""
    for name in names:
        exact, free, legs = Run(name, torch.float64), [], []
        for i in range(count):
            layout = torch.channels_last if i % 2 else torch.contiguous_format
            free.append(Run(name, torch.float32, layout))
            legs.append(Run(name, torch.float32, layout))
        nudge([run.net for run in free[2:]])
        worst_free = worst_legs = 0
        for k, batch in enumerate(order()):
            if k % LEG == 0:
                state = exact.state()
                for run in legs:
                    run.become(state)
                nudge([run.net for run in legs[2:]])
            x, y = images[batch], labels[batch]
            loss = exact.step(x, y)
            worst_free = max([worst_free] + [abs(run.step(x, y) / loss - 1) for run in free])
            worst_legs = max([worst_legs] + [abs(run.step(x, y) / loss - 1) for run in legs])
        print(f"{name:20} worst of {count} f32 runs: {worst_free:.1e} alone, {worst_legs:.1e} in legs", flush=True)


def nudge(nets):
    """Changes weights by less than one rounding of f32."""
    for net in nets:
        for p in net.parameters():
            p.data *= 1 + 1.2e-7 * (2 * torch.rand(p.shape, dtype=p.dtype) - 1)


# ---- operators


def numbers(*shape, low=-2.0, high=2.0):
    return torch.rand(shape) * (high - low) + low


def channels(c):
    """Weight, bias, running mean and variance of a batch norm."""
    return dict(weight=numbers(c), bias=numbers(c), running_mean=numbers(c), running_var=numbers(c, low=0.5))


def conv2d(x, w, b=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    return F.conv2d(x, w, b, stride, padding, dilation, groups)


def max_pool2d(x, kernel, stride, padding=(0, 0), dilation=(1, 1), ceil_mode=0):
    return F.max_pool2d(x, kernel, stride, padding, dilation, bool(ceil_mode))


def avg_pool2d(x, kernel, stride, padding=(0, 0), ceil_mode=0, count_include_pad=0):
    return F.avg_pool2d(x, kernel, stride, padding, bool(ceil_mode), bool(count_include_pad))


def batch_norm2d(x, weight, bias, running_mean, running_var, training=0, momentum=0.0, eps=0.0):
    return F.batch_norm(x, running_mean, running_var, weight, bias, bool(training), momentum, eps)


def softmax_cross_entropy(x, target):
    return F.cross_entropy(x, target), F.softmax(x, 1)


def cases():
    """name: (operator, outputs, function, attributes, inputs)"""
    torch.manual_seed(7)
    labels = torch.tensor([3, 0, 9, 3, 1])
    conv, pool, mean = ("conv2d", "y", conv2d), ("max_pool2d", "y", max_pool2d), ("avg_pool2d", "y", avg_pool2d)
    norm = ("batch_norm2d", "y", batch_norm2d)
    # fmt: off
    table = {
        "conv.plain":         (*conv, {}, dict(x=numbers(2, 3, 6, 5), w=numbers(4, 3, 3, 3), b=numbers(4))),
        "conv.no_bias":       (*conv, {}, dict(x=numbers(1, 2, 5, 5), w=numbers(3, 2, 3, 3))),
        "conv.stride":        (*conv, dict(stride=(2, 2)), dict(x=numbers(2, 3, 8, 7), w=numbers(4, 3, 3, 3), b=numbers(4))),
        "conv.stride_pad":    (*conv, dict(stride=(2, 2), padding=(1, 1)), dict(x=numbers(2, 3, 7, 8), w=numbers(5, 3, 3, 3), b=numbers(5))),
        "conv.uneven":        (*conv, dict(stride=(3, 1), padding=(0, 2)), dict(x=numbers(1, 2, 9, 4), w=numbers(3, 2, 2, 5), b=numbers(3))),
        "conv.dilation":      (*conv, dict(dilation=(2, 3), padding=(1, 2)), dict(x=numbers(2, 2, 8, 9), w=numbers(3, 2, 3, 3), b=numbers(3))),
        "conv.everything":    (*conv, dict(stride=(2, 1), padding=(1, 2), dilation=(1, 2), groups=2), dict(x=numbers(2, 4, 7, 8), w=numbers(6, 2, 3, 3), b=numbers(6))),
        "conv.groups":        (*conv, dict(groups=3), dict(x=numbers(2, 6, 5, 5), w=numbers(9, 2, 3, 3), b=numbers(9))),
        "conv.depthwise":     (*conv, dict(groups=4, padding=(1, 1)), dict(x=numbers(2, 4, 5, 6), w=numbers(8, 1, 3, 3), b=numbers(8))),
        "conv.pointwise":     (*conv, {}, dict(x=numbers(2, 5, 3, 4), w=numbers(7, 5, 1, 1), b=numbers(7))),
        "conv.pixel":         (*conv, {}, dict(x=numbers(1, 3, 1, 1), w=numbers(2, 3, 1, 1), b=numbers(2))),
        "conv.padded_pixel":  (*conv, dict(padding=(1, 1)), dict(x=numbers(1, 2, 1, 1), w=numbers(3, 2, 3, 3), b=numbers(3))),
        "conv.whole_image":   (*conv, {}, dict(x=numbers(2, 3, 4, 5), w=numbers(6, 3, 4, 5), b=numbers(6))),
        "max_pool.plain":     (*pool, dict(kernel=(2, 2), stride=(2, 2)), dict(x=numbers(2, 3, 7, 5))),
        "max_pool.overlap":   (*pool, dict(kernel=(3, 3), stride=(2, 2), padding=(1, 1)), dict(x=numbers(2, 3, 8, 7))),
        "max_pool.ceil":      (*pool, dict(kernel=(3, 3), stride=(2, 2), ceil_mode=1), dict(x=numbers(2, 2, 6, 8))),
        "max_pool.ceil_pad":  (*pool, dict(kernel=(2, 3), stride=(3, 2), padding=(1, 1), ceil_mode=1), dict(x=numbers(1, 2, 5, 6))),
        "max_pool.dilation":  (*pool, dict(kernel=(2, 3), stride=(1, 2), dilation=(3, 2)), dict(x=numbers(1, 2, 7, 9))),
        "max_pool.ties":      (*pool, dict(kernel=(2, 2), stride=(2, 2)), dict(x=torch.randint(0, 2, (1, 3, 6, 6)).float())),
        "max_pool.pixel":     (*pool, dict(kernel=(1, 1), stride=(1, 1)), dict(x=numbers(1, 1, 1, 1))),
        "avg_pool.plain":     (*mean, dict(kernel=(2, 2), stride=(2, 2)), dict(x=numbers(2, 3, 7, 5))),
        "avg_pool.pad":       (*mean, dict(kernel=(3, 3), stride=(2, 2), padding=(1, 1)), dict(x=numbers(2, 2, 7, 7))),
        "avg_pool.count_pad": (*mean, dict(kernel=(3, 3), stride=(2, 2), padding=(1, 1), count_include_pad=1), dict(x=numbers(2, 2, 7, 7))),
        "avg_pool.ceil":      (*mean, dict(kernel=(3, 2), stride=(2, 2), padding=(1, 1), ceil_mode=1), dict(x=numbers(1, 2, 6, 7))),
        "avg_pool.ceil_count": (*mean, dict(kernel=(3, 2), stride=(2, 2), padding=(1, 1), ceil_mode=1, count_include_pad=1), dict(x=numbers(1, 2, 6, 7))),
        "norm.train":         (*norm, dict(training=1, momentum=0.1, eps=1e-5), dict(x=numbers(3, 4, 2, 3), **channels(4))),
        "norm.train_pixel":   (*norm, dict(training=1, momentum=0.3, eps=1e-3), dict(x=numbers(5, 2, 1, 1), **channels(2))),
        "norm.eval":          (*norm, dict(training=0, momentum=0.1, eps=1e-5), dict(x=numbers(3, 4, 2, 3), **channels(4))),
        "cross_entropy":      ("softmax_cross_entropy", "loss,p", softmax_cross_entropy, {}, dict(x=numbers(5, 10, low=-8, high=8), target=labels)),
        "cross_entropy.huge": ("softmax_cross_entropy", "loss,p", softmax_cross_entropy, {}, dict(x=numbers(5, 10, low=-900, high=900), target=labels)),
        "cross_entropy.one":  ("softmax_cross_entropy", "loss,p", softmax_cross_entropy, {}, dict(x=numbers(1, 2), target=torch.tensor([1]))),
        "nll":                ("nll_loss", "loss", F.nll_loss, {}, dict(x=numbers(5, 10, low=-5, high=-1), target=labels)),
        "softmax.first":      ("softmax", "y", F.softmax, dict(dim=0), dict(x=numbers(4, 3, 2))),
        "softmax.last":       ("softmax", "y", F.softmax, dict(dim=2), dict(x=numbers(2, 3, 17, low=-30, high=30))),
        "log_softmax.middle": ("log_softmax", "y", F.log_softmax, dict(dim=1), dict(x=numbers(3, 5, 2))),
        "linear":             ("linear", "y", F.linear, {}, dict(x=numbers(3, 17), w=numbers(5, 17), b=numbers(5))),
        "linear.rank3":       ("linear", "y", F.linear, {}, dict(x=numbers(2, 3, 7), w=numbers(4, 7))),
        "matmul":             ("matmul", "z", torch.matmul, {}, dict(x=numbers(5, 7), y=numbers(7, 3))),
        "matmul.batched":     ("matmul", "z", torch.matmul, {}, dict(x=numbers(2, 1, 3, 4), y=numbers(5, 4, 6))),
        "gelu":               ("gelu", "y", F.gelu, {}, dict(x=numbers(40, low=-6, high=6))),
        "sigmoid":            ("sigmoid", "y", torch.sigmoid, {}, dict(x=numbers(40, low=-90, high=90))),
        "tanh":               ("tanh", "y", torch.tanh, {}, dict(x=numbers(40, low=-12, high=12))),
        "index_select":       ("index_select", "y", lambda x, index: x[index], {}, dict(x=numbers(6, 2, 3), index=torch.tensor([5, 0, 5, 2]))),
    }
    # fmt: on
    return table


def value(attribute):
    return ",".join(map(str, attribute)) if isinstance(attribute, tuple) else str(attribute)


def make_operators():
    """Everything is computed in f64 from f32 inputs and stored in f32."""
    tensors, metadata = {}, {}
    for name, (op, out_names, function, attributes, inputs) in cases().items():
        exact = {k: x.double() if x.is_floating_point() else x for k, x in inputs.items()}
        wanted = [k for k, x in exact.items() if x.is_floating_point() and not k.startswith("running")]
        for k in wanted:
            exact[k].requires_grad_()
        out = function(*exact.values(), **attributes)
        out = out if isinstance(out, tuple) else (out,)
        dy = numbers(*out[0].shape)
        gradients = torch.autograd.grad(out[0], [exact[k] for k in wanted], dy.double())

        found = dict(inputs)
        found.update(zip(out_names.split(","), out))
        found["d." + out_names.split(",")[0]] = dy
        found.update((f"d.{k}", g) for k, g in zip(wanted, gradients))
        found.update((f"after.{k}", x) for k, x in exact.items() if k.startswith("running"))
        for key, x in found.items():
            tensors[f"{name}/{key}"] = x.float() if x.is_floating_point() else x
        metadata[name] = " ".join([op] + [f"{k}={value(v)}" for k, v in attributes.items()])
    metadata["cases"] = " ".join(metadata)
    save(HERE / "operators.safetensors", tensors, metadata)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--condition", nargs="*", metavar="RUN", help="measure how well f32 can follow these runs")
    options = parser.parse_args()
    torch.set_num_threads(1)  # sums in one order
    images, labels = mnist("train-images-idx3-ubyte", 16).view(-1, 784), mnist("train-labels-idx1-ubyte", 8).long()
    if options.condition is not None:
        return condition(images, labels, options.condition or RUNS)
    for name in "simplenet", "convnet":
        save(HERE / f"{name}.safetensors", model(name).state_dict())
    make_training(images, labels)
    make_operators()


if __name__ == "__main__":
    main()
