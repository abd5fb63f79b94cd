"""Writes the checkpoints in tests/fuzz/corpus/checkpoint: safetensors files with a checksum over their content.

Run it anywhere: python3 checkpoints.py.
"""

import pathlib
import struct
import zlib

from safetensors_file import safetensors

OUT = pathlib.Path(__file__).parent / "corpus" / "checkpoint"
NAMES = {"F64": "float64", "F32": "float32", "I64": "int64"}


def checksum(tensors, metadata):
    parts = []
    for name, (dtype, shape, content) in sorted(tensors.items(), key=lambda t: t[0].encode()):
        for text in (name, NAMES[dtype], "(" + ", ".join(map(str, shape)) + ")"):
            parts += [struct.pack("<Q", len(text.encode())), text.encode()]
        parts.append(content)
    for item in sorted(metadata.items()):
        for text in item:
            parts += [struct.pack("<Q", len(text)), text.encode()]
    return str(zlib.crc32(b"".join(parts)))


def write(name, tensors, text):
    metadata = {"text/" + key: value for key, value in text.items()} | {"xgrad checkpoint": "1"}
    metadata |= {"xgrad checksum": checksum(tensors, metadata)}
    (OUT / name).write_bytes(safetensors(tensors, metadata))


def whole(*numbers):
    return ("I64", [len(numbers)], struct.pack(f"<{len(numbers)}q", *numbers))


def real(*numbers):
    return ("F64", [len(numbers)], struct.pack(f"<{len(numbers)}d", *numbers))


OUT.mkdir(exist_ok=True)
position = {"generator": whole(7, 3), "loader": whole(1, 2, 5)}
write("empty", position, {})
write("adam", position | {
    "optimizer number/Adam/0/learning_rate": real(1e-3), "number/best loss": real(0.25),
    "model/0.weight": ("F32", [2, 2], struct.pack("<4f", 1, -2, 3, 4)),
    "optimizer/Adam/0.weight/m": ("F32", [2, 2], struct.pack("<4f", 0, 1, 2, 3)),
}, {"settings": "--epochs 3"})
# What is refused: too few numbers, a missing position.
write("no_number", position | {"number/best loss": real()}, {})
write("short_loader", {"generator": whole(7, 3), "loader": whole(1)}, {})
write("no_position", {"model/w": ("F32", [1], struct.pack("<f", 1))}, {})
