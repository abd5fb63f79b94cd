"""Writes tests/references/scores.txt. Run with NumPy and SciPy: /usr/bin/python3 scores.py.

The definitions of scikit-learn's documentation, written out: counts by comparison of all pairs and
thresholds, areas by SciPy's Mann-Whitney statistic and by sums.
"""

import numpy as np
import scipy.stats

rng = np.random.default_rng(11)
N, C = 40, 4
LOGITS = rng.normal(size=(N, C)).round(2)
P = np.exp(LOGITS) / np.exp(LOGITS).sum(1, keepdims=True)
P = P.round(4)
P[:, 0] = (1 - P[:, 1:].sum(1)).round(4)
LABELS = rng.integers(0, 3, size=N)  # class 3 never occurs, but is predicted
SCORES = rng.normal(size=30).round(1)  # with ties
POSITIVE = rng.integers(0, 2, size=30)
T = rng.normal(size=(9, 3)).round(3)
T[:, 2] = 1.5
Y = (T + rng.normal(size=T.shape) * 0.4).round(3)
rows = {"p": P, "labels": LABELS, "scores": SCORES, "positive": POSITIVE, "targets": T, "predictions": Y}

predicted = P.argmax(1)
hits = np.array([((predicted == c) & (LABELS == c)).sum() for c in range(C)])
said = np.array([(predicted == c).sum() for c in range(C)])
are = np.array([(LABELS == c).sum() for c in range(C)])
precision = np.divide(hits, said, out=np.zeros(C), where=said > 0)
recall = np.divide(hits, are, out=np.zeros(C), where=are > 0)
f1 = np.divide(2 * precision * recall, precision + recall, out=np.zeros(C), where=hits > 0)
rows |= {"precision": precision, "recall": recall, "f1": f1}
rows["macro"] = [precision.mean(), recall.mean(), f1.mean()]
rows["micro"] = [hits.sum() / N] * 3
rows["weighted"] = [(v * are).sum() / N for v in (precision, recall, f1)]

thresholds = np.unique(SCORES)[::-1]
on, off = SCORES[POSITIVE == 1], SCORES[POSITIVE == 0]
rows["thresholds"] = thresholds
rows["true positive rate"] = [(on >= t).mean() for t in thresholds]
rows["false positive rate"] = [(off >= t).mean() for t in thresholds]
rows["roc area"] = [scipy.stats.mannwhitneyu(on, off).statistic / (len(on) * len(off))]
pr = np.array([(on >= t).sum() / (SCORES >= t).sum() for t in thresholds])
rows["precision curve"] = pr
rows["average precision"] = [(np.diff([(on >= t).mean() for t in thresholds], prepend=0) * pr).sum()]

own = P[np.arange(N), LABELS]
rows["log loss"] = [-np.log(own).mean()]
rows["brier"] = [((P - np.eye(C)[LABELS]) ** 2).sum(1).mean()]
sure, right = P.max(1), predicted == LABELS
edges = np.linspace(0, 1, 6)
bins = np.searchsorted(edges[1:-1], sure)  # an edge belongs to the bin below it
rows["bin counts"] = [(bins == b).sum() for b in range(5)]
full = [b for b in range(5) if (bins == b).any()]
rows["calibration error"] = [
    sum((bins == b).mean() * abs(right[bins == b].mean() - sure[bins == b].mean()) for b in full)
]
rows["largest calibration error"] = [
    max(abs(right[bins == b].mean() - sure[bins == b].mean()) for b in full)
]
rows["mae"] = [np.abs(Y - T).mean()]
rows["mse"] = [((Y - T) ** 2).mean()]
r2 = 1 - ((Y - T) ** 2).sum(0)[:2] / ((T - T.mean(0)) ** 2).sum(0)[:2]
rows["r2"] = [np.append(r2, 0).mean()]  # constant targets that are not met count 0

with open(__file__[:-2] + "txt", "w") as out:
    for name, values in rows.items():
        out.write(name + ": " + " ".join(repr(float(v)) for v in np.ravel(values)) + "\n")
