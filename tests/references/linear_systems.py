"""Writes tests/references/linear_systems.txt. Run with PyTorch 1.13 (Debian: python3-torch): python3 linear_systems.py.

Matrices of 17 x 17 go to LAPACK, those of 4 x 4 to the kernels for small ones. Definite matrices are made of free ones, so
that a derivative along any direction is one along symmetric directions.
"""

import torch

from torch_rows import wave, write

L = torch.linalg


def definite(x):
    return x @ x.transpose(-1, -2) / x.shape[-1] + torch.eye(x.shape[-1])


def regular(x):
    return x + 4 * x.shape[-1] ** 0.5 * torch.eye(x.shape[-1])


CASES = {}
for name, shape in {"small": (3, 4, 4), "large": (1, 17, 17)}.items():
    A, B, V = wave(shape, 0), wave((*shape[:-1], 3), 1), wave((*shape[:-1], 1), 2)
    CASES |= {
        f"cholesky {name}": ([A], lambda a: L.cholesky(definite(a))),
        f"logdet {name}": ([A], lambda a: torch.logdet(definite(a))),
        f"solve {name}": ([A, B], lambda a, b: L.solve(regular(a), b)),
        f"inverse {name}": ([A], lambda a: L.inv(regular(a))),
    }
    if name == "large":
        continue
    CASES |= {
        f"cholesky upper {name}": ([A], lambda a: L.cholesky(definite(a), upper=True)),
        f"cholesky_solve {name}": ([A, B], lambda a, b: torch.cholesky_solve(b, regular(a).tril())),
        f"triangular_solve {name}": ([A, B], lambda a, b: L.solve_triangular(regular(a), b, upper=False)),
        f"triangular_solve right {name}": (
            [A, B], lambda a, b: L.solve_triangular(regular(a).mT, b.mT, upper=True, left=False)),
        f"solve vectors {name}": ([A, V], lambda a, b: L.solve(regular(a), b)),
        f"solve definite {name}": ([A, B], lambda a, b: L.solve(definite(a), b)),
        f"det {name}": ([A], lambda a: L.det(regular(a) / 4 / a.shape[-1] ** 0.5)),
        f"slogdet {name}": ([A], lambda a: L.slogdet(regular(a))[1]),
    }

write(__file__, [(name, inputs, function) for name, (inputs, function) in CASES.items()])
