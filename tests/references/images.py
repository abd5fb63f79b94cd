"""Writes tests/references/images.txt. Run with PyTorch 1.13 (Debian: python3-torch): /usr/bin/python3 images.py."""

import torch.nn.functional as F

from torch_rows import wave, write

rows = []


def row(name, shape, f):
    rows.append((f"{name} {'x'.join(map(str, shape))}", [wave(shape, 0)], f))


BATCHES = [(2, 2, 9), (1, 2, 5, 6), (1, 1, 7, 8), (1, 2, 4, 5, 3)]
SAMPLES = [(2, 9), (2, 5, 6), (2, 4, 5, 3)]
for shape in BATCHES + SAMPLES:
    axes = len(shape) - (2 if shape in BATCHES else 1)
    max_pool = getattr(F, f"max_pool{axes}d")
    avg_pool = getattr(F, f"avg_pool{axes}d")
    row("max_pool", shape, lambda x, f=max_pool: f(x, 2))
    row("max_pool 3 2 1 ceil", shape, lambda x, f=max_pool: f(x, 3, 2, 1, 1, True))
    row("max_pool 2 1 0 dilation", shape, lambda x, f=max_pool: f(x, 2, 1, 0, 2))
    row("avg_pool", shape, lambda x, f=avg_pool: f(x, 2))
    row("avg_pool 3 2 1 ceil", shape, lambda x, f=avg_pool: f(x, 3, 2, 1, True))
    row("avg_pool 3 2 1 ceil inside", shape, lambda x, f=avg_pool: f(x, 3, 2, 1, True, False))
    if axes == 2:
        row("avg_pool divisor", shape, lambda x, f=avg_pool: f(x, (2, 3), (1, 2), 1, divisor_override=5))
    if axes == 3:
        row("avg_pool divisor", shape, lambda x, f=avg_pool: f(x, (2, 3, 1), (1, 2, 1), (1, 1, 0), divisor_override=5))
    for size in (1, 3, 10) if axes < 3 else (1, 3):
        for kind in ("avg", "max"):
            f = getattr(F, f"adaptive_{kind}_pool{axes}d")
            row(f"adaptive_{kind}_pool {size}", shape, lambda x, f=f, s=size: f(x, s))
    if shape in SAMPLES:
        continue
    linear = {1: "linear", 2: "bilinear", 3: "trilinear"}[axes]
    row("nearest 2.5", shape, lambda x: F.interpolate(x, scale_factor=2.5, recompute_scale_factor=False))
    row("nearest size 4", shape, lambda x: F.interpolate(x, size=(4,) * (x.dim() - 2)))
    row("linear 1.7", shape, lambda x, m=linear: F.interpolate(x, scale_factor=1.7, mode=m, align_corners=False))
    row("linear size 4", shape, lambda x, m=linear: F.interpolate(x, (4,) * (x.dim() - 2), mode=m, align_corners=False))
    row("linear corners", shape, lambda x, m=linear: F.interpolate(x, (11,) * (x.dim() - 2), mode=m, align_corners=True))
row("pixel_shuffle", (2, 9, 2, 3), lambda x: F.pixel_shuffle(x, 3))
row("pixel_unshuffle", (1, 2, 4, 6), lambda x: F.pixel_unshuffle(x, 2))
row("unfold", (2, 2, 5, 6), lambda x: F.unfold(x, (3, 2), dilation=(1, 2), padding=(1, 0), stride=(2, 1)))
row("fold", (2, 8, 12), lambda x: F.fold(x, (5, 7), 2, dilation=2, padding=1, stride=2))

write(__file__, rows)
