"""Writes tests/references/preprocessing.txt. Run with NumPy and SciPy: /usr/bin/python3 preprocessing.py.

Principal components come from a singular value decomposition of the samples, not from the covariance.
"""

import numpy as np
import scipy.linalg

rng = np.random.default_rng(5)
X = (rng.normal(size=(7, 2, 2)) @ rng.normal(size=(2, 2)) * 3 + rng.normal(size=(2, 2))).round(3)
X[:, 1, 0] = 2.5  # does not vary
NEW = rng.normal(size=(2, 2, 2)).round(3) * 5
FLAT, FLAT_NEW = X.reshape(7, 4), NEW.reshape(2, 4)
rows = {"x": X, "new": NEW}


def scaled(name, shift, scale):
    rows[name] = (NEW - shift) / np.where(scale == 0, 1, scale)


for per, axes in {"feature": (0,), "channel": (0, 2), "all": (0, 1, 2)}.items():
    mean = X.mean(axes, keepdims=True)
    scaled(f"center {per}", mean, np.ones_like(mean))
    scaled(f"standardize {per}", mean, X.std(axes, keepdims=True))
    low, high = X.min(axes, keepdims=True), X.max(axes, keepdims=True)
    span = np.where(high == low, 1, (high - low) / 3)
    rows[f"minmax {per}"] = (NEW - low) / span - 1

mean = FLAT.mean(0)
_, s, axes = scipy.linalg.svd(FLAT - mean, full_matrices=False)
axes *= np.sign(axes[np.arange(len(axes)), np.abs(axes).argmax(1)])[:, None]
variance = s**2 / (len(FLAT) - 1)
rows["explained variance"], rows["ratio"], rows["components"] = variance[:2], (variance / variance.sum())[:2], axes[:2]
rows["pca"] = (FLAT_NEW - mean) @ axes[:2].T
rows["pca inverse"] = rows["pca"] @ axes[:2] + mean
rows["pca whitened"] = rows["pca"] / np.sqrt(variance[:2])
rows["pca whitened epsilon"] = (FLAT_NEW - mean) @ axes[:3].T / np.sqrt(variance[:3] + 0.1)
root = scipy.linalg.fractional_matrix_power(np.cov(FLAT.T) + 0.1 * np.eye(4), -0.5)
rows["zca"] = (FLAT_NEW - mean) @ root

with open("preprocessing.txt", "w") as f:
    for name, values in rows.items():
        f.write(f"{name}: {' '.join(repr(float(v)) for v in np.ravel(values))}\n")
