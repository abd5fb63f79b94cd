#!/usr/bin/env python3
"""Runs the contenders side by side and prints a table; scripts/benchmark calls it.

For each workload every contender is a process of its own. First xgrad and libtorch take one step each, whose
loss and gradients must be those of the step written by hand; where there is none, xgrad's must be libtorch's. Then all of them wait, and take turns: in each
round each runs for a moment, in an order that changes from round to round. What a round compares was measured
within a fraction of a second; a ratio is the median of the rounds' ratios.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile

from workloads import FLOOR, LIBTORCH, TOLERANCE, WORKLOADS

XGRAD = "xgrad"
CONTENDERS = (XGRAD, FLOOR, LIBTORCH)


class Process:
    """A contender on one workload: see contenders/main.cpp for what it can be asked."""

    def __init__(self, build, contender, workload, params, threads):
        environment = dict(os.environ, OMP_NUM_THREADS=str(threads), OPENBLAS_NUM_THREADS=str(threads))
        cores = ",".join(map(str, sorted(os.sched_getaffinity(0))[:threads]))
        command = ["taskset", "-c", cores, f"{build}/benchmarks/benchmark_{contender}", str(threads), workload]
        self.name = f"{contender}: {workload} {params}".strip()
        self._process = subprocess.Popen(command + params.split(), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                         text=True, env=environment)
        self.exists = self._answer() == "ready"

    def _answer(self):
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name} ended with status {self._process.wait()}")
        return line.strip()

    def ask(self, command):
        self._process.stdin.write(command + "\n")
        self._process.stdin.flush()
        return self._answer()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.stdin.close()
        self._process.wait()


class Sample:
    def __init__(self, answer):
        self.wall, self.processor, self.steps, self.faults, self.news = map(float, answer.split())


def with_params(params, others):
    """`params` with those of `others` in place of the ones of the same name."""
    names = {p.split("=")[0] for p in others.split()}
    return " ".join([p for p in params.split() if p.split("=")[0] not in names] + others.split())


class Comparison:
    def __init__(self, arguments, row):
        self.arguments, self.row = arguments, row
        self.errors, self.differences, self.samples, self.peaks = [], {}, {}, {}
        self.memory_calls = None

    def start(self, contender, params=None):
        return Process(self.arguments.build, contender, self.row["workload"],
                       self.row["params"] if params is None else params, self.arguments.threads)

    def verify(self):
        """One step of each against the step written by hand, or libtorch's where nobody wrote one or not all of it."""
        for reference in (FLOOR, LIBTORCH):
            others = [c for c in self.arguments.contenders if c not in (FLOOR, reference)]
            compared = reference in self.arguments.contenders and any([self.compare(c, reference) for c in others])
            if compared and not (reference == FLOOR and self.row.get("floor_is_part")):
                return

    def compare(self, contender, reference):
        """False when one of them does not have the workload, or only its cost and no results."""
        replaced = self.row.get("verify", {})
        params = with_params(self.row["params"], replaced.get(contender, replaced.get(reference, "")))
        with tempfile.NamedTemporaryFile() as file:
            with self.start(reference, params) as first, self.start(contender, params) as other:
                if not first.exists or not other.exists:
                    return False
                first.ask(f"write {file.name}")
                difference, name = other.ask(f"compare {file.name}").split(" ", 1)
        if name == "nothing":
            return False
        self.differences[contender] = float(difference)
        tolerance = self.row.get("tolerance", TOLERANCE)
        if not self.differences[contender] <= tolerance:
            self.errors.append(f"{self.name()}: the {name} of {contender} is off by {difference} of its norm")
        return True

    def measure(self):
        running = {c: p for c in self.arguments.contenders for p in [self.start(c)] if p.exists}
        heavy = self.row.get("heavy", False)
        rounds = 1 if self.row["workload"] == "deep" else min(self.arguments.rounds, 5 if heavy else 1000)
        names = list(running)
        if self.row["workload"] != "empty":
            for r in range(rounds):
                for c in names[r % len(names):] + names[:r % len(names)]:
                    answer = running[c].ask(f"run {self.arguments.seconds}")
                    self.samples.setdefault(c, []).append(Sample(answer))
            if XGRAD in running and self.arguments.threads == 1 and not heavy:
                self.memory_calls = int(running[XGRAD].ask("system_calls 3").split()[0])
        for c, process in running.items():
            self.peaks[c] = int(process.ask("peak")) / 1024
            process.__exit__()

    def name(self):
        return f"{self.row['workload']} {self.row['params']}".strip()

    def times(self, contender):
        return [getattr(s, self.arguments.clock) for s in self.samples.get(contender, [])]

    def median(self, contender):
        times = self.times(contender)
        return statistics.median(times) if times else None

    def spread(self, contender):
        """Half the distance of the quartiles over the median."""
        times = self.times(contender)
        if len(times) < 2:
            return None
        low, middle, high = statistics.quantiles(times, n=4)
        return (high - low) / 2 / middle

    def ratio(self, above, below):
        pairs = list(zip(self.times(above), self.times(below)))
        return statistics.median(a / b for a, b in pairs) if pairs else None

    def per_step(self, contender, what):
        samples = self.samples.get(contender)
        return statistics.median(getattr(s, what) for s in samples) if samples else None

    def record(self):
        return {
            "workload": self.row["workload"],
            "params": self.row["params"],
            "threads": self.arguments.threads,
            **{c: self.median(c) for c in CONTENDERS},
            "xgrad_over_floor": self.ratio(XGRAD, FLOOR),
            "libtorch_over_xgrad": self.ratio(LIBTORCH, XGRAD),
            "target_xgrad_over_floor": self.row["most"],
            "target_libtorch_over_xgrad": self.row["least"],
            "target_microseconds": self.row.get("limit"),
            "spread": {c: self.spread(c) for c in self.samples},
            "samples": {c: self.times(c) for c in self.samples},
            "page_faults_per_step": {c: self.per_step(c, "faults") for c in self.samples},
            "operator_new_per_step": {c: self.per_step(c, "news") for c in self.samples},
            "memory_calls_in_three_steps": self.memory_calls,
            "peak_megabytes": self.peaks,
            "verified_within": self.differences,
            "nanoseconds_per_operation": self.nanoseconds(),
        }

    def nanoseconds(self):
        operations = self.row.get("operations")
        return {c: self.median(c) / operations * 1e3 for c in self.samples} if operations else None

    def busy(self):
        """The share of samples in which something else had the processor."""
        samples = [s for list_ in self.samples.values() for s in list_]
        disturbed = [s for s in samples if s.wall > 1.05 * s.processor]
        return len(disturbed) / len(samples) if samples and self.arguments.threads == 1 else 0


