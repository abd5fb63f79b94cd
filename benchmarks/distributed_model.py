#!/usr/bin/env python3
"""Step times of data-parallel training, from a model of its cost.

    mpirun -n 2 benchmark_distributed > 2.txt; mpirun -n 4 ... > 4.txt
    distributed_model.py 2.txt 4.txt       the prediction beside what was measured
    distributed_model.py                   2 to 1024 ranks on networks, three models beside published figures

A message of n bytes takes alpha + n beta. A step on p ranks takes

    t(p) = compute + passes + what of the reduction the backward pass does not hide

    compute       that of ranks which exchange nothing but wait for each other as often as in a step together, by small
                  messages: the slowest counts each time, and ranks that share a core, the memory or its caches are slower
                  than one alone
    passes        over the gradient, in memory, with more than one rank: into a bucket, the sum, and out of it; where ranks
                  share memory, into it, and the sum of what all ranks have there, and no messages
    alpha, beta   on one machine those of exchanges of all ranks at once: its cores copy what is sent and what is received,
                  so that a message alone, between two ranks that have nothing else to do, is several times as fast
    hidden        the share of a reduction that costs a computation beside it nothing: 1 where a network card does it,
                  near 0 where the cores do

All of these are measured by the benchmark on as many ranks as the prediction is for; none is fitted to steps with a reduction.

    ring          2 (p - 1) alpha + 2 (p - 1) / p n beta
    tree          2 log2(p) (alpha + n beta), in pieces pipelined: 2 log2(p) alpha + 2 n beta
    hierarchical  a ring within the machine, one between machines
    this library  2 phases of p - 1 messages of n / p bytes: as the ring, with all messages at once

The backward pass, two thirds of the computation, hides the reduction but for its last bucket. Nothing is said of ranks
that are slower than others: figures are bounds from above.
"""
import json
import math
import sys

BUCKET = 1 << 20

def passes_over_gradient(p):
    """Of the memory, in units of y += x: into the bucket, a rank's own part of both phases, the sum, and out of it."""
    return 1 + 2 / p + (1 + 1 / p) / 3 + 1


def passes_in_shared_memory(p):
    """The same: into the memory that all see, and the sum of all ranks' numbers there."""
    return 2 / 3 + (p + 1) / 3


class Network:
    def __init__(self, name, alpha, beta):
        self.name, self.alpha, self.beta = name, alpha, beta


def ring(p, n, net):
    return 2 * (p - 1) * net.alpha + 2 * (p - 1) / p * n * net.beta if p > 1 else 0


def tree(p, n, net):
    return 2 * math.ceil(math.log2(p)) * net.alpha + 2 * n * net.beta if p > 1 else 0


def hierarchical(p, n, net, within, per_machine):
    inner = min(p, per_machine)
    return ring(inner, n, within) + ring(max(1, p // per_machine), n, net)


def exposed(reduction, n, backward, share=1):
    """What is left of a reduction; `share`: of it that can be hidden at all."""
    before_the_last = 1 - min(1, BUCKET / n)
    return reduction - min(share * reduction, backward) * before_the_last


def read(paths):
    for path in paths:
        with open(path) as lines:
            for line in lines:
                if line.startswith("{"):
                    yield json.loads(line)


def fit(rows, what, ranks):
    """alpha from the smallest message, beta from the largest."""
    found = sorted((r["bytes"], r["seconds"]) for r in rows if r["what"] == what and r["ranks"] == ranks)
    return Network("measured", found[0][1], found[-1][1] / found[-1][0])


def against_measurements(paths):
    rows = list(read(paths))
    passes = {r["ranks"]: r["seconds per byte"] for r in rows if r["what"] == "pass"}
    hidden = {r["ranks"]: r["hidden"] for r in rows if r["what"] == "overlap"}
    nets = {p: fit(rows, "exchange", p) for p in hidden}
    for p, net in nets.items():
        alone = fit(rows, "message", p)
        print(f"{p} ranks: a message {alone.alpha * 1e6:.2f} us + {1e-9 / alone.beta:.2f} GB/s, of all at once "
              f"{net.alpha * 1e6:.2f} us + {1e-9 / net.beta:.2f} GB/s, hidden {hidden[p]:.2f}, "
              f"a pass {1e-9 / passes[p]:.2f} GB/s")
    print(f"{'model':14} {'ranks':>5} {'gradients':>9} {'predicted':>10} {'measured':>10} {'error':>7}")
    worst = 0
    for r in (r for r in rows if r["what"] == "scaling"):
        p, n = r["ranks"], 4 * r["parameters"]
        for way, name in (("messages", "of in step by messages"), ("shared", "of in step")):
            t = compute = r["in step"]
            if p > 1 and way == "messages":
                reduction = ring(p, n, nets[p])
                t += passes_over_gradient(p) * n * passes[p]
                t += exposed(reduction, n, compute * 2 / 3, hidden[p])
            elif p > 1:
                t += passes_in_shared_memory(p) * n * passes[p]
            low, ratio, high = r[name]  # of neighbours, which the machine's other work meets alike
            measured = r["in step"] * ratio
            error = t / measured - 1
            worst = max(worst, abs(error))
            print(f"{r['model']:14} {p:5} {way:>9} {t * 1e3:8.2f} ms {measured * 1e3:8.2f} ms {error * 100:6.1f} %"
                  f"   quartiles {r['in step'] * low * 1e3:.2f} {r['in step'] * high * 1e3:.2f}")
    print(f"largest error {worst * 100:.1f} %")


# name, parameters, images per second of one GPU, images per GPU and step, GPUs, published scaling, its source
PUBLISHED = [
    ("Inception V3", 23.8e6, 142, 64, 512, 0.90, "Horovod, 4 P100 per server, 25 Gbit/s"),
    ("VGG-16", 138.4e6, 154, 64, 512, 0.68, "Horovod, 4 P100 per server, 25 Gbit/s"),
    ("ResNet-50", 25.6e6, 219, 32, 256, 0.90, "Goyal et al. 2017, 8 P100 per server, 50 Gbit/s, from 8 GPUs"),
]


def table():
    within = Network("PCIe", 10e-6, 1 / 10e9)
    for name, parameters, rate, batch, gpus, published, source in PUBLISHED:
        line = 50e9 / 8 if "50 Gbit" in source else 25e9 / 8
        per_machine = 8 if "8 P100" in source else 4
        # TCP gets about 0.7 of the line.
        net = Network("TCP", 30e-6, 1 / (0.7 * line))
        n, step = 4 * parameters, batch / rate
        print(f"\n{name}: {parameters / 1e6:.1f} M parameters, {step * 1e3:.0f} ms per step on one GPU; {source}")
        print(f"{'ranks':>6} {'ring':>16} {'tree':>16} {'hierarchical':>16}")
        for p in [2**i for i in range(1, 11)]:
            cells = []
            for reduction in (ring(p, n, net), tree(p, n, net), hierarchical(p, n, net, within, per_machine)):
                t = step + exposed(reduction, n, step * 2 / 3)
                cells.append(f"{t * 1e3:8.0f} ms {step / t:4.2f}")
            mark = f"   published {published:.2f}" if p == gpus else ""
            print(f"{p:6} " + " ".join(f"{c:>16}" for c in cells) + mark)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        against_measurements(sys.argv[1:])
    else:
        table()
