"""Writes the small files in tests/references/data_files that the readers are tested against.

Run in this directory with NumPy installed: /usr/bin/python3 data_files.py. npy and npz files are NumPy's own; IDX, gzip and
safetensors files are put together here from the definitions of their formats.
"""

import gzip
import json
import pathlib
import struct

import numpy as np

OUT = pathlib.Path(__file__).parent / "data_files"


def save(name, array, version=None):
    with open(OUT / name, "wb") as f:
        np.lib.format.write_array(f, array, version=version, allow_pickle=False)


def npy_files():
    grid = np.arange(24).reshape(2, 3, 4)
    for dtype in ["?", "u1", "i1", "<u2", "<i2", "<f2", "<u4", "<i4", "<f4", "<u8", "<i8", "<f8"]:
        name = np.dtype(dtype).name
        save(f"{name}.npy", (grid % 5 == 0 if dtype == "?" else grid * 5).astype(dtype))
    save("signs.npy", np.array([-128, -1, 0, 1, 127], "i1"))
    save("big_endian_float64.npy", (grid / 8).astype(">f8"))
    save("big_endian_int16.npy", (grid - 12).astype(">i2"))
    save("fortran.npy", np.asfortranarray(grid.astype("<f4")))
    save("fortran_big_endian.npy", np.asfortranarray(grid.astype(">i4")))
    save("version_2.npy", grid.astype("<f8"), (2, 0))
    save("version_3.npy", grid.astype("<f8"), (3, 0))
    save("scalar.npy", np.array(2.5))
    save("vector.npy", np.array([1.0, -2.0, 3.0]))
    save("empty.npy", np.zeros((0, 3)))
    halves = np.arange(0, 65536, 97).astype("<u2").view("<f2")
    save("halves.npy", halves)
    save("halves_as_float32.npy", halves.astype("<f4"))
    # What is refused.
    save("complex.npy", np.array([1 + 2j]))
    save("structured.npy", np.array([(1, 2.0)], dtype=[("a", "<i4"), ("b", "<f8")]))
    save("text.npy", np.array(["abc"]))
    with open(OUT / "object.npy", "wb") as f:
        np.lib.format.write_array(f, np.array([{"a": 1}], dtype=object), allow_pickle=True)


def npz_files():
    arrays = {"w": np.arange(6, dtype="<f4").reshape(2, 3) / 4, "b": np.array([-1.5, 2.5]), "n": np.int64(7)}
    np.savez(OUT / "stored.npz", **arrays)
    np.savez_compressed(OUT / "deflated.npz", **arrays)
    np.savez(OUT / "empty.npz")


def idx(type_code, array, data):
    return struct.pack(">HBB", 0, type_code, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape) + data


def idx_files():
    images = (np.arange(2 * 3 * 4).reshape(2, 3, 4) * 11).astype("u1")
    labels = np.array([7, 3], "u1")
    plain = {
        "train-images-idx3-ubyte": idx(0x08, images, images.tobytes()),
        "train-labels-idx1-ubyte": idx(0x08, labels, labels.tobytes()),
    }
    for name, content in plain.items():
        (OUT / name).write_bytes(content)
        (OUT / (name.replace("train", "t10k") + ".gz")).write_bytes(gzip.compress(content, mtime=0))
    halves = plain["train-images-idx3-ubyte"][:10], plain["train-images-idx3-ubyte"][10:]
    (OUT / "two_members.gz").write_bytes(b"".join(gzip.compress(h, mtime=0) for h in halves))
    grid = np.array([[-3, 0, 5], [100, -128, 127]])
    for code, dtype in [(0x09, ">i1"), (0x0B, ">i2"), (0x0C, ">i4"), (0x0D, ">f4"), (0x0E, ">f8")]:
        (OUT / f"{np.dtype(dtype).name}.idx").write_bytes(idx(code, grid, grid.astype(dtype).tobytes()))


def safetensors(tensors, metadata):
    header, data = {}, b""
    if metadata:
        header["__metadata__"] = metadata
    for name, (dtype, shape, content) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(content)]}
        data += content
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


def safetensors_files():
    grid = np.array([[0, 1, 2], [3, 4, 100]])
    names = {"BOOL": "?", "U8": "u1", "I8": "i1", "U16": "<u2", "I16": "<i2", "F16": "<f2", "U32": "<u4", "I32": "<i4",
             "F32": "<f4", "U64": "<u8", "I64": "<i8", "F64": "<f8"}
    tensors = {n: (n, list(grid.shape), grid.astype(t).tobytes()) for n, t in names.items()}
    brain = (grid / 4).astype("<f4").view("<u4") >> 16
    tensors["BF16"] = ("BF16", list(grid.shape), brain.astype("<u2").tobytes())
    (OUT / "all_types.safetensors").write_bytes(safetensors(tensors, None))
    small = {"größe": ("F32", [2], np.array([1.5, -2.5], "<f4").tobytes()), "scalar": ("I64", [], struct.pack("<q", -9)),
             "none": ("F64", [0, 4], b"")}
    (OUT / "small.safetensors").write_bytes(safetensors(small, {"format": "pt", "note": "tab\there"}))


def csv_files():
    text = "name,price\nred,1.5\nblue,2\n"
    (OUT / "table.csv.gz").write_bytes(gzip.compress(text.encode(), mtime=0))


OUT.mkdir(exist_ok=True)
npy_files()
npz_files()
idx_files()
safetensors_files()
csv_files()