def number(value, digits=3):
    if value is None:
        return ""
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.{digits}g}"


def judged(ratio, most=None, least=None):
    """The ratio, with a mark where it misses the target."""
    if ratio is None:
        return ""
    missed = (most is not None and ratio > most) or (least is not None and ratio < least)
    return f"{ratio:.2f}{' !' if missed else ''}"


def time_of(comparison, contender):
    spread = comparison.spread(contender)
    text = number(comparison.median(contender), 4)
    return text + (f" ± {100 * spread:.0f} %" if spread is not None else "")


HEADER = ["workload", "xgrad µs", "floor µs", "libtorch µs", "xgrad / floor", "at most", "libtorch / xgrad",
          "at least", "faults per step", "peak MB"]


def table_row(c):
    each = lambda values: " / ".join(number(values.get(n)) or "-" for n in c.arguments.contenders)
    name = c.name()
    if c.nanoseconds():
        name += f" ({number(c.nanoseconds()[XGRAD])} ns per operation)"
    return [name, *(time_of(c, n) for n in CONTENDERS),
            judged(c.ratio(XGRAD, FLOOR), most=c.row["most"]), number(c.row["most"]),
            judged(c.ratio(LIBTORCH, XGRAD), least=c.row["least"]), number(c.row["least"]),
            each({n: c.per_step(n, "faults") for n in c.samples}), each(c.peaks)]


def print_row(cells):
    print("| " + " | ".join(cells) + " |", flush=True)


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", required=True, help="folder of a release build")
    parser.add_argument("--filter", default="", metavar="RE", help="workloads whose name and parameters match")
    parser.add_argument("--threads", type=int, default=1, metavar="N")
    parser.add_argument("--json", metavar="FILE", help="write the results there as well")
    parser.add_argument("--rounds", type=int, metavar="N", help="samples of each contender (default 15)")
    parser.add_argument("--quick", action="store_true", help="few and short samples, without the longest workloads")
    parser.add_argument("--clock", choices=("wall", "processor"), default="wall",
                        help="`processor` leaves out what other processes do meanwhile; for one thread")
    parser.add_argument("--without", action="append", default=[], choices=(LIBTORCH,), help="leave a contender out")
    arguments = parser.parse_args()
    arguments.rounds = arguments.rounds or (3 if arguments.quick else 15)
    arguments.seconds = 0.03 if arguments.quick else 0.08
    built = [c for c in CONTENDERS if os.path.exists(f"{arguments.build}/benchmarks/benchmark_{c}")]
    arguments.contenders = [c for c in built if c not in arguments.without]
    return arguments


def main():
    arguments = parse()
    if LIBTORCH not in arguments.contenders:
        print("libtorch is left out: apt-get install libtorch-dev, or --torch, adds it.", file=sys.stderr)
    chosen = [w for w in WORKLOADS if re.search(arguments.filter, f"{w['workload']} {w['params']}")]
    if arguments.quick:
        chosen = [w for w in chosen if not w.get("heavy")]
    print_row(HEADER)
    print_row(["---"] * len(HEADER))
    records, errors, busy = [], [], []
    for row in chosen:
        comparison = Comparison(arguments, row)
        comparison.verify()
        if not comparison.errors:
            comparison.measure()
            print_row(table_row(comparison))
            records.append(comparison.record())
            busy.append(comparison.busy())
        errors += comparison.errors
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as file:
            json.dump(records, file, indent=1)
            file.write("\n")
    if busy and statistics.mean(busy) > 0.1 and arguments.clock == "wall":
        print(f"The machine is busy: {100 * statistics.mean(busy):.0f} % of the samples were interrupted.",
              file=sys.stderr)
    for e in errors:
        print("not verified: " + e, file=sys.stderr)
    return 1 if errors or not chosen else 0


if __name__ == "__main__":
    sys.exit(main())
