#!/usr/bin/python3
"""The network of examples/convolution.cpp in PyTorch, trained on a slice of CIFAR-10 in the same way.

    cifar_slice.py FOLDER [--seeds 1,2,3] [--epochs 25] [--widths 32,64,128] [--depth 2] [--threads 1]

FOLDER has train*.bin and test*.bin of CIFAR-10's binary version, as the example's --data. Beside it:
convolution --data FOLDER --flip --crop 4 --widths 32,64,128 --depth 2 --epochs 25 --seed 1. Needs PyTorch
(Debian: python3-torch). The numbers that are drawn are others than the example's: the spread of seeds says
whether the accuracies differ.
"""

import argparse
import math
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F


def read(folder, begin):
    """Images in [0, 1] and labels of all files whose names begin like that."""
    files = sorted(f for f in Path(folder).iterdir() if f.name.startswith(begin) and f.suffix == ".bin")
    if not files:
        raise SystemExit(f"{folder} has no {begin}*.bin")
    records = np.concatenate([np.frombuffer(f.read_bytes(), np.uint8) for f in files]).reshape(-1, 3073)
    images = records[:, 1:].reshape(-1, 3, 32, 32).astype(np.float32) / 255
    return torch.from_numpy(images), torch.from_numpy(records[:, 0].astype(np.int64))


def network(widths, depth, dense, dropout, classes):
    layers, channels = [], 3
    for width in widths:
        for _ in range(depth):
            conv = nn.Conv2d(channels, width, 3, padding=1, bias=False)
            nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
            layers += [conv, nn.BatchNorm2d(width), nn.ReLU()]
            channels = width
        layers.append(nn.MaxPool2d(2))
    features = channels * (32 >> len(widths)) ** 2
    return nn.Sequential(*layers, nn.Flatten(), nn.Dropout(dropout), nn.Linear(features, dense), nn.ReLU(),
                         nn.Dropout(dropout), nn.Linear(dense, classes))


def augmented(x, margin):
    """Each image turned left to right or not, and a part of the image with a margin of zeros."""
    turned = torch.rand(len(x)) < 0.5
    x = torch.where(turned[:, None, None, None], x.flip(3), x)
    wide = F.pad(x, (margin,) * 4)
    top, left = torch.randint(0, 2 * margin + 1, (2, len(x))).tolist()
    return torch.stack([wide[i, :, top[i]:top[i] + 32, left[i]:left[i] + 32] for i in range(len(x))])


def train(net, images, labels, options):
    batches = len(images) // options.batch_size  # what is left over is for another epoch
    adam = torch.optim.Adam(net.parameters(), lr=options.learning_rate)
    steps = options.epochs * batches
    schedule = torch.optim.lr_scheduler.LambdaLR(adam, lambda k: (1 + math.cos(math.pi * min(k, steps) / steps)) / 2)
    net.train()
    for _ in range(options.epochs):
        order = torch.randperm(len(images))
        for b in range(batches):
            chosen = order[b * options.batch_size:(b + 1) * options.batch_size]
            adam.zero_grad()
            F.cross_entropy(net(augmented(images[chosen], options.crop)), labels[chosen]).backward()
            adam.step()
            schedule.step()


def accuracy(net, images, labels):
    net.eval()
    with torch.no_grad():
        right = sum((net(x).argmax(1) == y).sum().item() for x, y in zip(images.split(500), labels.split(500)))
    return right / len(images)


def main():
    numbers = lambda text: [int(n) for n in text.split(",")]
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("folder")
    p.add_argument("--seeds", type=numbers, default=[1, 2, 3])
    p.add_argument("--widths", type=numbers, default=[32, 64, 128])
    p.add_argument("--depth", type=int, default=2)
    p.add_argument("--dense", type=int, default=128)
    p.add_argument("--dropout", type=float, default=0.3)
    p.add_argument("--epochs", type=int, default=25)
    p.add_argument("--batch-size", type=int, default=128)
    p.add_argument("--crop", type=int, default=4)
    p.add_argument("--learning-rate", type=float, default=2e-3)
    p.add_argument("--threads", type=int, default=1)
    options = p.parse_args()
    torch.set_num_threads(options.threads)
    images, labels = read(options.folder, "train")
    test_images, test_labels = read(options.folder, "test")
    for seed in options.seeds:
        torch.manual_seed(seed)
        net = network(options.widths, options.depth, options.dense, options.dropout, 10)
        train(net, images, labels, options)
        print(f"seed {seed}: test accuracy {accuracy(net, test_images, test_labels):.4f}", flush=True)


if __name__ == "__main__":
    main()
