#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""PyTorch as a peer of tenon bench: does the same work, each time in the best setting known for what is asked.

    pytorch.py --worker CONFIG       # for tenon bench: speaks PROTOCOL.md on standard input and output
    pytorch.py --json results.json   # on its own, where there is no tenon: measures, and writes the same results
    pytorch.py --json results.json --device cuda --variants best,compile,cuda_graphs --batch-sizes 64,512

Always: images in memory on the device as floats, gradients set to None, TF32 where it is asked for alone, autocast off.
On the CPU glibc is told to keep freed memory, but for the variants default_malloc and torchvision: that saves up to three quarters of a step.
Adam is the fused one on GPUs, and on CPUs since PyTorch 2.4 has one there; with 1.13.1 on a CPU foreach was measured
to be no faster than the plain loop. The configuration may have a "device", cpu or cuda: the latter is the default where
there is one."""

import inspect
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from alone import main
from common import Refused, Worker, check_config, host_batches, keep_freed_memory, now, positive, read_split, set_threads
from fingerprint import blas_libraries, field, file_text
from torch_prepared import WARM_UP, Compiled, Graph, compiled
from torch_profile import profile_operators

NAME, MODELS = "pytorch", ("simplenet", "convnet")
VARIANTS = {
    "eager": "NCHW",
    "channels_last": "channels_last",
    "dataloader": "NCHW, DataLoader(TensorDataset, shuffle=True)",
    "torchvision": "NCHW, DataLoader(torchvision.datasets.MNIST(transform=ToTensor()), shuffle=True)",
    "default_malloc": "as the best one, but malloc gives freed memory back",
    "jit": "NCHW, torch.jit.optimize_for_inference",
    "compile": "torch.compile(mode='reduce-overhead')",
    "cuda_graphs": "NCHW, the whole training step in a CUDA graph",
}
torch = None  # is imported when the time of that is taken


def import_torch():
    global torch
    try:
        import torch
    except ImportError as failure:
        raise Refused("PyTorch is not installed: apt-get install python3-torch") from failure


def torch_version():
    """Debian's build calls itself 1.13.0a0, whatever it is: there the package's version counts."""
    if "/dist-packages/" in torch.__file__ and "a0" in torch.__version__:
        query = ["dpkg-query", "-W", "-f", "${Version}", "python3-torch"]
        told = subprocess.run(query, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
        if told:
            return re.split("[+-]", told)[0]
    return torch.__version__


def make_model(name):
    from torch import nn

    if name == "simplenet":
        return nn.Sequential(nn.Flatten(), nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))
    features = [nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*features, nn.Flatten(), nn.Linear(1600, 128), nn.ReLU(), nn.Linear(128, 10))


def has_fused_adam(device):
    version = tuple(int(part) for part in re.findall(r"\d+", torch.__version__)[:2])
    exists = "fused" in inspect.signature(torch.optim.Adam).parameters
    return exists and (device == "cuda" or version >= (2, 4))


def make_adam(parameters, device, **more):
    fused = {"fused": True} if has_fused_adam(device) else {}
    return torch.optim.Adam(parameters, lr=0.001, **fused, **more)


# ---- what training and inference share


class TorchWorker(Worker):
    name = NAME

    def __init__(self, config):
        super().__init__(config)
        self.variant = config.get("variant")
        self.on = config.get("device")
        self.kept = self.variant not in ("default_malloc", "torchvision") and keep_freed_memory()
        set_threads(config["threads"])
        with self.timed("open"):
            import_torch()
            self.open_device()
        self.library = f"PyTorch {torch_version()}"
        self.way = self.choose_way()
        self.describe()
        with self.timed("data"):
            self.read_data()
        with self.timed("model"):
            self.restart({})

    def open_device(self):
        torch.set_num_threads(self.config["threads"])
        self.on = self.on or ("cuda" if torch.cuda.is_available() else "cpu")
        if self.on == "cpu":
            return
        if self.on != "cuda" or not torch.cuda.is_available():
            raise Refused(f"PyTorch finds no device \"{self.on}\" here")
        self.set_math(self.config.get("math") == "tf32")
        torch.backends.cudnn.benchmark = True
        torch.zeros((), device=self.on)
        self.device, self.kind, self.synchronous = "cuda:0", "GPU", False

    def set_math(self, tf32):
        torch.set_float32_matmul_precision("high" if tf32 else "highest")
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = tf32

    def math(self):
        """As PyTorch says; GPUs before sm_80 have no TF32, whatever is allowed."""
        allowed = torch.backends.cuda.matmul.allow_tf32 and torch.backends.cudnn.allow_tf32
        able = self.on == "cuda" and self.config["dtype"] == "f32" and torch.cuda.get_device_capability() >= (8, 0)
        return "tf32" if able and allowed else self.config["dtype"]

    def choose_way(self):
        """The variant to use: where null is asked for, the best one known."""
        way = self.variant if self.variant not in (None, "default_malloc") else self.best_way()
        if way == "channels_last" and self.config["model"] != "convnet":
            raise Refused("channels_last is for models with convolutions: convnet")
        if way in ("dataloader", "torchvision", "cuda_graphs") and self.config["task"] != "train":
            raise Refused(f"{way} is a way to train, not to infer")
        if way == "jit" and self.config["task"] != "infer":
            raise Refused("jit is a way to infer, not to train")
        if way == "cuda_graphs" and self.on != "cuda":
            raise Refused("cuda_graphs needs the device cuda")
        if way == "compile" and not hasattr(torch, "compile"):
            raise Refused(f"{self.library} has no torch.compile")
        return way

    def best_way(self):
        """As measured with 1.13.1 on a CPU; nothing but eager is known to be good on GPUs."""
        if self.on != "cpu" or self.config["model"] != "convnet" or self.config["dtype"] != "f32":
            return "eager"
        return "jit" if self.config["task"] == "infer" else "channels_last"

    def describe(self):
        where = "CPU" if self.on == "cpu" else torch.cuda.get_device_name()
        malloc = "keeps" if self.kept else "gives back"
        self.description = f"{where}: {VARIANTS[self.way]}; malloc {malloc} freed memory"

    def new_model(self):
        """The same weights for every variant: they are drawn on the CPU."""
        torch.manual_seed(self.config["seed"])
        model = make_model(self.config["model"]).to(self.on, self.dtype())
        on_cpu = self.on == "cpu" and self.config["model"] == "convnet"
        if self.way == "channels_last" or (self.way == "compile" and on_cpu):
            model = model.to(memory_format=torch.channels_last)
        return model

    def dtype(self):
        return {"f32": torch.float32, "f64": torch.float64}[self.config["dtype"]]

    def synchronize(self):
        if self.on == "cuda":
            torch.cuda.synchronize()

    def device_peak(self):
        return torch.cuda.max_memory_allocated() if self.on == "cuda" else None

    def profile(self, request):
        if self.way in ("cuda_graphs", "compile"):  # a graph has kernels, but no operators
            return {}
        count = positive(request, "count")
        clock = self.time_phases(count)
        phases = {name: seconds / count for name, seconds in clock.phases.items()}
        profile = {"unit": "s", "steps": count, "step": sum(phases.values()), "phases": phases}
        return {"profile": profile | {"operators": profile_operators(self, count)}}


# ---- training


def no_clock(phase):
    pass


class Clock:
    """Adds up the time between calls by what it is told has ended."""

    def __init__(self, synchronize):
        self.synchronize = synchronize
        self.phases = dict.fromkeys(("data", "forward", "backward", "optimizer", "other"), 0.0)
        synchronize()
        self.since = now()

    def __call__(self, phase):
        self.synchronize()
        after = now()
        self.phases[phase] += after - self.since
        self.since = after


class Training(TorchWorker):
    def read_data(self):
        images, labels = read_split(self.config["data"], "train", self.config["dtype"])
        self.images = torch.from_numpy(images).to(self.on)
        self.labels = torch.from_numpy(labels).to(self.on)
        self.steps_per_epoch = -(-len(labels) // self.config["batch_size"])

    def restart(self, request):
        self.model = self.new_model()
        self.optimizer = make_adam(self.model.parameters(), self.on, **self.adam_options())
        self.loss_sum = torch.zeros((), device=self.on, dtype=self.dtype())
        self.unread = 0
        self.batches = self.endless()
        return {}

    def adam_options(self):
        return {}

    def indices(self):
        """Of one epoch, batch by batch."""
        return torch.randperm(len(self.labels), device=self.on).split(self.config["batch_size"])

    def epoch(self):
        for index in self.indices():
            yield self.images.index_select(0, index), self.labels.index_select(0, index)

    def endless(self):
        while True:
            yield from self.epoch()

    def step(self, clock=no_clock):
        x, y = next(self.batches)
        clock("data")
        self.learn(x, y, clock)
        self.unread += len(y)
        clock("other")
        return len(y)

    def learn(self, x, y, clock=no_clock, loss_of=None):
        self.optimizer.zero_grad(set_to_none=True)
        loss = (loss_of or self.loss_of)(x, y)
        clock("forward")
        loss.backward()
        clock("backward")
        self.optimizer.step()
        clock("optimizer")
        self.loss_sum.add_(loss.detach(), alpha=len(y))

    def loss_of(self, x, y):
        return torch.nn.functional.cross_entropy(self.model(x), y)

    def read_loss(self):
        total, images, self.unread = self.loss_sum.item(), self.unread, 0
        self.loss_sum.zero_()
        return total / images if images else None

    def time_phases(self, count):
        clock = Clock(self.synchronize)
        for _ in range(count):
            self.step(clock)
        return clock

    def evaluate(self, request):
        images, labels = read_split(self.config["data"], "t10k", self.config["dtype"])
        loss = right = 0.0
        with torch.no_grad():
            for x, y in zip(torch.from_numpy(images).split(1000), torch.from_numpy(labels).split(1000)):
                x, y = x.to(self.on), y.to(self.on)
                logits = self.model(x)
                loss += torch.nn.functional.cross_entropy(logits, y, reduction="sum").item()
                right += (logits.argmax(1) == y).sum().item()
        return {"loss": loss / len(labels), "accuracy": right / len(labels)}


class LoaderTraining(Training):
    """As most programs do it: the data set stays in host memory, and a DataLoader collates batches."""

    def read_data(self):
        super().read_data()
        data = torch.utils.data.TensorDataset(self.images.cpu(), self.labels.cpu())
        self.loader = torch.utils.data.DataLoader(data, batch_size=self.config["batch_size"], shuffle=True)

    def epoch(self):
        for x, y in self.loader:
            yield x.to(self.on), y.to(self.on)


class TorchvisionTraining(LoaderTraining):
    """As PyTorch's own examples do it, all defaults: each image becomes a PIL image, then a tensor, whenever it is used."""

    def read_data(self):
        super().read_data()
        try:
            from torchvision import datasets, transforms
        except ImportError as failure:
            raise Refused("torchvision is not installed: apt-get install python3-torchvision") from failure
        folder = pathlib.Path(tempfile.mkdtemp())
        try:  # it looks for the same files in a folder of another name
            (folder / "MNIST").mkdir()
            (folder / "MNIST" / "raw").symlink_to(pathlib.Path(self.config["data"]).resolve())
            data = datasets.MNIST(folder, train=True, transform=transforms.ToTensor())
        finally:
            shutil.rmtree(folder)
        self.loader = torch.utils.data.DataLoader(data, batch_size=self.config["batch_size"], shuffle=True)


