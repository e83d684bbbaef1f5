# SPDX-License-Identifier: Apache-2.0
"""Ways to train with PyTorch that take long to prepare, and that know the tensors of the model: mixed into a class that
trains. torch is imported where it is used, after the worker has set its threads."""

import os

WARM_UP = 3  # steps until a way is what it will be


def compiled(function):
    """For one kind of inputs. What one process has compiled, the next one finds in a cache."""
    import torch

    os.environ.setdefault("TORCHINDUCTOR_FX_GRAPH_CACHE", "1")
    return torch.compile(function, mode="reduce-overhead", dynamic=False)


class Prepared:
    """Full batches go the prepared way: it is made once, and a restart puts the first weights back in place. A smaller
    last batch goes the plain way."""

    weights = None

    def restart(self, request):
        import torch

        if self.weights is None:
            super().restart(request)
            self.weights = [each.detach().clone() for each in self.model.parameters()]
            self.index = torch.arange(min(self.config["batch_size"], len(self.labels)), device=self.on)
            self.prepare()
        self.forget()
        torch.manual_seed(self.config["seed"])
        self.batches, self.unread = self.endless(), 0
        return {}

    def forget(self):
        """Undoes all learning."""
        import torch

        self.optimizer.zero_grad(set_to_none=True)
        with torch.no_grad():
            for parameter, weight in zip(self.model.parameters(), self.weights):
                parameter.copy_(weight)
            for state in self.optimizer.state.values():
                for tensor in state.values():
                    tensor.zero_()
            self.loss_sum.zero_()

    def epoch(self):
        return iter(self.indices())

    def learn_index(self, index, loss_of=None):
        x, y = self.images.index_select(0, index), self.labels.index_select(0, index)
        self.learn(x, y, loss_of=loss_of)

    def step(self):
        index = next(self.batches)
        if len(index) == len(self.index):
            self.learn_full(index)
        else:
            self.learn_index(index)
        self.unread += len(index)
        return len(index)


class Graph(Prepared):
    """A step is one replay of a CUDA graph, from the gathering of images on."""

    def adam_options(self):
        return {"capturable": True}

    def prepare(self):
        import torch

        self.warm_up()
        self.graph = torch.cuda.CUDAGraph()
        self.optimizer.zero_grad(set_to_none=True)
        with torch.cuda.graph(self.graph):
            self.learn_index(self.index)

    def warm_up(self):
        """On a stream of its own, as capture demands."""
        import torch

        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(WARM_UP):
                self.learn_index(self.index)
        torch.cuda.current_stream().wait_stream(stream)

    def learn_full(self, index):
        self.index.copy_(index)
        self.graph.replay()


class Compiled(Prepared):
    """Loss and gradients are compiled; gathering is one kernel as it is, and so is the optimizer where it is fused."""

    def prepare(self):
        """The first steps compile, and record what later ones replay."""
        self.fast = compiled(self.loss_of)
        for _ in range(WARM_UP):
            self.learn_full(self.index)

    def learn_full(self, index):
        self.learn_index(index, self.fast)
