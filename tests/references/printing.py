#!/usr/bin/python3
"""Arrays as NumPy writes them: repr() of arrays under several print options.

Writes printing.txt: for each case a line with type, precision, threshold, edge items, line width, number
of axes and shape, a line with the numbers in hexadecimal, and the text, whose lines begin with "|". Of
many numbers there is the scale only: number i is the scale times (7919 i + 13) modulo 2003, less 1001.
"""

import os

import numpy as np

MANY = 50


def normal(*shape, scale=0.00317):
    i = np.arange(np.prod(shape))
    return (((7919 * i + 13) % 2003 - 1001) * scale).reshape(shape)


def arrays():
    yield np.array(1.5)
    yield np.array(-1e9)
    yield np.zeros(0)
    yield np.zeros((0, 3))
    yield np.zeros((2, 0, 1), np.float32)
    yield np.zeros(3)
    yield np.array([[1, 2.5], [3, 4]])
    yield np.array([-0.0, 1, 1000])
    yield np.array([1e-4, 0.1])
    yield np.array([1e-5, 0.1])
    yield np.array([0.1, 99.9, 100, 100.1])
    yield np.array([1, 1000.0, 1000.5])
    yield np.array([1, 1001.0])
    yield np.array([1e8, 1e8 + 1])
    yield np.array([99999999.0, 99999998.5])
    yield np.array([1e-320, 5e-324, 1e300, -1e300])
    yield np.array([1e-10, 1e100])
    yield np.array([np.nan, np.inf, -np.inf])
    yield np.array([np.nan, np.nan])
    yield np.array([np.inf, 1])
    yield np.array([-np.inf, 0.125, np.nan])
    yield np.array([np.nan, 1e20, -1])
    yield np.array([-np.inf, 3])
    yield np.array([0.5, 0.000123456789123, 12.123456785])
    yield np.array([2.0**-k for k in range(9)])
    yield np.array([1 / 3, 2 / 3, 1e-3])
    yield np.array([1 / 3, 2 / 3, 0.9999999999])
    yield np.arange(10) / 3
    yield (np.arange(10) / 3).astype(np.float32)
    yield np.array([16777216, 33554436], np.float32)
    yield np.array([99999992, 50000000], np.float32)
    yield np.array([0.1, 0.2, 1e-3], np.float32)
    yield np.array([3.4e38, 1.2e-38, 1e-42], np.float32)
    yield normal(3, 4)
    yield normal(3, 4, scale=317.5)
    yield normal(2, 3, 4).astype(np.float32)
    yield normal(2, 1, 2, 2)
    yield normal(40)
    yield normal(3, 25)
    yield normal(1000)
    yield normal(1001)
    yield normal(20, 100)
    yield normal(100, 20).astype(np.float32)
    yield normal(2, 30, 40)
    yield normal(300, 2, 2)
    yield normal(5, 4, 3, 50)
    yield np.where(normal(5, 9) > 0, np.inf, normal(5, 9))
    yield normal(3, 4, scale=1).astype(np.int64)
    yield np.arange(40) % 7
    yield np.array(7)
    yield np.array([], np.int64)
    yield np.zeros((3, 0), np.int64)
    yield np.array([2**63 - 1, -(2**63), 0])
    yield normal(100, 30, scale=1).astype(np.int64)


OPTIONS = [(8, 1000, 3, 75), (3, 10, 1, 40), (12, 50, 2, 120), (0, 5, 3, 20)]


def scale_of(a):
    scale = {np.int64: 1}.get(a.dtype.type, 0.00317)
    assert (a == normal(*a.shape, scale=scale).astype(a.dtype)).all()
    return scale


def write(file):
    for a in arrays():
        many = a.size >= MANY
        for precision, threshold, edge, width in OPTIONS[: 2 if many else 4]:
            with np.printoptions(precision=precision, threshold=threshold, edgeitems=edge, linewidth=width):
                text = repr(a)
            shape = " ".join(map(str, a.shape))
            print(a.dtype, precision, threshold, edge, width, a.ndim, shape, file=file)
            whole = a.dtype == np.int64
            numbers = [scale_of(a)] if many else a.ravel().tolist()
            print(*(str(v) if whole else float(v).hex() for v in numbers), file=file)
            print("|" + text.replace("\n", "\n|"), file=file)


if __name__ == "__main__":
    with open(os.path.join(os.path.dirname(__file__), "printing.txt"), "w") as f:
        write(f)
