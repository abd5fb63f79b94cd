"""Writes tests/references/modules.txt: layers and losses on ten random shapes each.

Run with PyTorch 1.13 (Debian: python3-torch): /usr/bin/python3 modules.py.

Each line is `case shape quantity: numbers`. The input is wave(shape, 0), parameters are wave(_, 1 + i), targets
unit(shape, 3) or labels(_, classes) of torch_rows.py; gradients are those of sum(y wave(100)).
"""

import pathlib
import random

import torch

from torch_rows import labels, unit, wave

random.seed(4)
lines = []


def shapes(least, most, largest, accept=lambda s: True):
    """Ten different shapes of at most 40 elements."""
    found = []
    while len(found) < 10:
        s = tuple(random.randint(1, largest) for _ in range(random.randint(least, most)))
        n = int(torch.tensor(s).prod())
        if n <= 40 and accept(s) and s not in found:
            found.append(s)
    return found


def write(case, shape, quantity, t):
    numbers = " ".join(f"{v:.14g}" for v in t.detach().reshape(-1).tolist())
    lines.append(f"{case} {'x'.join(map(str, shape))} {quantity}: {numbers}\n")


def run(case, layer, shape):
    """Two training steps and an evaluation."""
    for i, p in enumerate(layer.parameters()):
        p.data = wave(p.shape, 1 + i)
    x = wave(shape, 0).requires_grad_()
    y = layer(x)
    (y * wave(y.shape, 100)).sum().backward()
    write(case, shape, "y", y)
    write(case, shape, "gx", x.grad)
    for i, p in enumerate(layer.parameters()):
        write(case, shape, f"g{i}", p.grad)
    if not list(layer.buffers()):
        return
    layer(3 * x + 1)
    write(case, shape, "mean", layer.running_mean)
    write(case, shape, "var", layer.running_var)
    layer.eval()
    z = wave(shape, 7).requires_grad_()
    y = layer(z)
    (y * wave(y.shape, 100)).sum().backward()
    write(case, shape, "eval y", y)
    write(case, shape, "eval gx", z.grad)


def batch_norm(shape, **options):
    layer = {2: torch.nn.BatchNorm1d, 3: torch.nn.BatchNorm1d, 4: torch.nn.BatchNorm2d}[len(shape)]
    return layer(shape[1], **options)


class RmsNorm(torch.nn.Module):
    """PyTorch 1.13 has none."""

    def __init__(self, features):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(features))

    def forward(self, x):
        return x / torch.sqrt((x * x).mean(-1, keepdim=True) + 1e-5) * self.weight


def several(s):
    return torch.tensor(s).prod() > s[1]


for s in shapes(2, 4, 6, several):
    run("BatchNorm", batch_norm(s, momentum=0.3), s)
    run("BatchNorm average", batch_norm(s, momentum=None), s)
for s in shapes(1, 4, 6, lambda s: s[-1] > 1):
    run("LayerNorm", torch.nn.LayerNorm(s[-1]), s)
    run("RmsNorm", RmsNorm(s[-1]), s)
for s in shapes(2, 4, 6, lambda s: s[1] % 2 == 0 and torch.tensor(s[1:]).prod() > 2):
    run("GroupNorm", torch.nn.GroupNorm(2, s[1]), s)

REGRESSION = {
    "Mse": torch.nn.MSELoss(),
    "Mae": torch.nn.L1Loss(),
    "Huber": torch.nn.HuberLoss(delta=0.7),
    "SmoothL1": torch.nn.SmoothL1Loss(beta=0.3),
    "BinaryCrossEntropyWithLogits": torch.nn.BCEWithLogitsLoss(),
    "Kl": torch.nn.KLDivLoss(),
    "Cosine": lambda x, t: (1 - torch.nn.functional.cosine_similarity(x, t, 1)).mean(),
    "BinaryCrossEntropy": lambda x, t: torch.nn.BCELoss()(0.5 + 0.3 * x, t),
}
CLASSES = {
    "Nll": lambda c: torch.nn.NLLLoss(),
    "CrossEntropy": lambda c: torch.nn.CrossEntropyLoss(),
    "CrossEntropy smooth weighted": lambda c: torch.nn.CrossEntropyLoss(weight=unit((c,), 9), label_smoothing=0.1),
    "MultiClassHinge": lambda c: lambda x, y: c * torch.nn.MultiMarginLoss()(x, y),
    "MultiClassSquaredHinge": lambda c: lambda x, y: c * torch.nn.MultiMarginLoss(p=2)(x, y),
}


def loss_case(case, f, shape, target):
    x = wave(shape, 0).requires_grad_()
    y = f(x, target)
    y.backward()
    write(case, shape, "y", y)
    write(case, shape, "gx", x.grad)


for s in shapes(2, 3, 6):
    for name, f in REGRESSION.items():
        loss_case(name, f, s, unit(s, 3))
for s in shapes(2, 2, 8, lambda s: s[1] > 1):
    for name, f in CLASSES.items():
        loss_case(name, f(s[1]), s, labels((s[0],), s[1]))

pathlib.Path(__file__).with_suffix(".txt").write_text("".join(lines))
