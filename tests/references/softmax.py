"""Writes tests/references/softmax.txt. Run with PyTorch 1.13 (Debian: python3-torch): /usr/bin/python3 softmax.py."""

import torch

from torch_rows import wave, write

rows = []
for name, f in {"softmax": torch.softmax, "log_softmax": torch.log_softmax}.items():
    for shape in [(5,), (3, 4), (2, 3, 4), (2, 19), (19, 2), (3, 1)]:
        for axis in range(len(shape)):
            title = f"{name} {'x'.join(map(str, shape))} axis {axis}"
            rows.append((title, [wave(shape, 0)], lambda x, f=f, a=axis: f(x, a)))
    rows.append((f"{name} of large numbers", [wave((3, 4), 0)], lambda x, f=f: f(1000 * x, 1)))
write(__file__, rows)
