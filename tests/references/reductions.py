"""Writes tests/references/reductions.txt. Run with PyTorch 1.13 (Debian: python3-torch): /usr/bin/python3 reductions.py."""

import math

import torch

from torch_rows import holes, wave, write

AXES = {"all": (0, 1, 2), "0": (0,), "1": (1,), "-1": (-1,), "0 2": (0, 2), "0 1": (0, 1)}


def prod(x, dims, keepdim):
    for d in sorted((d % x.dim() for d in dims), reverse=True):
        x = torch.prod(x, d, keepdim)
    return x


def norm(p):
    return lambda x, dims, keep: torch.linalg.vector_norm(x, p, dims, keep)


FUNCTIONS = {
    "sum": lambda x, dims, keep: (x * x).sum(dims, keep),
    "mean": lambda x, dims, keep: (x * x).mean(dims, keep),
    "prod": prod,
    "var": lambda x, dims, keep: x.var(dims, True, keep),
    "biased var": lambda x, dims, keep: x.var(dims, False, keep),
    "stddev": lambda x, dims, keep: x.std(dims, True, keep),
    "norm": norm(2),
    "norm 1": norm(1),
    "norm 3": norm(3),
    "norm 1.5": norm(1.5),
    "norm inf": norm(math.inf),
    "logsumexp": torch.logsumexp,
    "max": torch.amax,
    "min": torch.amin,
}

rows = []
for name, f in FUNCTIONS.items():
    for axes, dims in AXES.items():
        keep = axes in ("1", "0 2")
        rows.append((f"{name} {axes}", [wave((2, 3, 4), 0)], lambda x, f=f, d=dims, k=keep: f(x, d, k)))
for axes, dims in AXES.items():
    rows.append((f"prod of zeros {axes}", [holes((2, 3, 4), 0)], lambda x, d=dims: prod(x, d, False)))
for axis in (0, 1, 2):
    rows.append((f"cumsum {axis}", [wave((2, 3, 4), 0)], lambda x, a=axis: torch.cumsum(x * x, a)))
    rows.append((f"cumprod {axis}", [wave((2, 3, 4), 0)], lambda x, a=axis: torch.cumprod(x * x, a)))
    rows.append((f"cumprod of zeros {axis}", [holes((2, 3, 4), 0)], lambda x, a=axis: torch.cumprod(x, a)))
write(__file__, rows)
