"""Writes tests/fuzz/corpus/model: a small model of every kind of module as a file, and structures alone.

Run it anywhere: python3 models.py.
"""

import json
import math
import pathlib
import struct

from safetensors_file import safetensors

OUT = pathlib.Path(__file__).parent / "corpus" / "model"


def module(type, tensors=None, children=None, **options):
    """A description, and the shapes of its tensors by name."""
    shapes = dict(tensors or {})
    d = {"type": type}
    if options:
        d["options"] = [[key, value] for key, value in options.items()]
    if children:
        d["children"] = []
        for name, (child, below) in children.items():
            d["children"].append({"name": name} | child)
            shapes |= {f"{name}.{key}": shape for key, shape in below.items()}
    return d, shapes


def linear(n_in, out, bias=1):
    tensors = {"weight": [out, n_in]} | ({"bias": [out]} if bias else {})
    return module("Linear", tensors, **{"in": n_in, "out": out, "bias": bias})


def batch_norm(features, affine=1, track=1):
    tensors = {}
    if affine:
        tensors |= {"weight": [features], "bias": [features]}
    if track:
        tensors |= {"running_mean": [features], "running_var": [features], "num_batches_tracked": []}
    return module("BatchNorm", tensors, features=features, eps=1e-5, momentum=0.1, affine=affine, track=track)


def conv(type, weight, n_in, out, kernel, stride=1, groups=1, **options):
    return module(type, {"weight": weight, "bias": [out]}, in_channels=n_in, out_channels=out, kernel_size=kernel,
                  stride=stride, dilation=1, groups=groups, bias=1, **options)


def sequence(*modules, type="Sequential", **options):
    return module(type, children={str(i): m for i, m in enumerate(modules)}, **options)


def weight_norm(n_in, out):
    inner = linear(n_in, out)
    del inner[1]["weight"]
    return module("WeightNorm", {"g": [out, 1], "v": [out, n_in]}, {"inner": inner})


def drop_connect(n_in, out, **options):
    return module("DropConnect", {"weight": [out, n_in], "bias": [out]}, {"activation": module("Tanh")},
                  **{"in": n_in, "out": out, "p": 0.5, "bias": 1} | options)


def heads(width, n, kdim=None, vdim=None, causal=0, rotary=0):
    kdim, vdim = kdim or width, vdim or width
    tensors = {"in_proj_bias": [3 * width]}
    if kdim == vdim == width:
        tensors |= {"in_proj_weight": [3 * width, width]}
    else:
        tensors |= {"q_proj_weight": [width, width], "k_proj_weight": [width, kdim], "v_proj_weight": [width, vdim]}
    return module("MultiheadAttention", tensors, {"out_proj": linear(width, width)}, width=width, heads=n,
                  dropout=0.1, bias=1, kdim=kdim, vdim=vdim, causal=causal, rotary=rotary)


def transformer(type, width, n, hidden, norms=2, attentions=("self_attn",), causal=0, **options):
    def norm():
        return module("LayerNorm", {"weight": [width], "bias": [width]}, normalized=str(width), eps=1e-5, affine=1)
    children = {name: heads(width, n, causal=causal, rotary=options.get("rotary", 0)) for name in attentions}
    children |= {"linear1": linear(width, hidden), "dropout": module("Dropout", p=0.1),
                 "linear2": linear(hidden, width)}
    children |= {f"norm{i + 1}": norm() for i in range(norms)}
    children |= {f"dropout{i + 1}": module("Dropout", p=0.1) for i in range(norms)}
    return module(type, {}, children, width=width, heads=n, dim_feedforward=hidden, dropout=0.1, activation="gelu",
                  layer_norm_eps=1e-5, norm_first=1, **options)


def stack(type, layers, width, norm=1):
    """Layers of transformers, which have their options."""
    children = {"layers": sequence(*layers)}
    if norm:
        weights = {"weight": [width], "bias": [width]}
        children |= {"norm": module("LayerNorm", weights, normalized=str(width), eps=1e-5, affine=1)}
    return module(type, {}, children, **dict(layers[0][0]["options"]), num_layers=len(layers), norm=norm)


