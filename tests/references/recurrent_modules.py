"""Writes tests/references/recurrent_modules.txt: recurrent networks in layers, and their cells.

Run with PyTorch 1.13 (Debian: python3-torch): /usr/bin/python3 recurrent_modules.py.

Each line is `case shape quantity: numbers`. The first input is wave(shape, 0), states are 0.5 wave(_, 20) and 0.5 wave(_,
21); parameters in the order of their names are 0.4 wave(_, 1 + i). y is all outputs and behind them the last states, in
row-major order. Gradients are those of sum(y wave(100)).
"""

import pathlib

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from torch_rows import wave

lines = []


def write(case, shape, quantity, t):
    numbers = " ".join(f"{v:.15g}" for v in t.detach().reshape(-1).tolist())
    lines.append(f"{case} {'x'.join(map(str, shape))} {quantity}: {numbers}\n")


def flat(*tensors):
    return torch.cat([t.reshape(-1) for t in tensors])


def run(case, net, shapes, call):
    for i, (_, p) in enumerate(sorted(net.named_parameters())):
        p.data = 0.4 * wave(p.shape, 1 + i)
    x = [((0.5 if k else 1) * wave(shape, k)).requires_grad_() for shape, k in zip(shapes, (0, 20, 21))]
    y = call(net, *x)
    (y * wave(y.shape, 100)).sum().backward()
    write(case, shapes[0], "y", y)
    for i, t in enumerate(x):
        write(case, shapes[0], f"gx{i}", t.grad)
    for name, p in sorted(net.named_parameters()):
        write(case, shapes[0], f"g {name}", p.grad)


def from_zero(net, x):
    y, last = net(x)
    return flat(y, *last) if isinstance(last, tuple) else flat(y, last)


def from_state(net, x, *state):
    y, last = net(x, state if len(state) > 1 else state[0])
    return flat(y, *last) if isinstance(last, tuple) else flat(y, last)


def with_lengths(lengths):
    def call(net, x, *state):
        packed = pack_padded_sequence(x, torch.tensor(lengths), net.batch_first, enforce_sorted=False)
        y, last = net(packed, state if len(state) > 1 else state[0])
        y = pad_packed_sequence(y, net.batch_first, total_length=x.shape[1 if net.batch_first else 0])[0]
        return flat(y, *last) if isinstance(last, tuple) else flat(y, last)

    return call


torch.set_default_dtype(torch.float64)
X = (4, 3, 2)
BOTH = dict(num_layers=2, bidirectional=True)
STATE = (4, 3, 2)

run("rnn", nn.RNN(2, 2, 2, nonlinearity="relu", bias=False), [X], from_zero)
run("gru", nn.GRU(2, 2, **BOTH), [X], from_zero)
run("lstm", nn.LSTM(2, 2), [X], from_zero)
run("rnn lengths", nn.RNN(2, 2, **BOTH), [X, STATE], with_lengths([2, 4, 1]))
run("gru lengths", nn.GRU(2, 2, batch_first=True, **BOTH), [(3, 4, 2), STATE], with_lengths([3, 1, 2]))
run("lstm lengths", nn.LSTM(2, 2, **BOTH), [X, STATE, STATE], with_lengths([2, 4, 1]))
run("lstm one", nn.LSTM(2, 2, **BOTH), [(4, 2), (4, 2), (4, 2)], from_state)
run("rnn cell", nn.RNNCell(2, 3, nonlinearity="relu"), [(3, 2), (3, 3)], lambda net, x, h: flat(net(x, h)))
run("gru cell", nn.GRUCell(2, 3), [(3, 2), (3, 3)], lambda net, x, h: flat(net(x, h)))
run("gru cell one", nn.GRUCell(2, 3, bias=False), [(2,)], lambda net, x: flat(net(x)))
run("lstm cell", nn.LSTMCell(2, 3), [(3, 2), (3, 3), (3, 3)], lambda net, x, h, c: flat(*net(x, (h, c))))

(pathlib.Path(__file__).parent / "recurrent_modules.txt").write_text("".join(lines))
