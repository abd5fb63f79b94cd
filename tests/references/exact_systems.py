"""Linear systems and determinants in 60 digits, and how far from the truth the theory of rounding lets a solution be.

Values, gradients and second derivatives of cholesky, solve and det (at ranks n, n - 1 and n - 2 as well), by differences in
60 digits. Then the test matrices of Higham, "Accuracy and Stability of Numerical Algorithms" (2002), chapter 28, as doubles:
their solutions for the right-hand side wave(n, 2, 1), their determinants, and bounds in units of gamma_n = n u:

    triangular     |T^-1| |T| |x|             theorem 8.5
    elimination    |A^-1| |P' L| |U| |x|      theorem 9.4, gamma_3n
    determinant    trace(|A^-1| |P' L| |U|)   section 14.6.1: det(A + dA) with |dA| <= gamma_n |P' L| |U|

Needs mpmath. Writes exact_systems.txt, lines of the form

    name: numbers, in row-major order
"""

import math
import pathlib

from mpmath import mp, mpf, matrix

mp.dps = 60


def wave(m, n, k):
    """The doubles of tests/ops/reference_rows.hpp."""
    return matrix([[mpf(1.5 * math.sin(1 + 2.3 * (i * n + j) + 5.1 * k)) for j in range(n)] for i in range(m)])


def absolute(a):
    return a.apply(abs)


def gradients(f, inputs):
    """Of sum(f(inputs) wave(100)) by each input."""
    def loss(x):
        y = f(*x)
        w = wave(y.rows, y.cols, 100)
        return sum(y[i, j] * w[i, j] for i in range(y.rows) for j in range(y.cols))

    step, all_ = mpf(10) ** -20, []
    for k, a in enumerate(inputs):
        g = matrix(a.rows, a.cols)
        for i in range(a.rows):
            for j in range(a.cols):
                ends = []
                for side in (step, -step):
                    x = [v.copy() for v in inputs]
                    x[k][i, j] += side
                    ends.append(loss(x))
                g[i, j] = (ends[0] - ends[1]) / (2 * step)
        all_.append(g)
    return all_


def derivatives(name, f, *inputs):
    """Value, gradients, and the change of the gradients along wave(200) of all inputs."""
    yield f"{name} y", f(*inputs)
    step, along = mpf(10) ** -10, [wave(a.rows, a.cols, 200 + k) for k, a in enumerate(inputs)]
    up = gradients(f, [a + step * v for a, v in zip(inputs, along)])
    down = gradients(f, [a - step * v for a, v in zip(inputs, along)])
    for k, g in enumerate(gradients(f, list(inputs))):
        yield f"{name} gradient {k}", g
        yield f"{name} second {k}", (up[k] - down[k]) / (2 * step)


def symmetric(a):
    return (a + a.T) / 2


def determinant(a):
    """By minors, which needs no pivot."""
    def expand(rows, cols):
        if not rows:
            return mpf(1)
        return sum((-1) ** k * a[rows[0], c] * expand(rows[1:], cols[:k] + cols[k + 1:]) for k, c in enumerate(cols))

    return matrix([[expand(list(range(a.rows)), list(range(a.cols)))]])


def functions():
    free, right = wave(5, 5, 1), wave(5, 2, 2)
    definite = free * free.T / 5 + mp.eye(5)
    definite = matrix([[mpf(float(definite[max(i, j), min(i, j)])) for j in range(5)] for i in range(5)])
    yield "definite", definite
    yield from derivatives("cholesky", lambda a: mp.cholesky(symmetric(a)), definite)
    yield from derivatives("solve", lambda a, b: a ** -1 * b, free + 4 * mp.eye(5), right)
    whole = matrix([[1, 2, 0, -1], [0, 1, 3, 1], [2, 0, 1, 1], [1, -1, 1, 0]])
    third = whole[:, 0] + 2 * whole[:, 1]
    rank_3, rank_2 = whole.copy(), whole.copy()
    for i in range(4):
        rank_3[i, 2] = rank_2[i, 2] = third[i]
        rank_2[i, 3] = whole[i, 0] - whole[i, 1]
    for name, a in {"4": whole, "3": rank_3, "2": rank_2}.items():
        yield f"rank {name}", a
        yield from derivatives(f"det of rank {name}", determinant, a)


def eliminated(a):
    """P' L and U by partial pivoting."""
    n, u, l, rows = a.rows, a.copy(), mp.zeros(a.rows), list(range(a.rows))
    for k in range(n):
        p = max(range(k, n), key=lambda i: abs(u[i, k]))
        for m in (u, l):
            for j in range(n):
                m[k, j], m[p, j] = m[p, j], m[k, j]
        rows[k], rows[p] = rows[p], rows[k]
        l[k, k] = 1
        for i in range(k + 1, n):
            l[i, k] = u[i, k] / u[k, k]
            for j in range(k, n):
                u[i, j] -= l[i, k] * u[k, j]
    lower = mp.zeros(n)
    for k, row in enumerate(rows):
        for j in range(n):
            lower[row, j] = l[k, j]
    assert mp.mnorm(lower * u - a, 1) < mpf(10) ** -40 * mp.mnorm(a, 1)
    return lower, u


def known_matrices():
    s, c = math.sin(1.2), math.cos(1.2)
    known = {
        "hilbert": [[1 / (i + j + 1) for j in range(10)] for i in range(10)],
        "kahan": [[s ** i * (1 if i == j else -c) if j >= i else 0 for j in range(16)] for i in range(16)],
        "wilkinson": [[1 if i == j or j == 23 else -1 if i > j else 0 for j in range(24)] for i in range(24)],
        "frank": [[12 - max(i, j) if j >= i - 1 else 0 for j in range(12)] for i in range(12)],
    }
    for name, rows in known.items():
        a = matrix([[mpf(v) for v in row] for row in rows])
        lower, upper = eliminated(a)
        inverse, growth = a ** -1, absolute(lower) * absolute(upper)
        x = inverse * wave(a.rows, 2, 1)
        g = inverse.T * wave(a.rows, 2, 100)
        yield f"{name} matrix", a
        yield f"{name} solution", x
        yield f"{name} bound", absolute(inverse) * growth * absolute(x)
        yield f"{name} gradient", g
        yield f"{name} gradient bound", absolute(inverse.T) * growth.T * absolute(g)
        if name == "kahan":
            yield "kahan triangular bound", absolute(inverse) * absolute(a) * absolute(x)
        yield f"{name} determinant", matrix([[mp.det(a)]])
        spread = absolute(inverse) * growth
        yield f"{name} determinant bound", matrix([[sum(spread[i, i] for i in range(a.rows))]])


def numbers(a):
    return " ".join(mp.nstr(a[i, j], 20) for i in range(a.rows) for j in range(a.cols))


rows = [row for part in (functions, known_matrices) for row in part()]
pathlib.Path(__file__).with_suffix(".txt").write_text("".join(f"{name}: {numbers(v)}\n" for name, v in rows))
