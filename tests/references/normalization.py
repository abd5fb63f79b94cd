"""Writes tests/references/normalization.txt. Run with PyTorch 1.13 (Debian: python3-torch): python3 normalization.py."""

import torch
import torch.nn.functional as F

from torch_rows import unit, wave, write

EPS = 0.01


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
for shape in [(5, 6), (2, 6, 5), (2, 6, 3, 3), (4, 18)]:
    name = "x".join(map(str, shape))
    c = shape[1]
    x, w, b = wave(shape, 0), wave((c,), 1), wave((c,), 2)
    m, v = wave((c,), 3), unit((c,), 4)
    batch = lambda x, w, b: F.batch_norm(x, None, None, w, b, True, 0.1, EPS)
    rows.append((f"batch_norm {name}", [x, w, b], batch))
    rows.append((f"batch_norm {name} weight", [x, w], lambda x, w, f=batch: f(x, w, None)))
    rows.append((f"batch_norm {name} bias", [x, b], lambda x, b, f=batch: f(x, None, b)))
    rows.append((f"batch_norm {name} plain", [x], lambda x, f=batch: f(x, None, None)))
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
        group = lambda x, w, b, g=groups: F.group_norm(x, g, w, b, EPS)
        rows.append((f"group_norm {name} {groups}", [x, w, b], group))
        rows.append((f"group_norm {name} {groups} plain", [x], lambda x, f=group: f(x, None, None)))
for shape, last in [((5, 6), 1), ((3, 2, 5), 1), ((3, 2, 5), 2), ((4, 35), 1)]:
    name = "x".join(map(str, shape)) + f" last {last}"
    normalized = shape[-last:]
    x, w, b = wave(shape, 0), wave(normalized, 1), wave(normalized, 2)
    layer = lambda x, w, b, s=normalized: F.layer_norm(x, s, w, b, EPS)
    rows.append((f"layer_norm {name}", [x, w, b], layer))
    rows.append((f"layer_norm {name} plain", [x], lambda x, f=layer: f(x, None, None)))
    if last == 1:
        rows.append((f"rms_norm {name}", [x, w], rms_norm))
        rows.append((f"rms_norm {name} plain", [x], rms_norm))
rows.append(("running statistics", [wave((5, 6), 0)], running))
write(__file__, rows)
