# SPDX-License-Identifier: Apache-2.0
"""What the peers share as workers: data, and their side of PROTOCOL.md.

A peer's script has a subclass of Worker and a function `about` (who it is, as JSON), and ends with alone.main. Nothing
here imports more than the standard library before a worker has opened: imports are timed, and threads are set before
them."""

import contextlib
import ctypes
import json
import math
import os
import pathlib
import re
import signal
import struct
import sys
import time
import traceback

MOST_TIMES = 200  # that one answer tells
now = time.perf_counter


class Refused(Exception):
    """What cannot be done, as one sentence for people."""


# ---- data: the IDX files of MNIST


def data_dir():
    """Where `tenon data fetch mnist` puts the files."""
    if "TENON_DATA_DIR" in os.environ:
        return pathlib.Path(os.environ["TENON_DATA_DIR"]) / "mnist"
    return pathlib.Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "tenon" / "mnist"


def read_idx(path):
    """A raw IDX file of bytes as an array."""
    import numpy

    try:
        content = path.read_bytes()
    except OSError as failure:
        hint = "`tenon data fetch mnist` fetches the data, and --data names another folder"
        raise Refused(f"cannot read {path}: {failure.strerror}; {hint}") from failure
    rank = content[3] if content[:3] == b"\0\0\x08" else 0
    shape = struct.unpack_from(f">{rank}I", content, 4) if len(content) >= 4 + 4 * rank else ()
    if not shape or len(content) != 4 + 4 * rank + math.prod(shape):
        raise Refused(f"{path} is no raw IDX file of bytes, or was cut off")
    return numpy.frombuffer(content, numpy.uint8, offset=4 + 4 * rank).reshape(shape)


def read_split(folder, split, dtype):
    """(images N 1 28 28 scaled to [0, 1], labels N as int64) of "train" or "t10k"."""
    import numpy

    pixels = read_idx(pathlib.Path(folder) / f"{split}-images-idx3-ubyte")
    labels = read_idx(pathlib.Path(folder) / f"{split}-labels-idx1-ubyte")
    images = numpy.divide(pixels, 255, dtype={"f32": numpy.float32, "f64": numpy.float64}[dtype])
    return images.reshape(-1, 1, *pixels.shape[1:]), labels.astype(numpy.int64)