def recurrent(type, parts, n_in, hidden, layers=0, both=0, bias=1, **options):
    """A cell, or so many layers."""
    ways = 1 + both
    names = [f"_l{k}{way}" for k in range(layers) for way in ("", "_reverse")[:ways]] or [""]
    tensors = {}
    for name in names:
        width = n_in if name in ("", "_l0", "_l0_reverse") else ways * hidden
        tensors |= {f"weight_ih{name}": [parts * hidden, width], f"weight_hh{name}": [parts * hidden, hidden]}
        tensors |= {f"bias_{what}{name}": [parts * hidden] for what in ("ih", "hh")[:2 * bias]}
    if layers:
        options |= {"num_layers": layers, "bidirectional": both, "dropout": 0.1}
    return module(type, tensors, **{"in": n_in, "hidden": hidden, "bias": bias}, **options)


MODELS = {
    "linear": linear(2, 3),
    "bilinear": module("Bilinear", {"weight": [2, 1, 3], "bias": [2]}, in_a=1, in_b=3, out=2, bias=1),
    "embedding": module("Embedding", {"weight": [5, 2]}, count=5, features=2),
    "maxout": module("Maxout", {"weight": [4, 2], "bias": [4]}, **{"in": 2, "out": 2, "pieces": 2, "bias": 1}),
    "prelu": module("Prelu", {"weight": [3]}, count=3),
    "drop_connect": drop_connect(2, 2, inference="gaussian", samples=4),
    "drop_connect_mean": drop_connect(2, 2, inference="mean", samples=1),
    "normalization": sequence(
        batch_norm(2), batch_norm(784, affine=0, track=0),
        module("LayerNorm", {"weight": [2, 1], "bias": [2, 1]}, normalized="2 1", eps=1e-5, affine=1),
        module("RmsNorm", {"weight": [2]}, normalized="2", eps=1e-5, affine=1),
        module("GroupNorm", {"weight": [4], "bias": [4]}, groups=2, channels=4, eps=1e-5, affine=1)),
    "activations": sequence(
        *map(module, ["Identity", "Relu", "Sigmoid", "Tanh", "Relu6", "Selu", "Silu", "Mish", "Softplus", "Softsign",
                      "LogSigmoid"]),
        module("LeakyRelu", slope=0.01), module("Softplus", beta=2), module("Elu", alpha=1), module("Celu", alpha=1),
        module("Hardtanh", low=0, high=["inf"]), module("Gelu", form="tanh"), module("Softmax", axis=-1),
        module("LogSoftmax", axis=1)),
    "noise": sequence(module("Dropout", p=0.5), module("AlphaDropout", p=0.1), module("GaussianNoise", deviation=0.1)),
    "convolutions": sequence(
        conv("Conv1d", [4, 1, 2], 2, 4, "2", padding="same", groups=2, padding_mode="reflect"),
        conv("Conv2d", [2, 1, 1, 2], 1, 2, "1 2", stride="2 1", padding=0, padding_mode="zeros"),
        conv("Conv3d", [1, 1, 1, 1, 1], 1, 1, "1", padding=1, padding_mode="circular"),
        conv("ConvTranspose1d", [2, 1, 2], 2, 1, 2, padding=0, output_padding=0),
        conv("ConvTranspose2d", [1, 1, 2, 2], 1, 1, 2, padding=0, output_padding="1 0", stride=2),
        conv("ConvTranspose3d", [1, 1, 1, 1, 1], 1, 1, 1, padding=0, output_padding=0)),
    "images": sequence(
        *(module(f"MaxPool{d}d", kernel_size=2, stride=0, padding=" ".join("101"[:d]), dilation=1, ceil_mode=1)
          for d in (1, 2, 3)),
        *(module(f"AvgPool{d}d", kernel_size=2, stride=0, padding=0, ceil_mode=0, count_include_pad=1, divisor=3)
          for d in (1, 2, 3)),
        *(module(f"Adaptive{kind}Pool{d}d", output_size=2) for kind in ("Avg", "Max") for d in (1, 2, 3)),
        module("GlobalAvgPool"), module("GlobalMaxPool"),
        module("Upsample", size=0, mode="nearest", align_corners=0, scale_factor=2),
        module("Upsample", size="4 5", mode="linear", align_corners=1),
        module("PixelShuffle", upscale_factor=2), module("PixelUnshuffle", downscale_factor=2),
        module("Unfold", kernel_size=2, dilation=1, padding=0, stride=1),
        module("Refold", output_size="3 4", kernel_size=2, dilation=1, padding=0, stride=1),
        module("Dropout2d", p=0.5),
        module("InstanceNorm", {"weight": [2], "bias": [2]}, features=2, eps=1e-5, affine=1)),
    "attention": sequence(heads(4, 2), module("SinusoidalPositions"),
                          module("LearnedPositions", {"weight": [3, 4]}, length=3, width=4)),
    "attention_of_others": heads(4, 2, kdim=3, vdim=5),
    "transformer": sequence(transformer("TransformerEncoderLayer", 2, 1, 3),
                            transformer("TransformerBlock", 4, 2, 3, causal=1, rotary=1)),
    "decoder": transformer("TransformerDecoderLayer", 2, 1, 3, norms=3, attentions=("self_attn", "multihead_attn")),
    "stacks": stack("TransformerEncoder", [transformer("TransformerEncoderLayer", 2, 1, 3)] * 2, 2),
    "decoders": stack("TransformerDecoder", [transformer("TransformerDecoderLayer", 2, 1, 3, norms=3,
                                                         attentions=("self_attn", "multihead_attn"))], 2, norm=0),
    "recurrent": sequence(recurrent("Rnn", 1, 1, 2, 2, nonlinearity="relu"), recurrent("Gru", 3, 2, 1, 2, both=1),
                          recurrent("Lstm", 4, 2, 1, 1, bias=0, batch_first=1)),
    "cells": sequence(recurrent("RnnCell", 1, 1, 2, nonlinearity="tanh"), recurrent("GruCell", 3, 2, 1, bias=0),
                      recurrent("LstmCell", 4, 1, 2)),
    "shapes": sequence(module("Flatten", first=1), module("Reshape", shape="2 2")),
    "residual": module("Residual", children={"branch": sequence(linear(2, 2), module("Relu"))}, zero_last=1),
    "projection": module("Residual", children={"branch": linear(2, 3), "projection": linear(2, 3, 0)}, zero_last=0),
    "parallel": sequence(linear(2, 1), weight_norm(2, 1), type="Parallel"),
    "lists": sequence(sequence(linear(2, 1), linear(2, 3), type="Heads"),
                      module("OnFirst", children={"inner": linear(1, 2)})),
    "ensemble": sequence(linear(1, 2), linear(1, 2, 0), type="Ensemble", combination="votes"),
    "concat": sequence(linear(2, 1), module("Identity"), type="Concat", axis=-1),
}

