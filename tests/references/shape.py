"""Writes tests/references/shape.txt. Run with PyTorch 1.13 (Debian: python3-torch): /usr/bin/python3 shape.py.

Every result is cubed, so that its derivatives depend on the elements.
"""

import torch

from torch_rows import wave, write

X, Y, V = wave((2, 3, 4), 0), wave((2, 3, 4), 1), wave((7,), 2)
ROWS = torch.tensor([2, 0, 2, 1])
TABLE = torch.tensor([[0, 2], [1, 1], [2, 0]])
ALONG = torch.tensor([[[0, 1, 1, 0], [2, 2, 0, 0]], [[2, 2, 0, 1], [2, 1, 0, 1]]])

CASES = {
    "reshape": ([X], lambda x: x.reshape(4, -1)),
    "flatten": ([X], lambda x: x.flatten()),
    "flatten middle": ([X], lambda x: x.flatten(0, -2)),
    "squeeze": ([X], lambda x: x[:, :1, :1].squeeze()),
    "squeeze axis": ([X], lambda x: x[:, :1, :1].squeeze(1)),
    "unsqueeze": ([X], lambda x: x.unsqueeze(-1)),
    "permute": ([X], lambda x: x.permute(2, 0, 1)),
    "permute reversed": ([X], lambda x: x.permute(-1, -2, -3)),
    "transpose": ([X], lambda x: x.transpose(-2, -1)),
    "transpose outer": ([X], lambda x: x.transpose(0, 2)),
    "broadcast_to": ([X], lambda x: x[:, :1].broadcast_to(3, 2, 3, 4)),
    "flip": ([X], lambda x: x.flip(0, 1, 2)),
    "flip axes": ([X], lambda x: x.flip(0, 2)),
    "repeat": ([X], lambda x: x.repeat(2, 1, 3)),
    "repeat in front": ([V], lambda v: v.repeat(3, 2)),
    "slice": ([X], lambda x: x[:, 1:3]),
    "slice step": ([X], lambda x: x[:, :, ::3]),
    "slice backwards": ([X], lambda x: x[:, [2, 1, 0]]),
    "slice backwards step": ([V], lambda v: v[[5, 3, 1]]),
    "slice negative": ([V], lambda v: v[-5:-1]),
    "slice outside": ([V], lambda v: v[-100:100:4]),
    "slice many": ([X], lambda x: x[1:, ::2, [3, 2, 1]]),
    "slices of one": ([V], lambda v: v[:4] * v[2:6] * v[3:]),
    "select": ([X], lambda x: x[:, 1]),
    "select negative": ([X], lambda x: x[..., -1]),
    "split": ([X], lambda x: torch.chunk(x, 2, 2)[1]),
    "split sizes": ([X], lambda x: torch.split(x, [1, 2], 1)[1]),
    "concat": ([X, Y], lambda x, y: torch.cat([x, y, x], 1)),
    "concat negative": ([X, Y], lambda x, y: torch.cat([x, y[..., :1]], -1)),
    "stack": ([X, Y], lambda x, y: torch.stack([x, y])),
    "stack last": ([X, Y], lambda x, y: torch.stack([x, y, x], -1)),
    "pad": ([X], lambda x: torch.nn.functional.pad(x, (2, 1, 0, 0, 1, 0))),
    "pad value": ([V], lambda v: torch.nn.functional.pad(v, (2, 3), value=0.75)),
    "index_select": ([X], lambda x: x.index_select(1, ROWS)),
    "index_select table": ([X], lambda x: x[:, TABLE]),
    "index_add": ([X, Y], lambda x, y: x.index_add(1, ROWS, y.index_select(1, ROWS))),
    "gather": ([X], lambda x: x.gather(1, ALONG)),
    "scatter_add": ([X, Y], lambda x, y: x.scatter_add(1, ALONG, y[:, :2])),
}

write(__file__, [(name, inputs, lambda *x, f=f: f(*x) ** 3) for name, (inputs, f) in CASES.items()])
