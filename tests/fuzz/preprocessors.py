"""Writes tests/fuzz/corpus/preprocessor: a fitted preprocessor of every kind as a safetensors file.

Run it anywhere: python3 preprocessors.py.
"""

import json
import math
import pathlib
import struct

from safetensors_file import safetensors

OUT = pathlib.Path(__file__).parent / "corpus" / "preprocessor"


def reals(shape, *numbers):
    assert len(numbers) == math.prod(shape)
    return "F64", shape, struct.pack(f"<{len(numbers)}d", *numbers)


def fitted_on(samples, sample, *hashes):
    words = [samples, len(sample), *sample, *hashes]
    return "I64", [len(words)], struct.pack(f"<{len(words)}Q", *words)


def scaling(kind, sample, per, shape, shift, scale, low=0, high=1):
    prefix = f"inputs/{kind}/"
    return {
        prefix + "options": reals([3], per, low, high),
        prefix + "shift": reals(shape, *shift),
        prefix + "scale": reals(shape, *scale),
        "inputs/fitted_on/train": fitted_on(9, sample, 5, 2**63 + 1),
    }


def projection(kind, options, rows, forward, backward, variance, mean=(0.25, -1)):
    prefix = f"inputs/{kind}/"
    return {
        prefix + "options": reals([len(options)], *options),
        prefix + "mean": reals([len(mean)], *mean),
        prefix + "explained_variance": reals([len(variance)], *variance),
        prefix + "explained_variance_ratio": reals([len(variance)], *variance),
        prefix + "forward": reals([rows, len(mean)], *forward),
        prefix + "backward": reals([rows, len(mean)], *backward),
        "inputs/fitted_on/train": fitted_on(9, [len(mean)], 5),
    }


def below(step, tensors):
    return {name.replace("inputs/", f"inputs/step{step}/"): t for name, t in tensors.items()}


def pipeline(columns, steps, *fitted, one_hot=True, of_arrays=False):
    layout = {
        "version": 1,
        "of arrays": of_arrays,
        "one hot": one_hot,
        "unknown is missing": False,
        "columns": [{"name": name, "categories": categories} for name, categories in columns],
        "steps": steps,
    }
    text = json.dumps(layout).encode()
    tensors = {"inputs/layout": ("U8", [len(text)], text)}
    for i, step in enumerate(fitted):
        tensors |= below(i, step)
    return tensors


CENTER = scaling("Center", [2], 0, [2], (1, 2), (1, 1))
PCA = projection("Pca", (1, 1, 0, 0), 1, (0.6, 0.8), (0.6, 0.8), (0.7,))
TABLE = [("n", []), ("kind", ["a", [195, 40]]), ("m", [])]

FILES = {
    "pipeline": pipeline(TABLE, [[0, 3], [3, 1]], CENTER, PCA),
    "pipeline_codes": pipeline(TABLE, [[0, 1]], CENTER, one_hot=False),
    "pipeline_of_arrays": pipeline([("0", []), ("1", [])], [[1, 0]], CENTER, of_arrays=True),
    "pipeline_beyond": pipeline(TABLE, [[0, 4]], CENTER),
    "center": scaling("Center", [2], 0, [2], (1, 2), (1, 1)),
    "standardize_channels": scaling("Standardize", [2, 2, 1], 1, [2], (1, 2), (3, 4)),
    "min_max_all": scaling("MinMax", [1, 3], 2, [], (1,), (2,), -1, 1),
    "impute": scaling("Impute", [2], 0, [2], (1, 2), (1, 1)),
    "pca": projection("Pca", (1, 1, 0, 0), 1, (0.6, 0.8), (0.6, 0.8), (0.7,)),
    "pca_whitened": projection("Pca", (0, 0.9, 1, 1e-3), 2, (0.6, 0.8, 8, -6), (0.6, 0.8, 0.8, -0.6), (0.9, 0.1)),
    "zca": projection("Zca", (1e-3,), 2, (1, 0.5, 0.5, 1), (2, 1, 1, 2), (0.9, 0.1)),
    # What is refused: fewer variances than components, samples of more numbers than can be counted.
    "pca_variances": projection("Pca", (0, 1, 1, 0), 2, (1, 0, 0, 1), (1, 0, 0, 1), (0.9,)),
    "overflow": scaling("Center", [3, 6148914691236517206], 1, [3], (1, 2, 3), (1, 1, 1)),
}


OUT.mkdir(exist_ok=True)
for name, tensors in FILES.items():
    (OUT / name).write_bytes(safetensors(tensors))
