"""Writes tests/references/normalization.txt. Run with PyTorch 1.13 (Debian: python3-torch): /usr/bin/python3 normalization.py."""

import torch
import torch.nn.functional as F

from torch_rows import unit, wave, write

EPS = 0.01


def affine(f, shape):
    """f with 1 for no weight and 0 for no bias, without which PyTorch 1.13 fails in the second derivative."""
    return lambda x, w=None, b=None: f(
        x, torch.ones(shape) if w is None else w, torch.zeros(shape) if b is None else b
    )


def rms_norm(x, w=None):
    """PyTorch 1.13 has none."""
    y = x / torch.sqrt((x * x).mean(-1, keepdim=True) + EPS)
    return y if w is None else y * w


def running(x):
    """Running mean and variance after three batches."""
    layer = torch.nn.BatchNorm1d(x.shape[1], momentum=0.3)
    for k in range(3):
        layer(x.detach() * (k + 1) + k)
    return torch.cat([layer.running_mean, layer.running_var])


rows = []
for shape in [(5, 4), (2, 4, 3), (2, 4, 2, 3), (3, 18)]:
    name = "x".join(map(str, shape))
    c = shape[1]
    x, w, b = wave(shape, 0), wave((c,), 1), wave((c,), 2)
    m, v = wave((c,), 3), unit((c,), 4)
    batch = affine(lambda x, w, b: F.batch_norm(x, None, None, w, b, True, 0.1, EPS), (c,))
    rows.append((f"batch_norm {name}", [x, w, b], batch))
    rows.append((f"batch_norm {name} weight", [x, w], batch))
    rows.append((f"batch_norm {name} bias", [x, b], lambda x, b, f=batch: f(x, None, b)))
    rows.append((f"batch_norm {name} plain", [x], batch))
    per_channel = (c,) + (1,) * (len(shape) - 2)
    rows.append(
        (
            f"batch_norm_inference {name}",
            [x, m, v, w, b],
            lambda x, m, v, w, b, s=per_channel: (x - m.reshape(s)) / torch.sqrt(v.reshape(s) + EPS) * w.reshape(s)
            + b.reshape(s),
        )
    )
    for groups in (1, 2, c):
        if groups == c and len(shape) == 2:
            continue  # groups of one number
        group = affine(lambda x, w, b, g=groups: F.group_norm(x, g, w, b, EPS), (c,))
        rows.append((f"group_norm {name} {groups}", [x, w, b], group))
        rows.append((f"group_norm {name} {groups} plain", [x], group))
for shape, last in [((5, 6), 1), ((2, 3, 4), 1), ((2, 3, 4), 2), ((2, 35), 1)]:
    name = "x".join(map(str, shape)) + f" last {last}"
    normalized = shape[-last:]
    x, w, b = wave(shape, 0), wave(normalized, 1), wave(normalized, 2)
    layer = affine(lambda x, w, b, s=normalized: F.layer_norm(x, s, w, b, EPS), normalized)
    rows.append((f"layer_norm {name}", [x, w, b], layer))
    rows.append((f"layer_norm {name} plain", [x], layer))
    if last == 1:
        rows.append((f"rms_norm {name}", [x, w], rms_norm))
        rows.append((f"rms_norm {name} plain", [x], rms_norm))
rows.append(("running statistics", [wave((5, 6), 0)], running))
write(__file__, rows)
