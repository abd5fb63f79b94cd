"""Writes tests/references/recurrent.txt. Run with PyTorch 1.13 (Debian: python3-torch): /usr/bin/python3 recurrent.py."""

import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from torch_rows import wave, write

UNITS = {"gru": (3, torch._VF.gru), "rnn tanh": (1, torch._VF.rnn_tanh), "rnn relu": (1, torch._VF.rnn_relu),
         "lstm": (4, torch._VF.lstm)}


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


def unit(name, lengths=None, reverse=False):
    """A sequence as one direction of PyTorch's: both biases, and the last states behind the outputs. For the other
    direction it computes both; the first one has weights of its own."""
    parts, function = UNITS[name]

    def f(x, h, *more):
        steps = x.shape[0]
        weights = list(more[-4:])
        if reverse:
            weights = [wave(w.shape, 50 + k) for k, w in enumerate(weights)] + weights
        states = [s[None].expand(1 + reverse, *s.shape).contiguous() for s in (h, *more[:-4])]
        state = states if parts == 4 else states[0]
        options = (weights, True, 1, 0.0, True, reverse)
        if lengths is None:
            y, *last = function(x, state, *options, False)
        else:
            packed = pack_padded_sequence(x, torch.tensor(lengths), enforce_sorted=False)
            order = packed.sorted_indices
            sorted_states = [s.index_select(1, order) for s in states]
            y, *last = function(packed.data, packed.batch_sizes, sorted_states if parts == 4 else sorted_states[0],
                                *options)
            y = pad_packed_sequence(type(packed)(y, packed.batch_sizes, order, packed.unsorted_indices),
                                    total_length=steps)[0]
            last = [s.index_select(1, packed.unsorted_indices) for s in last]
        d = h.shape[1]
        return torch.cat([y[..., -d:]] + [s[-1:] for s in last])

    return f


def unit_inputs(name, x_shape, d):
    n, m = x_shape[-2:]
    wide = UNITS[name][0] * d
    states = [(n, d)] * (2 if name == "lstm" else 1)
    return [wave(s, k) for k, s in enumerate([x_shape, *states, (wide, m), (wide, d), (wide,), (wide,)])]


CELLS = {"gru": torch._VF.gru_cell, "rnn tanh": torch._VF.rnn_tanh_cell, "rnn relu": torch._VF.rnn_relu_cell}


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
for name in UNITS:
    for steps, n, m, d in [(1, 2, 3, 2), (4, 3, 2, 2)] + [(3, 1, 1, 9)] * (name == "gru"):
        title = f"{name} {steps} {n} {m} {d}"
        x = (steps, n, m)
        rows.append((f"{title} two biases", unit_inputs(name, x, d), unit(name)))
        if steps > 1 and n > 1:
            rows.append((f"{title} reverse", unit_inputs(name, x, d), unit(name, reverse=True)))
            rows.append((f"{title} lengths", unit_inputs(name, x, d), unit(name, [2, 4, 1])))
            rows.append((f"{title} lengths reverse", unit_inputs(name, x, d), unit(name, [3, 1, 2], True)))
    if name != "lstm":
        cell_of = f"{name.split()[0]}_cell" + name[3:]
        rows.append((f"{cell_of} 2 3 4", unit_inputs(name, (2, 3), 4), CELLS[name]))
write(__file__, rows)
