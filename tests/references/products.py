"""Writes tests/references/products.txt. Run with PyTorch 1.13 and SciPy (Debian: python3-torch, python3-scipy):
python3 products.py.

The gradient of the trace is asked of einsum: torch.trace of a tall matrix has a stray 1 in it. Distances and their
derivatives are written in torch's elementary operations, whose cdist can be differentiated once; its values are compared
with SciPy's here.
"""

import numpy
import scipy.spatial.distance
import torch

from torch_rows import wave, write

A, B, V, W = wave((2, 3), 0), wave((3, 4), 1), wave((3,), 2), wave((3,), 3)
S, T = wave((2, 3, 3), 4), wave((2, 3, 3), 5)
TALL, WIDE = wave((5, 3), 6), wave((3, 5), 7)
P, Q = wave((2, 4, 3), 8), wave((2, 5, 3), 9)
FULL = S + 3 * torch.eye(3)
LONG_P, LONG_Q = wave((4, 20), 10), wave((3, 20), 11)
FOUR = [wave(s, 12 + i) for i, s in enumerate([(2, 3), (3, 4), (4, 2), (2, 3)])]


def distances(squared):
    def f(a, b):
        d = ((a[..., :, None, :] - b[..., None, :, :]) ** 2).sum(-1)
        d = d if squared else d.sqrt()
        for x, y, z in zip(a.detach().reshape(-1, *a.shape[-2:]), b.detach().reshape(-1, *b.shape[-2:]),
                           d.detach().reshape(-1, *d.shape[-2:])):
            scipy_distances = scipy.spatial.distance.cdist(x, y, "sqeuclidean" if squared else "euclidean")
            assert numpy.allclose(scipy_distances, z, rtol=1e-14, atol=0)
        return d

    return f


def minkowski(p):
    def f(a, b):
        d = (a[..., :, None, :] - b[..., None, :, :]).abs()
        y = d.amax(-1) if p == numpy.inf else (d ** p).sum(-1) ** (1 / p)
        for u, v, z in zip(a.detach(), b.detach(), y.detach()):
            metric = {"metric": "chebyshev"} if p == numpy.inf else {"metric": "minkowski", "p": p}
            assert numpy.allclose(scipy.spatial.distance.cdist(u, v, **metric), z, rtol=1e-14, atol=0)
        return y

    return f


def einsum(text):
    def f(*x):
        y = torch.einsum(text, *x)
        try:
            assert numpy.allclose(numpy.einsum(text.replace(" ", ""), *[t.detach().numpy() for t in x]), y.detach())
        except ValueError as error:  # what PyTorch allows and NumPy does not
            assert "..." in text, error
        return y

    return f


STRINGS = {
    "ij,jk": [A, B],
    "ij,jk->ki": [A, B],
    "bij,bjk->bik": [S, T],
    "bij,bkj->bki": [S, T],
    "bij,bij->b": [S, T],
    "ijk,ikj->": [S, T],
    "bii->b": [S],
    "bii->bi": [S],
    "bij->jb": [S],
    "i,j->ij": [V, W],
    "i,j,k->kij": [V, W, wave((2,), 20)],
    "...ij,jk->...ik": [S, wave((3, 2), 21)],
    "...i,...i": [S, wave((3, 3), 30)],
    "...ij->...": [S],
    "...ij->ij": [S],
    " i j , j k -> i k ": [A, B],
    "ij,jk,kl,lm->im": FOUR,
    "ni,ij,nj->n": [A, wave((3, 4), 22), wave((2, 4), 23)],
    "ij,ij->ij": [A, wave((1, 3), 24)],
    "abc,ia,jb,kc->ijk": [S, wave((2, 2), 25), wave((2, 3), 26), wave((2, 3), 27)],
    "aab,bcc->ac": [wave((2, 2, 3), 28), wave((3, 2, 2), 29)],
    "ba": [A],
    "bBa->aB": [S],
}

CASES = {
    "diagonal": ([S], lambda x: torch.diagonal(x, 0, -2, -1)),
    "diagonal above": ([WIDE], lambda x: torch.diagonal(x, 3)),
    "diagonal below": ([TALL], lambda x: torch.diagonal(x, -1)),
    "diagonal outside": ([TALL], lambda x: torch.diagonal(x, 7)),
    "diagonal of other axes": ([S], lambda x: torch.diagonal(x, 1, 0, 2)),
    "diag_embed": ([A], lambda x: torch.diag_embed(x, -2)),
    "diag of a vector": ([V], lambda x: torch.diag(x, 1)),
    "diag of a matrix": ([B], lambda x: torch.diag(x, 1)),
    "trace": ([S], lambda x: torch.einsum("bii->b", x)),
    "trace of tall": ([TALL], lambda x: x.diagonal().sum()),
    "trace of wide": ([WIDE], lambda x: x.diagonal().sum()),
    "trace above": ([WIDE], lambda x: x.diagonal(2).sum()),
    "tril": ([S], lambda x: torch.tril(x)),
    "tril above": ([TALL], lambda x: torch.tril(x, 1)),
    "tril far below": ([TALL], lambda x: torch.tril(x, -9)),
    "triu": ([S], lambda x: torch.triu(x)),
    "triu below": ([WIDE], lambda x: torch.triu(x, -2)),
    "triu far below": ([WIDE], lambda x: torch.triu(x, -9)),
    "kron": ([A, B], torch.kron),
    "kron of vectors": ([V, W], torch.kron),
    "kron of a vector and a matrix": ([V, A], torch.kron),
    "kron of batches": ([S, A], lambda x, y: torch.stack([torch.kron(x[0], y), torch.kron(x[1], y)])),
    "cross": ([A, V], lambda x, y: torch.linalg.cross(x, y.expand(2, 3))),
    "cross along an axis": ([TALL.T, WIDE], lambda x, y: torch.cross(x, y, 0)),
    "matrix_power 1": ([FULL], lambda x: torch.linalg.matrix_power(x, 1)),
    "matrix_power 4": ([FULL], lambda x: torch.linalg.matrix_power(x, 4)),
    "matrix_power 5": ([FULL], lambda x: torch.linalg.matrix_power(x, 5)),
    "matrix_power 8": ([FULL], lambda x: x @ x @ x @ x @ x @ x @ x @ x),
    "matrix_power -1": ([FULL], lambda x: torch.linalg.matrix_power(x, -1)),
    "matrix_power -2": ([FULL], lambda x: torch.linalg.matrix_power(x, -2)),
    "cdist": ([P, Q], distances(False)),
    "cdist squared": ([P, Q], distances(True)),
    "cdist p 1": ([P, Q], minkowski(1)),
    "cdist p 3": ([P, Q], minkowski(3)),
    "cdist p 1.5": ([P, Q], minkowski(1.5)),
    "cdist p inf": ([P, Q], minkowski(numpy.inf)),
    "cdist of long rows": ([LONG_P, LONG_Q], distances(False)),
    "cdist squared of long rows": ([LONG_P, LONG_Q], distances(True)),
    "tensordot": ([S, T], lambda x, y: torch.tensordot(x, y.permute(1, 2, 0), 2)),
    "tensordot along axes": ([S, T], lambda x, y: torch.tensordot(x, y, ([0, 2], [0, 1]))),
    "tensordot of nothing": ([A, V], lambda x, y: torch.tensordot(x, y, 0)),
}

write(
    __file__,
    [(name, inputs, lambda *x, f=f: f(*x) ** 3) for name, (inputs, f) in CASES.items()]
    + [("einsum " + text.replace(",", ";"), inputs, einsum(text)) for text, inputs in STRINGS.items()],
)
