"""Writes tests/references/convolution.txt. Run with PyTorch 1.13 (Debian: python3-torch): /usr/bin/python3 convolution.py."""

import torch.nn.functional as F

from torch_rows import wave, write

rows = []


def conv(name, x, w, bias=True, mode="constant", **options):
    axes = len(w) - 2
    f = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}[axes]
    margin = options.pop("padding", 0) if mode != "constant" else None

    def call(x, w, b=None):
        if margin is not None:
            x = F.pad(x, [m for s in reversed(margin) for m in (s, s)], mode)
        return f(x, w, b, **options)

    inputs = [wave(x, 0), wave(w, 1)] + ([wave((w[0],), 2)] if bias else [])
    rows.append((f"conv{axes}d {name}", inputs, call))


def transpose(name, x, w, bias=True, **options):
    axes = len(w) - 2
    f = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}[axes]
    out = w[1] * options.get("groups", 1)
    inputs = [wave(x, 0), wave(w, 1)] + ([wave((out,), 2)] if bias else [])
    rows.append((f"conv_transpose{axes}d {name}", inputs, lambda x, w, b=None: f(x, w, b, **options)))


conv("plain", (2, 3, 7), (4, 3, 3))
conv("options", (2, 4, 9), (6, 2, 3), stride=2, padding=2, dilation=2, groups=2)
conv("same", (1, 2, 6), (3, 2, 4), padding="same")
conv("plain", (2, 3, 5, 6), (4, 3, 3, 2))
conv("without bias", (2, 1, 4, 4), (2, 1, 3, 3), bias=False, padding=1)
conv("stride", (2, 3, 7, 6), (4, 3, 3, 3), stride=2, padding=1)
conv("stride larger than the kernel", (2, 2, 7, 8), (3, 2, 2, 1), stride=(3, 2))
conv("sizes apart", (1, 2, 7, 9), (3, 2, 2, 3), stride=(2, 3), padding=(1, 2), dilation=(3, 1))
conv("stride 3", (1, 2, 8, 11), (2, 2, 3, 5), stride=3, padding=(2, 1))
conv("groups", (2, 6, 4, 5), (4, 3, 3, 3), groups=2, padding=1)
conv("depthwise", (2, 5, 6, 7), (5, 1, 3, 3), groups=5, padding=1)
conv("depthwise, stride", (2, 3, 7, 9), (3, 1, 3, 3), groups=3, padding=1, stride=2)
conv("depthwise, two each", (1, 3, 5, 5), (6, 1, 3, 3), groups=3, padding=1, stride=(1, 2), dilation=2)
conv("one by one", (2, 5, 3, 4), (7, 5, 1, 1))
conv("one by one, stride", (2, 5, 5, 4), (3, 5, 1, 1), stride=2)
conv("wide", (1, 18, 3, 3), (19, 18, 1, 1), bias=False)
conv("same", (1, 2, 5, 6), (2, 2, 4, 3), padding="same", dilation=(1, 2))
conv("reflect", (1, 2, 4, 5), (3, 2, 3, 3), mode="reflect", padding=(2, 1), stride=2)
conv("replicate", (1, 2, 4, 5), (3, 2, 3, 3), mode="replicate", padding=(1, 3))
conv("circular", (1, 2, 4, 5), (3, 2, 3, 3), mode="circular", padding=(2, 1))
conv("plain", (1, 2, 4, 3, 5), (3, 2, 2, 3, 2))
conv("options", (1, 4, 5, 4, 6), (2, 2, 3, 2, 3), stride=(2, 1, 2), padding=(1, 0, 2), dilation=(1, 2, 1), groups=2)
conv("depthwise", (1, 3, 3, 4, 5), (3, 1, 3, 3, 3), padding=1, stride=(1, 2, 1), groups=3)
transpose("options", (2, 4, 5), (4, 2, 3), stride=2, padding=1, output_padding=1, dilation=2, groups=2)
transpose("plain", (2, 3, 4, 3), (3, 2, 3, 2))
transpose("without bias", (2, 3, 4, 3), (3, 2, 2, 2), bias=False, stride=2)
transpose("options", (1, 4, 3, 4), (4, 3, 3, 3), stride=(2, 3), padding=(1, 2), output_padding=(1, 2), groups=2)
transpose("stride larger than the kernel", (1, 2, 3, 2), (2, 3, 1, 2), stride=3, dilation=(2, 1), output_padding=1)
transpose("depthwise", (2, 3, 4, 5), (3, 1, 3, 3), stride=2, padding=1, output_padding=1, groups=3)
transpose("plain", (1, 2, 3, 2, 3), (2, 2, 2, 3, 2), stride=(1, 2, 2), padding=(0, 1, 1))

# One sample, without an axis for the batch.
conv("sample", (4, 9), (6, 2, 3), stride=2, padding=2, dilation=2, groups=2)
conv("sample", (3, 5, 6), (4, 3, 3, 2), stride=(1, 2), padding=1)
conv("sample, depthwise", (3, 5, 6), (3, 1, 3, 3), padding=1, groups=3)
conv("sample, reflect", (2, 4, 5), (3, 2, 3, 3), mode="reflect", padding=(2, 1), stride=2)
conv("sample", (2, 4, 3, 5), (3, 2, 2, 3, 2), padding=(1, 0, 1))
transpose("sample", (4, 5), (4, 2, 3), stride=2, padding=1, output_padding=1, dilation=2, groups=2)
transpose("sample", (3, 4, 3), (3, 2, 3, 2), stride=2)
transpose("sample", (2, 3, 2, 3), (2, 2, 2, 3, 2), bias=False, stride=(1, 2, 2), padding=(0, 1, 1))

write(__file__, rows)
