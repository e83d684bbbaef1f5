#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""scikit-learn as a peer of tenon bench: MLPClassifier of 128 hidden units, which is SimpleNet, on the CPU.

    scikit_learn.py --worker CONFIG       # for tenon bench: speaks PROTOCOL.md on standard input and output
    scikit_learn.py --json results.json   # on its own: measures, and writes the same results

A step is partial_fit on a batch of a shuffled epoch in memory. It differs from the others in what cannot be helped:
weights begin as scikit-learn draws them (Glorot), and inference ends with probabilities (predict_proba) for want of
logits."""

import pathlib
import sys

from alone import main
from common import Refused, Worker, check_config, host_batches, keep_freed_memory, read_split, set_threads
from fingerprint import blas_libraries

NAME, MODELS = "scikit-learn", ("simplenet",)
sklearn = numpy = None  # are imported when the time of that is taken


def import_sklearn():
    global sklearn, numpy
    try:
        import numpy
        import sklearn.neural_network
    except ImportError as failure:
        raise Refused("scikit-learn is not installed: apt-get install python3-sklearn") from failure
    sklearn.set_config(assume_finite=True)


class SklearnWorker(Worker):
    name = NAME
    description = "CPU: MLPClassifier"

    def __init__(self, config):
        super().__init__(config)
        keep_freed_memory()
        set_threads(config["threads"])
        with self.timed("open"):
            import_sklearn()
        self.library = f"scikit-learn {sklearn.__version__}"
        with self.timed("data"):
            self.read_data()
        with self.timed("model"):
            self.restart({})

    def new_model(self):
        """Of batches that come shuffled."""
        shape = {"hidden_layer_sizes": (128,), "activation": "relu"}
        adam = {"solver": "adam", "learning_rate_init": 0.001, "alpha": 0}
        return sklearn.neural_network.MLPClassifier(
            **shape, **adam, batch_size=self.config["batch_size"], shuffle=False, random_state=self.config["seed"]
        )


class Training(SklearnWorker):
    description = "CPU: MLPClassifier.partial_fit"

    def read_data(self):
        self.images, self.labels = flat_split(self.config, "train")
        self.steps_per_epoch = -(-len(self.labels) // self.config["batch_size"])

    def restart(self, request):
        self.model = self.new_model()
        self.random = numpy.random.default_rng(self.config["seed"])
        self.batches = self.endless()
        self.loss_sum = self.unread = 0
        return {}

    def endless(self):
        size = self.config["batch_size"]
        while True:
            order = self.random.permutation(len(self.labels))
            for i in range(0, len(order), size):
                yield self.images[order[i : i + size]], self.labels[order[i : i + size]]

    def step(self):
        x, y = next(self.batches)
        self.model.batch_size = len(y)  # else it warns of the last batch of an epoch
        self.model.partial_fit(x, y, classes=range(10))
        self.loss_sum += self.model.loss_ * len(y)
        self.unread += len(y)
        return len(y)

    def read_loss(self):
        mean = self.loss_sum / self.unread if self.unread else None
        self.loss_sum = self.unread = 0
        return mean

    def evaluate(self, request):
        images, labels = flat_split(self.config, "t10k")
        given = self.model.predict_proba(images)
        loss = -numpy.log(numpy.maximum(given[range(len(labels)), labels], 1e-30)).mean()
        return {"loss": float(loss), "accuracy": float((given.argmax(1) == labels).mean())}


class Inference(SklearnWorker):
    description = "CPU: MLPClassifier.predict_proba"

    def read_data(self):
        self.host = [images.reshape(len(images), -1) for images in host_batches(self.config)]
        self.dtype = {"f32": "float32", "f64": "float64"}[self.config["dtype"]]
        self.calls = 0

    def restart(self, request):
        """Only a model that has learnt something can be asked."""
        images = self.host[0].astype(self.dtype)
        self.model = self.new_model()
        self.model.partial_fit(images, [i % 10 for i in range(len(images))], classes=range(10))
        return {}

    def step(self):
        images = self.host[self.calls % len(self.host)].astype(self.dtype, copy=False)
        self.calls += 1
        return len(self.model.predict_proba(images))


def flat_split(config, split):
    images, labels = read_split(config["data"], split, config["dtype"])
    return images.reshape(len(images), -1), labels


def about():
    import_sklearn()
    import scipy

    libraries = [{"name": "scikit-learn", "version": sklearn.__version__}]
    libraries += [{"name": each.__name__, "version": each.__version__} for each in (numpy, scipy)]
    return {"software": {"version": sklearn.__version__}, "libraries": libraries + blas_libraries(), "devices": []}


def open_worker(config):
    check_config(config, "scikit-learn", MODELS, (), ("f32", "f64"))
    if config.get("device", "cpu") != "cpu":
        raise Refused("scikit-learn works on the CPU alone")
    return (Inference if config["task"] == "infer" else Training)(config)


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(__file__).resolve(), __doc__, NAME, MODELS, (), open_worker, about))
