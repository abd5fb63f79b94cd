"""Writes tests/references/recurrent.txt. Run with PyTorch 1.13 (Debian: python3-torch): /usr/bin/python3 recurrent.py."""

import torch

from torch_rows import wave, write


def cell(output):
    """PyTorch adds two biases; the second is 0."""

    def f(x, h, c, wx, wh, b=None):
        b = torch.zeros(wx.shape[0]) if b is None else b
        h1, c1 = torch._VF.lstm_cell(x, (h, c), wx, wh, b, torch.zeros_like(b))
        return {"h": h1, "c": c1, "both": torch.cat([h1, c1], 1)}[output]

    return f


def sequence(output):
    def f(x, h, c, wx, wh, b=None):
        b = torch.zeros(wx.shape[0]) if b is None else b
        weights = [wx, wh, b, torch.zeros_like(b)]
        hs, h1, c1 = torch.lstm(x, (h[None], c[None]), weights, True, 1, 0.0, True, False, False)
        return {"h": hs, "last h": h1[0], "last c": c1[0], "all": torch.cat([hs, h1, c1])}[output]

    return f


def inputs(x_shape, d, bias=True):
    n, m = x_shape[-2:]
    shapes = [x_shape, (n, d), (n, d), (4 * d, m), (4 * d, d)] + [(4 * d,)] * bias
    return [wave(s, k) for k, s in enumerate(shapes)]


rows = []
for n, m, d in [(2, 3, 4), (1, 1, 1), (2, 2, 9)]:
    title = f"lstm_cell {n} {m} {d}"
    rows.append((title, inputs((n, m), d), cell("both")))
    rows.append((f"{title} h", inputs((n, m), d), cell("h")))
    rows.append((f"{title} c without bias", inputs((n, m), d, False), cell("c")))
for steps, n, m, d in [(1, 2, 3, 2), (3, 2, 3, 2), (4, 1, 1, 9)]:
    title = f"lstm {steps} {n} {m} {d}"
    x = (steps, n, m)
    rows.append((title, inputs(x, d), sequence("all")))
    rows.append((f"{title} h without bias", inputs(x, d, False), sequence("h")))
    rows.append((f"{title} last h", inputs(x, d), sequence("last h")))
    rows.append((f"{title} last c", inputs(x, d), sequence("last c")))
write(__file__, rows)
