"""Writes tests/references/augmentation.txt. Run with NumPy and SciPy: /usr/bin/python3 augmentation.py.

Images turned, scaled, sheared and shifted about their centre, from matrices multiplied here, by SciPy's interpolation.
"""

import numpy as np
import scipy.ndimage

rng = np.random.default_rng(3)
IMAGE = rng.random((2, 5, 7)).round(3)
CASES = {  # degrees, scale, shear in degrees, down, right
    "rotated": (30, 1, 0, 0, 0), "scaled": (0, 1.4, 0, 0, 0), "sheared": (0, 1, 20, 0, 0), "shifted": (0, 1, 0, 1.25, -0.5),
    "all": (-70, 0.8, -15, -0.75, 1.5)}


def forward(degrees, scale, shear):
    """On (y, x), y downwards: a shear that moves the upper half to the right, a scaling, a turn from x towards -y."""
    a = np.deg2rad(degrees)
    turn = np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])
    lean = np.array([[1, 0], [-np.tan(np.deg2rad(shear)), 1]])
    return scale * turn @ lean


rows = {"image": IMAGE}
for name, (degrees, scale, shear, down, right) in CASES.items():
    back = np.linalg.inv(forward(degrees, scale, shear))
    centre = np.array([2.0, 3.0])
    offset = centre - back @ (centre + [down, right])
    rows[name] = [scipy.ndimage.affine_transform(c, back, offset, order=1, mode="grid-constant", cval=0.5) for c in IMAGE]

with open("augmentation.txt", "w") as f:
    for name, values in rows.items():
        f.write(f"{name}: {' '.join(repr(float(v)) for v in np.ravel(values))}\n")
