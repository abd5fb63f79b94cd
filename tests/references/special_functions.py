"""Writes tests/references/special_functions.txt. Run with mpmath (Debian: python3-mpmath): /usr/bin/python3 special_functions.py.

Functions whose relative precision is asked for also where they are small, at arguments that float holds exactly.
"""

import pathlib

from mpmath import diff, exp, mp, mpf, ncdf, npdf, nstr, tanh

mp.dps = 50


def gelu(x):
    return x * ncdf(x)


def gelu_slope(x):
    return ncdf(x) + x * npdf(x)


functions = {"exp": exp, "tanh": tanh, "ndtr": ncdf, "ndtr gradient": npdf, "gelu": gelu, "gelu gradient": gelu_slope}
assert all(abs(diff(gelu, mpf(x)) - gelu_slope(mpf(x))) < mpf(10) ** -20 for x in (-3, -1, 2))

tail = [mpf(-37) + k * mpf(19) / 32 for k in range(58)]
middle = [mpf(k) * 9 / 64 for k in range(-19, 60) if k != 0]
tiny = [mpf(2) ** -k for k in (6, 12, 20)]
x = [v for v in tail + middle + tiny if abs(v) < 38]
with open(pathlib.Path(__file__).with_suffix(".txt"), "w", encoding="utf-8") as file:
    print("x:", *(nstr(v, 17) for v in x), file=file)
    for name, f in functions.items():
        print(f"{name}:", *(nstr(f(v), 17) for v in x), file=file)
