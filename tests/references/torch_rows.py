"""What the scripts of this folder that ask PyTorch have in common: inputs, rows, and the files they write.

A row is a name, inputs, and a function of them. The file has, for each row, the value y, the gradients of
sum(y wave(100)), and the gradients of the sum of those gradients times wave(200 + input), in row-major order:

    name y: numbers
    name gradient 0: numbers
    name second 0: numbers

The tests make the same inputs from the same formulas (tests/ops/reference_rows.hpp).
"""

import pathlib

import torch

torch.set_default_dtype(torch.float64)


def wave(shape, k):
    """Numbers in [-1.5, 1.5], no two alike."""
    n = int(torch.tensor(shape).prod()) if len(shape) else 1
    i = torch.arange(n, dtype=torch.float64)
    return (1.5 * torch.sin(1 + 2.3 * i + 5.1 * k)).reshape(shape)


def unit(shape, k):
    """Numbers in [0.1, 0.9]."""
    return 0.5 + 0.4 * wave(shape, k) / 1.5


def holes(shape, k):
    """wave, with 0 at every fourth place."""
    x = wave(shape, k)
    x.view(-1)[1::4] = 0
    return x


def labels(shape, classes):
    n = 1
    for s in shape:
        n *= s
    return ((7 * torch.arange(n) + 3) % classes).reshape(shape)


def numbers(t):
    return " ".join(repr(v) for v in (torch.zeros(t.shape) + t.detach()).reshape(-1).tolist())


def gradients(y, inputs, create_graph):
    g = torch.autograd.grad(y, inputs, create_graph=create_graph, allow_unused=True)
    return [torch.zeros_like(x) if d is None else d for x, d in zip(inputs, g)]


def lines(name, inputs, function):
    x = [v.clone().requires_grad_() for v in inputs]
    y = function(*x)
    yield f"{name} y: {numbers(y)}"
    if not y.requires_grad:
        return
    g = gradients((y * wave(y.shape, 100)).sum(), x, True)
    for i, d in enumerate(g):
        yield f"{name} gradient {i}: {numbers(d)}"
    s = sum((d * wave(d.shape, 200 + i)).sum() for i, d in enumerate(g))
    h = gradients(s, x, False) if s.requires_grad else [torch.zeros_like(v) for v in x]
    for i, d in enumerate(h):
        yield f"{name} second {i}: {numbers(d)}"


def write(file, rows):
    """rows: (name, inputs, function). Writes next to the script `file`, with the ending .txt."""
    names = [row[0] for row in rows]
    assert len(set(names)) == len(names), "a name is given twice"
    text = "".join(line + "\n" for row in rows for line in lines(*row))
    pathlib.Path(file).with_suffix(".txt").write_text(text)
