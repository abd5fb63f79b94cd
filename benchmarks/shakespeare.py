#!/usr/bin/python3
"""The transformer of examples/shakespeare.cpp in PyTorch, trained on the same text in the same way.

    shakespeare.py tinyshakespeare.txt [--layers 4] [--width 192] [--heads 6] [--block 128] [--batch 16]
                   [--steps 1200] [--seed 1] [--threads 1]

Prints the loss and that of the whole held out text as often as the example does, and the processor's time
without that of validation. Architecture, names of parameters, initial weights, AdamW with its groups,
schedule, clipping, the held out tenth and the way its loss is measured are those of the example. Needs PyTorch
(Debian: python3-torch); on processors that OpenBLAS does not know, OPENBLAS_CORETYPE as in
docs/performance.md. The numbers that are drawn are others than the example's.
"""

import argparse
import math
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F


def read(path):
    """Numbers of the characters in their order, and how many different ones there are."""
    text = np.frombuffer(Path(path).read_bytes(), np.uint8)
    symbols, numbers = np.unique(text, return_inverse=True)
    return torch.from_numpy(numbers.astype(np.int64)), len(symbols)


class Attention(nn.Module):
    """Causal; the pairs (2 k, 2 k + 1) of queries and keys are turned by position / 10000^(2 k / width)."""

    def __init__(self, width, heads, block):
        super().__init__()
        self.heads = heads
        self.in_proj_weight = nn.Parameter(torch.empty(3 * width, width))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * width))
        self.out_proj = nn.Linear(width, width)
        nn.init.zeros_(self.out_proj.bias)
        pairs = width // heads // 2
        angles = torch.outer(torch.arange(block, dtype=torch.float64),
                             10000 ** (-torch.arange(pairs, dtype=torch.float64) / pairs))
        self.register_buffer("cosines", angles.cos().float(), persistent=False)
        self.register_buffer("sines", angles.sin().float(), persistent=False)
        self.register_buffer("unseen", torch.ones(block, block, dtype=torch.bool).triu(1), persistent=False)

    def turned(self, x):
        a, b = x.unflatten(-1, (-1, 2)).unbind(-1)
        c, s = self.cosines[:x.shape[-2]], self.sines[:x.shape[-2]]
        return torch.stack((a * c - b * s, a * s + b * c), -1).flatten(-2)

    def forward(self, x):
        n, t, width = x.shape
        parts = F.linear(x, self.in_proj_weight, self.in_proj_bias).view(n, t, 3, self.heads, width // self.heads)
        q, k, v = parts.permute(2, 0, 3, 1, 4)
        scores = self.turned(q) @ self.turned(k).transpose(-1, -2) / math.sqrt(q.shape[-1])
        weights = scores.masked_fill(self.unseen[:t, :t], -math.inf).softmax(-1)
        return self.out_proj((weights @ v).transpose(1, 2).reshape(n, t, width))


class Block(nn.Module):
    def __init__(self, width, heads, block):
        super().__init__()
        self.self_attn = Attention(width, heads, block)
        self.linear1, self.linear2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)

    def forward(self, x):
        x = x + self.self_attn(self.norm1(x))
        return x + self.linear2(F.gelu(self.linear1(self.norm2(x))))


class Model(nn.Module):
    def __init__(self, symbols, o):
        super().__init__()
        self.embedding = nn.Embedding(symbols, o.width)
        for i in range(o.layers):
            self.add_module(f"block{i}", Block(o.width, o.heads, o.block))
        self.norm = nn.LayerNorm(o.width)
        self.head = nn.Linear(o.width, symbols, bias=False)
        self.blocks = [m for name, m in self.named_children() if name.startswith("block")]
        for name, p in self.named_parameters():
            last = name.endswith(("linear2.weight", "out_proj.weight"))
            if p.dim() == 2:
                nn.init.normal_(p, std=0.02 / (math.sqrt(2 * o.layers) if last else 1))

    def forward(self, symbols):
        x = self.embedding(symbols)
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))


def loss_of(net, text, begins, block):
    """Mean cross-entropy of what follows each symbol of the blocks that begin there."""
    places = begins[:, None] + torch.arange(block)
    return F.cross_entropy(net(text[places]).flatten(0, 1), text[places + 1].flatten())


def validation_loss(net, text, o):
    """Mean loss over the whole text, block by block."""
    begins = torch.arange((len(text) - 1) // o.block) * o.block
    with torch.no_grad():
        return sum(loss_of(net, text, b, o.block).item() * len(b) for b in begins.split(o.batch)) / len(begins)


def half_cosine(a, b, share):
    return b + (a - b) * (1 + math.cos(math.pi * share)) / 2


def one_cycle(t, duration, rise=0.05, start=0.04, end=0.02):
    peak = rise * duration
    return half_cosine(start, 1, t / peak) if t < peak else half_cosine(1, end, min(1, (t - peak) / (duration - peak)))


def train(net, text, held_out, o):
    named = list(net.named_parameters())
    groups = [{"params": [p for name, p in named if name.endswith("weight")], "weight_decay": o.weight_decay},
              {"params": [p for name, p in named if not name.endswith("weight")], "weight_decay": 0}]
    adam = torch.optim.AdamW(groups, lr=o.learning_rate, betas=(0.9, 0.99))
    schedule = torch.optim.lr_scheduler.LambdaLR(adam, lambda t: one_cycle(t, o.steps))
    every, total, spent = max(1, o.steps // 10), 0, 0
    for step in range(1, o.steps + 1):
        begin = time.process_time()
        loss = loss_of(net, text, torch.randint(0, len(text) - o.block, (o.batch,)), o.block)
        adam.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        adam.step()
        schedule.step()
        total += loss.item()
        spent += time.process_time() - begin
        if step % every == 0:
            print(f"step {step:5}  loss {total / every:.4f}  validation {validation_loss(net, held_out, o):.4f}  "
                  f"{spent:.0f} s", flush=True)
            total = 0


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("text")
    for name, default in (("layers", 4), ("width", 192), ("heads", 6), ("block", 128), ("batch", 16), ("steps", 1200),
                          ("seed", 1), ("threads", 1), ("learning-rate", 3e-3), ("weight-decay", 0.1)):
        p.add_argument("--" + name, type=type(default), default=default)
    o = p.parse_args()
    torch.set_num_threads(o.threads)
    torch.manual_seed(o.seed)
    numbers, symbols = read(o.text)
    kept = len(numbers) - len(numbers) // 10
    net = Model(symbols, o)
    print(f"{len(numbers)} characters, {symbols} different; {sum(p.numel() for p in net.parameters())} parameters")
    train(net, numbers[:kept], numbers[kept:], o)
    print(f"validation loss {validation_loss(net, numbers[kept:], o):.4f}")


if __name__ == "__main__":
    main()