def host_batches(config):
    """Batches of test images in host memory, f32, for inference to take in turn: as many as tenon prepares."""
    images, _ = read_split(config["data"], "t10k", "f32")
    size = config["batch_size"]
    n = min(max(1, min(64, 4096 // size)), len(images) // size)
    if n == 0:
        raise Refused(f"there are no {size} test images for one batch")
    return [images[i * size : (i + 1) * size].copy() for i in range(n)]


# ---- the process


def set_threads(n):
    """For what is imported from now on."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS"):
        os.environ[name] = str(n)


def keep_freed_memory():
    """Makes glibc keep freed memory instead of giving it back: else large tensors are mapped and cleared by the kernel
    anew at every step, which can take most of the time. False where there is no glibc."""
    trim_threshold, top_pad, mmap_max = -1, -2, -4
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    settings = ((mmap_max, 0), (trim_threshold, -1), (top_pad, 1 << 26))
    return bool(mallopt) and all([mallopt(*setting) for setting in settings])


def host_peak():
    """Most resident memory in bytes; not getrusage's, which remembers the parent's from before exec."""
    with contextlib.suppress(OSError):
        found = re.search(r"VmHWM:\s+(\d+) kB", pathlib.Path("/proc/self/status").read_text())
        return int(found[1]) * 1024 if found else None
    return None


# ---- the worker's side of PROTOCOL.md


def read_config(text):
    with contextlib.suppress(ValueError):
        config = json.loads(text)
        if isinstance(config, dict):
            return config
    raise Refused("the configuration has to be a JSON object")


def check_config(config, peer, models, variants, dtypes):
    for key in ("task", "model", "dtype", "batch_size", "threads", "seed", "data"):
        if config.get(key) is None and not (key == "model" and config.get("task") == "op"):
            raise Refused(f"the configuration lacks \"{key}\"")
    for key, least in (("batch_size", 1), ("threads", 1), ("seed", 0)):
        if type(config[key]) is not int or config[key] < least:
            raise Refused(f"{key} is {json.dumps(config[key])}, but has to be a whole number of at least {least}")
    does = {"task": ("train", "infer"), "model": models, "variant": (None, *variants), "dtype": dtypes}
    for key, known in does.items():
        if config.get(key) not in known:
            names = ", ".join(name for name in known if name)
            but = f", but {names}" if names else ""
            raise Refused(f"{peer} does not do the {key} \"{config.get(key)}\" here{but}")


class Worker:
    """One row. A subclass sets the fields, and makes steps; what it leaves out cannot be done."""

    variant = None  # to answer with
    device, kind = "cpu", "CPU"
    description = library = ""
    steps_per_epoch = None
    synchronous = True  # the device's work is done when a step returns

    def __init__(self, config):
        self.config = config
        self.setup = {}

    @contextlib.contextmanager
    def timed(self, part):
        """Notes the seconds of this part of the setup."""
        start = now()
        yield
        self.setup[part] = self.setup.get(part, 0) + now() - start

    # What subclasses do.
    def step(self):
        """One step or call; the images done."""
        raise NotImplementedError

    def synchronize(self):
        """Waits until the device is idle."""

    def read_loss(self):
        """Mean training loss since it was last read."""

    def restart(self, request):
        return {}

    def evaluate(self, request):
        return {}

    def profile(self, request):
        return {}

    def limits(self, request):
        return {}

    def device_peak(self):
        return None

    def math(self):
        """What products are computed in: the dtype, or "tf32"."""
        return self.config["dtype"]

    # What is the same for all.
    def ready(self):
        answer = {"backend": self.config.get("backend") or self.name, "variant": self.variant}
        answer |= {"device": self.device, "kind": self.kind, "description": self.description, "library": self.library}
        if self.steps_per_epoch:
            answer["steps_per_epoch"] = self.steps_per_epoch
        return answer | {"setup": self.setup}

    def memory(self, request):
        return {"host_peak": host_peak(), "device_peak": self.device_peak()}

    def steps(self, request):
        """With "times": false each step is made once on a GPU too: so epochs can be counted."""
        count, timed = positive(request, "count"), request.get("times", True)
        self.synchronize()
        start = now()
        images, times = self.run(count, wait=False)
        self.synchronize()
        seconds = now() - start
        if timed and not self.synchronous:  # when a step ends is known only to who waits for it
            _, times = self.run(count, wait=True)
        answer = {"seconds": seconds, "steps": count, "images": images, "loss": finite(self.read_loss())}
        answer["math"] = self.math()
        return answer | {"times": thinned(times if timed else [])}

    def run(self, count, wait):
        """(images, seconds of each step)."""
        images, times, before = 0, [], now()
        for _ in range(count):
            images += self.step()
            if wait:
                self.synchronize()
            after = now()
            times.append(after - before)
            before = after
        return images, times


def positive(request, key):
    value = request.get(key)
    if type(value) is not int or value < 1:
        raise Refused(f"{key} is {json.dumps(value)}, but has to be a whole number of at least 1")
    return value


def finite(number):
    return number if number is not None and math.isfinite(number) else None


def thinned(times):
    kept = min(len(times), MOST_TIMES)
    return [times[i * len(times) // kept] for i in range(kept)]


def answer_to(worker, line):
    try:
        request = json.loads(line)
        verb = request["do"]
    except (ValueError, TypeError, KeyError) as failure:
        raise Refused(f"a request has to be a JSON object with \"do\", but it is: {line.strip()[:80]}") from failure
    if verb not in ("steps", "restart", "evaluate", "profile", "limits", "memory"):
        raise Refused(f"the request \"{verb}\" is not known")
    return getattr(worker, verb)(request)


def sentence(failure):
    """An exception as one line."""
    if isinstance(failure, Refused):
        return str(failure)
    traceback.print_exc()
    return " ".join(f"{type(failure).__name__}: {failure}".split())[:500]


def take_output():
    """The stream of answers; what libraries print goes to stderr instead."""
    own = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    return own


def serve(config, open_worker):
    """Serves until standard input ends; the exit code."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides
    output = take_output()

    def send(message):
        print(json.dumps(message), file=output, flush=True)

    try:
        worker = open_worker(read_config(config))
        send(worker.ready())
        for line in sys.stdin:
            send(answer_to(worker, line))
    except BrokenPipeError:
        os._exit(1)  # nobody listens any more
    except Exception as failure:
        send({"error": sentence(failure)})
        return 1
    return 0
