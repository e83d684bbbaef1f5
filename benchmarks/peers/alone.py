# SPDX-License-Identifier: Apache-2.0
"""A peer on its own, where there is no tenon: measures as `tenon bench` does, and writes the same results."""

import argparse
import contextlib
import datetime
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

from common import Refused, data_dir, now, serve
from fingerprint import cores, machine, software

SLACK, BLOCK_SECONDS, MOST_WARM_UP = 0.05, 0.3, 60  # of the warm-up
LOSSES_PER_EPOCH = 20


class Process:
    """A worker, spoken with."""

    def __init__(self, script, config):
        self.start = now()
        command = [sys.executable, script, "--worker", json.dumps(config)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.ready = self.answer()
        self.seconds_to_ready = now() - self.start

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise Refused(f"the worker ended without an answer (exit code {self.process.wait()})")
        answer = json.loads(line)
        if "error" in answer:
            raise Refused(answer["error"])
        return answer

    def ask(self, do, **more):
        with contextlib.suppress(BrokenPipeError):  # then there is no answer either, which is told
            print(json.dumps({"do": do, **more}), file=self.process.stdin, flush=True)
        return self.answer()

    def close(self):
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()


class Row:
    """One row of the results, as far as it is measured. After a failure nothing is asked any more."""

    def __init__(self, script, config):
        keys = ("task", "model", "backend", "variant", "dtype", "math", "batch_size")
        self.result = {key: config[key] for key in keys} | {"error": None}
        self.config, self.script, self.process, self.round_steps = config, script, None, 1

    def attempt(self, part, *arguments):
        """Does a part of the measurement, unless one has failed before."""
        if self.result["error"]:
            return
        try:
            part(self, *arguments)
        except Refused as failure:
            self.result["error"] = str(failure)

    def close(self):
        if self.process:
            self.process.close()

    def open(self):
        self.process = Process(self.script, self.config)
        ready = self.process.ready
        for key in ("backend", "variant", "device", "description", "library"):
            self.result[key] = ready.get(key)
        parts = ready.get("setup", {})
        start_up = self.process.seconds_to_ready - parts.get("data", 0) - parts.get("model", 0)
        self.result["setup"] = {"unit": "s", "start_up": start_up, **parts}

    def warm_up(self, round_seconds):
        answer = self.process.ask("steps", count=1)
        self.check_math(answer["math"])
        first = self.result["setup"]["first_step"] = answer["seconds"]
        start, steps, medians = now(), 1, []
        block = 5
        while not is_warm(medians) and now() - start < MOST_WARM_UP:
            answer = self.process.ask("steps", count=block)
            medians.append(statistics.median(answer["times"]))
            steps += block
            block = max(5, round(BLOCK_SECONDS / medians[-1]))
        self.round_steps = max(1, round(round_seconds / medians[-1]))
        seconds = first + now() - start
        self.result["warm_up"] = {"steps": steps, "seconds": seconds, "settled": is_warm(medians)}
        self.result |= {"rounds": [], "step_times": {"unit": "s", "rounds": []}}

    def check_math(self, math):
        """As bench_lane_check_math of tools/bench/measure/lane.h does."""
        if math != self.config["math"]:
            raise Refused(f"asked for {self.config['math']}, it computes in {math}")

    def round(self):
        answer = self.process.ask("steps", count=self.round_steps)
        self.result["rounds"].append({key: answer[key] for key in ("steps", "images", "seconds", "loss")})
        self.result["step_times"]["rounds"].append(answer["times"])

    def after_rounds(self):
        self.result["memory"] = {"unit": "B", **self.process.ask("memory")}
        self.result |= self.process.ask("profile", count=20)

    def learn(self, epochs):
        """Trains from the start, reads the loss on the way and evaluates after each epoch."""
        steps, point = self.process.ready.get("steps_per_epoch"), {"images": 0, "seconds": 0}
        if not steps or not epochs:
            return
        self.result |= {"epochs": {"unit": "s", "seconds": []}, "losses": [], "evaluations": []}
        self.process.ask("restart")
        for _ in range(epochs):
            before = point["seconds"]
            for count in portions(steps, LOSSES_PER_EPOCH):
                answer = self.process.ask("steps", count=count, times=False)
                point = {key: point[key] + answer[key] for key in point}
                self.result["losses"].append(point | {"loss": answer["loss"]})
            self.result["epochs"]["seconds"].append(point["seconds"] - before)
            self.result["evaluations"].append(point | self.process.ask("evaluate"))


def is_warm(medians):
    """As bench_is_warm of tools/bench/stats/stats.h tells it."""
    if len(medians) < 3:
        return False
    return all(medians[i] >= medians[i - 1] * (1 - SLACK) for i in (-1, -2))


def portions(total, n):
    """`total` as a sum of at most n numbers that hardly differ."""
    n = min(n, total)
    return [total * (i + 1) // n - total * i // n for i in range(n)]


def show(row):
    name = "{task} {model} {batch_size} {math} {backend} {variant}".format(**row)
    if row["error"]:
        return print(f"{name}: {row['error']}", flush=True)
    rate = statistics.median(each["images"] / each["seconds"] for each in row["rounds"])
    accuracy = [f"accuracy {each['accuracy']:.4f}" for each in row.get("evaluations", [])[-1:]]
    epoch = [f"epoch {seconds:.2f} s" for seconds in row.get("epochs", {}).get("seconds", [])[-1:]]
    print(", ".join([f"{name}: {rate:,.0f} images/s"] + epoch + accuracy), flush=True)


def measure(script, configs, options, results):
    """Measures settings of the same work, which take turns, and appends their rows to `results`."""
    rows = [Row(script, config) for config in configs]
    results += [row.result for row in rows]
    try:
        for row in rows:
            row.attempt(Row.open)
            row.attempt(Row.warm_up, options.round_seconds)
        for _ in range(options.rounds):
            for row in rows:
                row.attempt(Row.round)
        for row in rows:
            row.attempt(Row.after_rounds)
            row.attempt(Row.learn, options.epochs)
            show(row.result)
    except BaseException:
        for row in rows:
            row.result["error"] = row.result["error"] or "it was stopped before its end"
        raise
    finally:
        for row in rows:
            row.close()


def ask_about(script):
    """In a process of its own, which lets go of the GPU."""
    told = subprocess.run([sys.executable, script, "--about"], stdout=subprocess.PIPE, text=True)
    if told.returncode:
        sys.exit(told.returncode)
    return json.loads(told.stdout)


# ---- the command


def comma_list(text):
    return [None if item in ("best", "") else item for item in text.split(",")]


def read_options(doc, models, variants):
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worker", metavar="CONFIG", help="speak PROTOCOL.md on standard input and output")
    parser.add_argument("--about", action="store_true", help="tell versions and devices as JSON")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="measure, and write the results there")
    parser.add_argument("--tasks", type=comma_list, default=["train", "infer"])
    parser.add_argument("--models", type=comma_list, default=list(models), help=", ".join(models))
    parser.add_argument("--batch-sizes", type=comma_list, default=["64"])
    parser.add_argument("--variants", type=comma_list, default=[None], help=", ".join(("best", *variants)))
    parser.add_argument("--dtypes", type=comma_list, default=["f32"], help="f32, f64")
    math = os.environ.get("TENON_MATH") or "f32"
    ways = "what products in f32 are computed in: f32, tf32 (default: $TENON_MATH, or f32)"
    parser.add_argument("--math", type=comma_list, default=[math], help=ways)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--round-seconds", type=float, default=2)
    parser.add_argument("--epochs", type=int, default=1, help="to train after the rounds")
    parser.add_argument("--threads", type=int, default=cores())
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--device", choices=("cpu", "cuda"), help="default: the best there is")
    parser.add_argument("--data", type=pathlib.Path, default=data_dir(), help="folder of the raw IDX files")
    parser.add_argument("--label", help="of the machine, as people see it")
    options = parser.parse_args()
    if not (options.worker or options.about or options.json):
        parser.error("one of --worker, --about and --json is needed")
    if options.rounds < 1 or options.round_seconds <= 0 or options.epochs < 0 or options.threads < 1:
        parser.error("--rounds and --threads start at 1, --epochs at 0, and --round-seconds above 0")
    if not all(size and size.isdecimal() and int(size) > 0 for size in options.batch_sizes):
        parser.error("--batch-sizes are whole numbers, separated by commas")
    return options


def works(name, options):
    """The configurations of each work: they differ by variant alone."""
    same = {"backend": name, "threads": options.threads, "seed": options.seed, "data": str(options.data)}
    same["device"] = options.device
    for task in options.tasks:
        for model in options.models:
            for dtype in options.dtypes:
                for math in options.math if dtype == "f32" else [dtype]:
                    for size in options.batch_sizes:
                        work = same | {"task": task, "model": model, "dtype": dtype, "math": math}
                        work["batch_size"] = int(size)
                        yield [work | {"variant": variant} for variant in options.variants]


def new_run(script, name, options):
    about = ask_about(script)
    described = machine(about["devices"])
    gpus = [each["description"] for each in about["devices"]] if options.device != "cpu" else []
    settings = {key: getattr(options, key) for key in ("threads", "rounds", "round_seconds", "epochs", "seed")}
    return {
        "label": options.label or (gpus + [described["cpu"]])[0],
        "started": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "partial": False,
        "machine": described,
        "software": software(name, about),
        "settings": settings | {"dataset": "mnist"},
        "limits": [],
        "rows": [],
    }


def write_results(path, run):
    """All or nothing: a file beside it takes its place."""
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        json.dump({"schema": "tenon.bench/1", "runs": [run]}, file, indent=1)
        file.write("\n")
    os.chmod(file.name, 0o644)
    os.replace(file.name, path)


def measure_all(script, name, options):
    start, run = now(), new_run(script, name, options)
    try:
        for configs in works(name, options):
            measure(script, configs, options, run["rows"])
    except KeyboardInterrupt:
        run |= {"partial": True, "stopped": "interrupted"}
    write_results(options.json, run | {"seconds": now() - start})
    return 130 if run["partial"] else 0


def main(script, doc, name, models, variants, open_worker, about):
    """The command line of a peer; the exit code."""
    options = read_options(doc, models, variants)
    if options.worker:
        return serve(options.worker, open_worker)
    if options.json:
        return measure_all(script, name, options)
    try:
        print(json.dumps(about(), indent=1))
    except Refused as failure:
        sys.exit(str(failure))
    return 0