class GraphTraining(Graph, Training):
    pass


class CompiledTraining(Compiled, Training):
    pass


# ---- inference


class Inference(TorchWorker):
    """A call begins with f32 images in host memory, and ends with logits there."""

    def read_data(self):
        self.host = host_batches(self.config)
        self.calls = 0

    def restart(self, request):
        self.model = self.new_model().eval()
        if self.way == "jit":
            self.model = self.optimized(self.model)
        if self.way == "compile":  # the first calls compile, and record what later ones replay
            self.model = compiled(self.model)
            for _ in range(WARM_UP):
                self.step()
        return {}

    def optimized(self, model):
        example = torch.from_numpy(self.host[0]).to(self.on, self.dtype())
        with torch.no_grad():
            return torch.jit.optimize_for_inference(torch.jit.freeze(torch.jit.trace(model, example)))

    def step(self):
        images = self.host[self.calls % len(self.host)]
        self.calls += 1
        with torch.inference_mode():
            logits = self.model(torch.from_numpy(images).to(self.on, self.dtype())).cpu().numpy()
        return len(logits)

    def time_phases(self, count):
        clock = Clock(self.synchronize)
        for _ in range(count):
            self.step()
        clock("forward")
        return clock


# ---- who it is


def about():
    import_torch()
    config = torch.__config__.show()
    compiler = re.search(r"(GCC|clang|MSVC) \S+", config)
    found = {
        "oneDNN": field(config, r"(?:MKL-DNN|oneDNN) v?([\d.]+)"),
        "MKL": field(config, r"Math Kernel Library Version (\S+)"),
        "CPU capability": field(config, r"CPU capability usage: (\S+)"),
        "CUDA": torch.version.cuda,
        "HIP": torch.version.hip,
        "cuDNN": torch.backends.cudnn.version() if torch.version.cuda else None,
    }
    libraries = [{"name": "PyTorch", "version": torch_version(), "path": os.path.dirname(torch.__file__)}]
    libraries += [{"name": name, "version": str(version)} for name, version in found.items() if version]
    software = {"version": torch_version(), "commit": torch.version.git_version}
    software |= {"compiler": compiler[0] if compiler else None}
    return {"software": software, "libraries": libraries + blas_libraries(), "devices": gpus()}


def gpus():
    driver = field(file_text("/proc/driver/nvidia/version"), r"\s(\d+\.\d+(?:\.\d+)?)\s")
    listed = []
    for i in range(torch.cuda.device_count() if torch.cuda.is_available() else 0):
        gpu = torch.cuda.get_device_properties(i)
        device = {"name": f"cuda:{i}", "description": gpu.name, "kind": "GPU", "driver": driver}
        listed.append(device | {"architecture": f"sm_{gpu.major}{gpu.minor}", "memory_bytes": gpu.total_memory})
    return listed


def open_worker(config):
    check_config(config, "PyTorch", MODELS, VARIANTS, ("f32", "f64"))
    if config["task"] == "infer":
        return Inference(config)
    ways = {"dataloader": LoaderTraining, "torchvision": TorchvisionTraining, "cuda_graphs": GraphTraining}
    return (ways | {"compile": CompiledTraining}).get(config.get("variant"), Training)(config)


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(__file__).resolve(), __doc__, NAME, MODELS, VARIANTS, open_worker, about))
