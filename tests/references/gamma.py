"""Writes tests/references/gamma.txt. Run with mpmath (Debian: python3-mpmath): /usr/bin/python3 gamma.py.

The gamma function's logarithm and its derivatives at arguments that float holds exactly, with the size of the terms
that a value at a negative argument is a sum of; and how quantiles of the gamma distribution move with its shape: the
first and second derivative of the quantile function itself, by differences in 60 digits.
"""

import pathlib
import random

import numpy
from mpmath import diff, findroot, gamma, gammainc, log, loggamma, mp, mpf, nstr, psi

mp.dps = 60
random.seed(1)


def single(x):
    return mpf(float(numpy.float32(x)))


ORDERS = {"digamma": 0, "trigamma": 1, "polygamma 2": 2, "polygamma 3": 3, "polygamma 6": 6}

positive = [random.uniform(0.01, 20) for _ in range(120)] + [random.uniform(1, 3) for _ in range(80)]
positive += [10 ** random.uniform(-4, 4) for _ in range(60)] + [1.4616321, 1.4616322, 1, 2, 3, 10, 0.5, 2.5]
negative = [-random.uniform(0, 12) for _ in range(120)] + [-(10 ** random.uniform(-4, 2)) for _ in range(40)]


def log_abs_gamma(x):
    return loggamma(x) if x > 0 else log(abs(gamma(x)))


def quantile(a, u, start):
    return findroot(lambda z: gammainc(a, 0, z, regularized=True) - u, start)


with open(pathlib.Path(__file__).with_suffix(".txt"), "w", encoding="utf-8") as file:

    def write(name, values):
        print(f"{name}:", *(nstr(v, 20) for v in values), file=file)

    for sign, points in ("positive", positive), ("negative", negative):
        x = [v for v in map(single, points) if v != round(v) or v > 0]
        write(f"{sign} x", x)
        write(f"{sign} lgamma", map(log_abs_gamma, x))
        for name, n in ORDERS.items():
            write(f"{sign} {name}", (psi(n, v) for v in x))
            if sign == "negative":
                write(f"{name} terms", (max(abs(psi(n, v)), abs(psi(n, 1 - v))) for v in x))

    shapes, numbers, slopes, second = [], [], [], []
    for a in map(single, (0.03, 0.3, 0.9, 1, 1.5, 2, 5, 7.3, 20, 60)):
        for part in map(single, (0.004, 0.1, 0.5, 1, 1.25, 2, 4)):
            z = a * part
            u = gammainc(a, 0, z, regularized=True)
            if 1 - u < mpf(10) ** -14 or u < mpf(10) ** -14:
                continue
            shapes.append(a)
            numbers.append(z)
            slopes.append(diff(lambda s: quantile(s, u, z), a))
            second.append(diff(lambda s: quantile(s, u, z), a, 2))
    write("shape", shapes)
    write("number", numbers)
    write("slope", slopes)
    write("second", second)