# What is refused: sizes beyond the tensors, axes and shapes that are none, names twice, no child, the wrong child.
REFUSED = {
    "large": module("Linear", **{"in": 1e12, "out": 3}),
    "many_layers": module("Gru", **{"in": 1, "hidden": 1, "num_layers": 1e15}),
    "no_layers": stack("TransformerEncoder", [transformer("TransformerEncoderLayer", 2, 1, 3)], 2),
    "projections": module("Lstm", **{"in": 1, "hidden": 2, "proj_size": 1}),
    "large_attention": module("MultiheadAttention", width=1e12, heads=1),
    "axis": module("Softmax", axis=1e300),
    "shape": module("Reshape", shape="-1 4294967296 4294967296"),
    "twice": module("Sequential", children={"a": module("Relu")}),
    "no_branch": module("Residual"),
    "no_weight": module("WeightNorm", children={"inner": module("Relu")}),
    "no_inner": module("OnFirst", children={"outer": module("Relu")}),
    "other_child": module("Residual", children={"branch": module("Relu"), "other": module("Relu")}),
    "child": module("Relu", children={"0": module("Relu")}),
}
REFUSED["no_layers"][0]["options"][-2] = ["num_layers", 0]
REFUSED["twice"][0]["children"] *= 2


def numbers(shape):
    size = math.prod(shape)
    return "F32", shape, struct.pack(f"<{size}f", *(i / 8 + 1 for i in range(size)))


OUT.mkdir(exist_ok=True)
for name, (description, shapes) in (MODELS | REFUSED).items():
    structure = json.dumps(description, separators=(",", ":"))
    (OUT / f"{name}.json").write_text(structure)
    if name in MODELS:
        (OUT / f"{name}.model").write_bytes(
            safetensors({key: numbers(shape) for key, shape in shapes.items()}, {"xgrad structure": structure}))
