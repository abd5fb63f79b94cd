"""Writes tests/references/optimizers_schedules.txt: learning rates of PyTorch's schedulers.

Run in this directory with PyTorch 1.13 (Debian: python3-torch): /usr/bin/python3 optimizers_schedules.py.
Each line is `schedule: numbers`, the rates at t = 0, 1, ... for a base rate of 1.
"""

import math
import pathlib
import warnings

import torch

STEPS = 60
METRICS = [1.0, 0.9, 0.9, 0.95, 0.9, 0.9, 0.8, 0.81, 0.82, 0.8, 0.81, 0.7, 0.7, 0.7, 0.7, 0.7, 0.69999,
           0.7, 0.7, 0.7, 0.6, 0.5, 0.4, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5]


def rates(make):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler = make(optimizer)
    for _ in range(STEPS):
        yield optimizer.param_groups[0]["lr"]
        scheduler.step()


def plateau_rates(metrics, **options):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, eps=0, **options)
    for metric in metrics:
        scheduler.step(metric)
        yield optimizer.param_groups[0]["lr"]


def lines():
    s = torch.optim.lr_scheduler
    yield "step", rates(lambda o: s.StepLR(o, 7, 0.5))
    yield "multi_step", rates(lambda o: s.MultiStepLR(o, [5, 20, 21], 0.3))
    yield "exponential", rates(lambda o: s.ExponentialLR(o, math.exp(-0.05)))
    yield "linear", rates(lambda o: s.LinearLR(o, 1.0, 0.25, 40))
    yield "warm_up", rates(lambda o: s.LinearLR(o, 0.1, 1.0, 10))
    yield "polynomial", rates(lambda o: s.PolynomialLR(o, 50, 3.0))
    yield "restarts", rates(lambda o: s.CosineAnnealingWarmRestarts(o, 10, 1, 0.1))
    yield "restarts_growing", rates(lambda o: s.CosineAnnealingWarmRestarts(o, 5, 2, 0.1))
    # The recursive formula is the closed form up to duration.
    yield "cosine", list(rates(lambda o: s.CosineAnnealingLR(o, 59, 0.1)))
    # PyTorch's phases end one step early: with 61 steps and this pct_start they are [0, 18] and [18, 60].
    yield "one_cycle", rates(lambda o: s.OneCycleLR(
        o, 1.0, total_steps=61, pct_start=19 / 61, div_factor=25, final_div_factor=1e4))
    yield "plateau", plateau_rates(METRICS, factor=0.5, patience=2)
    yield "plateau_options", plateau_rates(
        METRICS, factor=0.1, patience=1, threshold=0.05, cooldown=3, min_lr=1e-3)
    yield "plateau_maximize", plateau_rates(
        [1 / m for m in METRICS], factor=0.5, patience=1, mode="max")
    yield "sequence", rates(lambda o: s.SequentialLR(
        o, [s.LinearLR(o, 0.1, 1.0, 10), s.ExponentialLR(o, math.exp(-0.05))], [10]))


def main():
    warnings.simplefilter("ignore")
    with open(pathlib.Path(__file__).with_suffix(".txt"), "w") as f:
        for name, numbers in lines():
            f.write(f"{name}: " + " ".join(f"{v:.17g}" for v in numbers) + "\n")


if __name__ == "__main__":
    main()
