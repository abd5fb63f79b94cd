"""Writes tests/references/optimizers_line_search.txt: where PyTorch's line search goes.

Run in this directory with PyTorch 1.13 (Debian: python3-torch): /usr/bin/python3 optimizers_line_search.py.
Each line is `function: numbers`: for every first step and pair of constants, the step found and the evaluations.
"""

import math
import pathlib

import torch
from torch.optim.lbfgs import _strong_wolfe

torch.set_default_dtype(torch.float64)

FUNCTIONS = {
    "parabola": (lambda t: (t - 3) ** 2, lambda t: 2 * (t - 3)),
    "exponential": (lambda t: math.exp(t) - 5 * t, lambda t: math.exp(t) - 5),
    "more": (lambda t: -t / (t * t + 2), lambda t: (t * t - 2) / (t * t + 2) ** 2),
    "waves": (lambda t: 0.1 * t * t - math.sin(3 * t), lambda t: 0.2 * t - 3 * math.cos(3 * t)),
    "slope": (lambda t: math.sqrt(1 + (t - 40) ** 2), lambda t: (t - 40) / math.sqrt(1 + (t - 40) ** 2)),
}
FIRST = (1e-3, 0.1, 1.0, 7.0, 100.0)
CONSTANTS = ((1e-4, 0.9), (0.3, 0.35), (1e-3, 1e-3))


def numbers(f, slope):
    for first in FIRST:
        for c1, c2 in CONSTANTS:
            g = torch.tensor([slope(0.0)])
            at = lambda x, t, d: (f(float(t)), torch.tensor([slope(float(t))]))
            _, _, t, evaluations = _strong_wolfe(
                at, torch.zeros(1), first, torch.ones(1), f(0.0), g, g[0], c1=c1, c2=c2, tolerance_change=1e-6)
            yield from (float(t), evaluations)


with open(pathlib.Path(__file__).with_suffix(".txt"), "w") as out:
    for name, (f, slope) in FUNCTIONS.items():
        out.write(f"{name}: " + " ".join(f"{v:.17g}" for v in numbers(f, slope)) + "\n")
