"""Functions of matrices at equal eigenvalues and singular values, where PyTorch 1.13 is wrong, in 60 digits.

Each function is computed from the matrix itself (series, products, square roots of matrices), without eigenvectors, and its
gradient by differences in 60 digits. Needs mpmath. Writes spectral.txt, lines of the form

    name: numbers, in row-major order
"""

import math
import pathlib

from mpmath import mp, mpf, matrix

mp.dps = 60
STEP = mpf(10) ** -20


def wave(m, n, k):
    """The doubles of tests/ops/reference_rows.hpp."""
    return matrix([[mpf(1.5 * math.sin(1 + 2.3 * (i * n + j) + 5.1 * k)) for j in range(n)] for i in range(m)])


def total(a, b):
    return sum(a[i, j] * b[i, j] for i in range(a.rows) for j in range(a.cols))


def symmetric(a):
    return (a + a.T) / 2


def root(a):
    return mp.sqrtm(a)


def polar(a):
    return a * root(a.T * a) ** -1


def nuclear(a):
    r = root(a.T * a)
    return matrix([[sum(r[i, i] for i in range(r.rows))]])


def gradient(f, a):
    """Of sum(f(a) wave(100)), or of f(a) when that is one number."""
    def loss(x):
        y = f(x)
        return y[0, 0] if y.rows == y.cols == 1 else total(y, wave(y.rows, y.cols, 100))

    g = matrix(a.rows, a.cols)
    for i in range(a.rows):
        for j in range(a.cols):
            up, down = a.copy(), a.copy()
            up[i, j] += STEP
            down[i, j] -= STEP
            g[i, j] = (loss(up) - loss(down)) / (2 * STEP)
    return g


def second(f, a):
    """The derivative of that gradient along wave(200)."""
    step, v = mpf(10) ** -10, wave(a.rows, a.cols, 200)
    return (gradient(f, a + step * v) - gradient(f, a - step * v)) / (2 * step)


def kron(a, b):
    return matrix([[a[i // b.rows, j // b.cols] * b[i % b.rows, j % b.cols] for j in range(a.cols * b.cols)]
                   for i in range(a.rows * b.rows)])


def numbers(a):
    return " ".join(mp.nstr(a[i, j], 20) for i in range(a.rows) for j in range(a.cols))


HADAMARD = kron(matrix([[1, 1], [1, -1]]), matrix([[1, 1], [1, -1]])) / 2
SYMMETRIC = {
    "one": mp.eye(4),
    "three": mp.eye(4) + mp.ones(4),                              # 1, 1, 1, 5
    "pairs": kron(matrix([[2, 1], [1, 2]]), mp.eye(2)),            # 1, 1, 3, 3
}
RECTANGULAR = {
    "one": HADAMARD * mpf(1.5),
    "pair": HADAMARD * mp.diag([3, 2, 2, 1]),
    "tall": matrix((HADAMARD * 2).tolist() + [[0] * 4] * 2),
}


def ties():
    functions = {"exp": mp.expm, "square": lambda a: a * a, "root": root, "log": mp.logm}
    for name, a in SYMMETRIC.items():
        for which, f in functions.items():
            yield f"{name} {which}", gradient(lambda x: f(symmetric(x)), a)
            yield f"{name} {which} second", second(lambda x: f(symmetric(x)), a)
        trace = lambda x: matrix([[sum(mp.expm(symmetric(x))[i, i] for i in range(4))]])
        yield f"{name} trace of exp", gradient(trace, a)
        yield f"{name} trace of exp second", second(trace, a)
    for name, a in RECTANGULAR.items():
        for which, f in {"polar": polar, "nuclear": nuclear, "cube": lambda x: x * x.T * x}.items():
            yield f"{name} {which}", gradient(f, a)
            yield f"{name} {which} second", second(f, a)
    for name, a in {"rank 2": HADAMARD * mp.diag([3, 2, 0, 0]), "zero": mp.zeros(4)}.items():
        yield f"{name} sum of powers", gradient(lambda x: x + x * x.T * x, a)
        yield f"{name} sum of powers second", second(lambda x: x + x * x.T * x, a)
    thin = matrix([HADAMARD.tolist()[i][:2] for i in range(4)]) * mp.diag([3, 0])
    yield "thin sum of powers", gradient(lambda x: x + x * x.T * x, thin)
    yield "thin sum of powers second", second(lambda x: x + x * x.T * x, thin)


def exponentials():
    for name, a in {"wave": wave(4, 4, 7) * 3, "shear": matrix([[1, mpf(10) ** 6], [0, -1]]),
                    "nilpotent": matrix([[0, 1, 2], [0, 0, 3], [0, 0, 0]])}.items():
        yield f"exponential {name}", mp.expm(a)
        yield f"exponential {name} gradient", gradient(mp.expm, a)


def deficient():
    """The derivative of sum(pinv(b c) wave(100)) along db c + b dc, which keeps the rank 2."""
    b, c = matrix([[1, 2], [0, 1], [3, -1], [1, 1], [-2, 1]]), matrix([[1, 0, 2, -1], [2, 1, 0, 1]])
    db, dc = wave(5, 2, 1), wave(2, 4, 2)

    def inverse(t):
        p, q = b + t * db, c + t * dc
        return q.T * (q * q.T) ** -1 * (p.T * p) ** -1 * p.T

    yield "deficient matrix", b * c
    yield "deficient direction", db * c + b * dc
    yield "deficient pinv", inverse(0)
    change = (inverse(STEP) - inverse(-STEP)) / (2 * STEP)
    yield "deficient change", matrix([[total(change, wave(4, 5, 100))]])
    right = wave(5, 2, 3)
    yield "deficient lstsq", inverse(0) * right
    yield "deficient lstsq change", matrix([[total(change * right, wave(4, 2, 100))]])


def singular(a):
    values = sorted((mp.sqrt(v) for v in mp.eigsy(a.T * a, eigvals_only=True)), reverse=True)
    return matrix([values])


def known_matrices():
    yield "hilbert", singular(matrix([[mpf(1) / (i + j + 1) for j in range(8)] for i in range(8)]))
    s, c = mp.sin(mpf(1.25)), mp.cos(mpf(1.25))
    kahan = matrix([[s ** i * (1 if i == j else -c if j > i else 0) for j in range(12)] for i in range(12)])
    yield "kahan", singular(kahan)
    frank = matrix([[12 - max(i, j) if j >= i - 1 else 0 for j in range(12)] for i in range(12)])
    yield "frank", singular(frank)
    wilkinson = matrix([[abs(i - 10) if i == j else 1 if abs(i - j) == 1 else 0 for j in range(21)] for i in range(21)])
    yield "wilkinson", matrix([sorted(mp.eigsy(wilkinson, eigvals_only=True))])


rows = [row for part in (ties, exponentials, deficient, known_matrices) for row in part()]
pathlib.Path(__file__).with_suffix(".txt").write_text("".join(f"{name}: {numbers(v)}\n" for name, v in rows))
