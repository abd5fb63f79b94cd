"""Writes tests/references/attention.txt: attention and the layers of transformers.

Run with PyTorch 1.13 (Debian: python3-torch): /usr/bin/python3 attention.py.

Each line is `case shape quantity: numbers`. The first input is wave(shape, 0), the second one wave(_, 20), a third one
wave(_, 21); parameters in the order of their names are 0.4 wave(_, 1 + i). Gradients are those of sum(y wave(100)).
"""

import pathlib

import torch
from torch import nn

from torch_rows import wave

lines = []


def write(case, shape, quantity, t):
    numbers = " ".join(f"{v:.15g}" for v in t.detach().reshape(-1).tolist())
    lines.append(f"{case} {'x'.join(map(str, shape))} {quantity}: {numbers}\n")


def run(case, layer, inputs, call):
    layer = layer.double()
    for i, (_, p) in enumerate(sorted(layer.named_parameters())):
        p.data = 0.4 * wave(p.shape, 1 + i)
    x = [wave(shape, k).requires_grad_() for shape, k in zip(inputs, (0, 20, 21))]
    y = call(layer, *x)
    (y * wave(y.shape, 100)).sum().backward()
    write(case, inputs[0], "y", y)
    for i, t in enumerate(x):
        write(case, inputs[0], f"gx{i}", t.grad)
    for name, p in sorted(layer.named_parameters()):
        write(case, inputs[0], f"g {name}", p.grad)


def padding(n, s):
    """The last key is padding in the first sequence, the last two are in the others."""
    mask = torch.zeros(n, s, dtype=torch.bool)
    mask[:, -1] = True
    mask[1:, -2] = True
    return mask


def later(l, s):
    return torch.ones(l, s).triu(1).bool()


def no_dropout(**options):
    return options | dict(dropout=0, batch_first=True)


torch.set_default_dtype(torch.float64)
X = (2, 3, 4)
MEMORY = (2, 5, 4)

run("attention", nn.MultiheadAttention(4, 2, batch_first=True), [X], lambda m, x: m(x, x, x)[0])
run("attention masked", nn.MultiheadAttention(4, 2, bias=False, batch_first=True), [X, MEMORY],
    lambda m, q, k: m(q, k, k, key_padding_mask=padding(2, 5), attn_mask=later(3, 5))[0])
run("attention bias", nn.MultiheadAttention(4, 2, batch_first=True), [X, MEMORY, MEMORY],
    lambda m, q, k, v: m(q, k, v, attn_mask=wave((4, 3, 5), 30))[0])
run("attention widths", nn.MultiheadAttention(4, 2, kdim=3, vdim=5, batch_first=True), [X, (2, 5, 3), (2, 5, 5)],
    lambda m, q, k, v: m(q, k, v)[0])
run("encoder", nn.TransformerEncoderLayer(4, 2, 6, **no_dropout()), [X], lambda m, x: m(x))
run("encoder first", nn.TransformerEncoderLayer(4, 2, 6, activation="gelu", norm_first=True, layer_norm_eps=0.01,
                                                **no_dropout()), [X],
    lambda m, x: m(x, src_mask=later(3, 3), src_key_padding_mask=padding(2, 3)))
run("decoder", nn.TransformerDecoderLayer(4, 2, 6, **no_dropout()), [X, MEMORY],
    lambda m, x, y: m(x, y, tgt_mask=later(3, 3), memory_key_padding_mask=padding(2, 5)))
run("decoder first", nn.TransformerDecoderLayer(4, 2, 6, activation="gelu", norm_first=True, **no_dropout()),
    [X, MEMORY], lambda m, x, y: m(x, y))
run("encoders", nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, 6, norm_first=True, **no_dropout()), 2,
                                      nn.LayerNorm(4)), [X],
    lambda m, x: m(x, mask=later(3, 3), src_key_padding_mask=padding(2, 3)))
run("decoders", nn.TransformerDecoder(nn.TransformerDecoderLayer(4, 2, 6, **no_dropout()), 2), [X, MEMORY],
    lambda m, x, y: m(x, y, tgt_mask=later(3, 3), memory_key_padding_mask=padding(2, 5)))

(pathlib.Path(__file__).parent / "attention.txt").write_text("".join(lines))
