"""Writes tests/references/losses.txt. Run with PyTorch 1.13 (Debian: python3-torch): /usr/bin/python3 losses.py."""

import itertools

import torch
import torch.nn.functional as F

from torch_rows import labels, unit, wave, write

REDUCTIONS = ("none", "mean", "sum")
SHAPES = {"5x4": ((5, 4), (5,)), "4": ((4,), ()), "2x4x3": ((2, 4, 3), (2, 3)), "2x4x2x2": ((2, 4, 2, 2), (2, 2, 2))}
WEIGHT = unit((4,), 9)


def hinge(x, y, p, margin, reduction):
    """Weston and Watkins' loss; PyTorch's own divides it by the number of classes and has no second derivative."""
    hot = F.one_hot(y, x.shape[1])
    loss = ((x - (x * hot).sum(1, keepdim=True) + margin).clamp(min=0) ** p * (1 - hot)).sum(1)
    loss = {"none": loss, "mean": loss.mean(), "sum": loss.sum()}[reduction]
    theirs = F.multi_margin_loss(x, y, p, margin, reduction=reduction) * x.shape[1]
    torch.testing.assert_close(loss, theirs, rtol=1e-12, atol=1e-12)
    return loss


def reduce(loss, reduction):
    return {"none": loss, "mean": loss.mean(), "sum": loss.sum()}[reduction]


rows = []


def add(name, inputs, f):
    """f(inputs, reduction) for each reduction."""
    for r in REDUCTIONS:
        rows.append((f"{name} {r}", inputs, lambda *x, r=r: f(*x, r)))


x, t = wave((3, 5), 0), wave((3, 5), 1)
p, q = unit((3, 5), 2), unit((3, 5), 3)
add("mse", [x, t], lambda x, t, r: F.mse_loss(x, t, reduction=r))
add("mae", [x, t], lambda x, t, r: F.l1_loss(x, t, reduction=r))
add("huber", [x, t], lambda x, t, r: F.huber_loss(x, t, reduction=r, delta=0.7))
add("bce", [p, q], lambda p, t, r: F.binary_cross_entropy(p, t, reduction=r))
add("bce of logits", [x, q], lambda x, t, r: F.binary_cross_entropy_with_logits(x, t, reduction=r))
add("bce of large logits", [x, q], lambda x, t, r: F.binary_cross_entropy_with_logits(40 * x, t, reduction=r))
add("kl", [x, q], lambda x, t, r: F.kl_div(x, t, reduction=r))
add("kl of logs", [x, t], lambda x, t, r: F.kl_div(x, t, reduction=r, log_target=True))
add("smooth l1", [x, t], lambda x, t, r: F.smooth_l1_loss(x, t, reduction=r, beta=0.7))
add("smooth l1 without a bend", [x, t], lambda x, t, r: F.smooth_l1_loss(x, t, reduction=r, beta=0.0))
add(
    "bce of logits with positive weight",
    [x, q],
    lambda x, t, r: F.binary_cross_entropy_with_logits(x, t, reduction=r, pos_weight=3 * unit((5,), 4)),
)
rows.append(
    ("kl batchmean", [x, q], lambda x, t: F.kl_div(x, t / t.sum(1, keepdim=True), reduction="batchmean"))
)
add("cosine", [x, t], lambda x, t, r: reduce(1 - F.cosine_similarity(x, t, 1), r))
add("cosine 0", [x, t], lambda x, t, r: reduce(1 - F.cosine_similarity(x, t, 0), r))
add("hinge", [wave((5, 4), 0)], lambda x, r: hinge(x, labels((5,), 4), 1, 1, r))
add("hinge margin", [wave((5, 4), 0)], lambda x, r: hinge(x, labels((5,), 4), 1, 0.3, r))
add("squared hinge", [wave((5, 4), 0)], lambda x, r: hinge(x, labels((5,), 4), 2, 1, r))
counts = 4 * q
var = 2 * unit((3, 5), 5)
add("gaussian nll", [x, t, var], lambda x, t, v, r: F.gaussian_nll_loss(x, t, v, reduction=r))
add("gaussian nll full", [x, t, var], lambda x, t, v, r: F.gaussian_nll_loss(x, t, v, full=True, reduction=r))
add("gaussian nll clamped", [x, t, var], lambda x, t, v, r: F.gaussian_nll_loss(x, t, v, eps=0.9, reduction=r))
add("gaussian nll rows", [x, t, var[:, 0].clone()], lambda x, t, v, r: F.gaussian_nll_loss(x, t, v, reduction=r))
add("gaussian nll columns", [x, t, var[:, :1].clone()], lambda x, t, v, r: F.gaussian_nll_loss(x, t, v, reduction=r))
add("poisson nll", [x, counts], lambda x, t, r: F.poisson_nll_loss(x, t, reduction=r))
add("poisson nll of rates", [p, counts], lambda x, t, r: F.poisson_nll_loss(x, t, log_input=False, eps=0.1, reduction=r))
add("poisson nll full", [x, counts], lambda x, t, r: F.poisson_nll_loss(x, t, full=True, reduction=r))
triplet = [wave((4, 5), 0), wave((4, 5), 1), wave((4, 5), 2)]
add("triplet", triplet, lambda a, p, n, r: F.triplet_margin_loss(a, p, n, reduction=r))
add("triplet 1", triplet, lambda a, p, n, r: F.triplet_margin_loss(a, p, n, margin=0.3, p=1, reduction=r))
add("triplet 3 swapped", triplet, lambda a, p, n, r: F.triplet_margin_loss(a, p, n, p=3, eps=0.01, swap=True, reduction=r))


def sigmoid_focal(x, t, alpha, gamma, r):
    """torchvision.ops.sigmoid_focal_loss, in the words of the paper."""
    p = torch.sigmoid(x)
    p_t = p * t + (1 - p) * (1 - t)
    loss = F.binary_cross_entropy_with_logits(x, t, reduction="none") * (1 - p_t) ** gamma
    return reduce(loss if alpha < 0 else (alpha * t + (1 - alpha) * (1 - t)) * loss, r)


def focal(x, y, weight, gamma, ignore_index, r):
    log_p = F.log_softmax(x, 1)
    y_or_0 = y.where(y != ignore_index, torch.tensor(0))
    own = log_p.gather(1, y_or_0[:, None])[:, 0]
    w = weight[y_or_0] * (y != ignore_index)
    loss = -w * (1 - own.exp()) ** gamma * own
    return loss.sum() / w.sum() if r == "mean" else reduce(loss, r)


add("sigmoid focal", [x, q], lambda x, t, r: sigmoid_focal(x, t, 0.25, 2, r))
add("sigmoid focal without weights", [x, q], lambda x, t, r: sigmoid_focal(x, t, -1, 1.5, r))
add("focal", [wave((5, 4), 0)], lambda x, r: focal(x, labels((5,), 4), torch.ones(4), 2, -100, r))
add("focal weighted", [wave((5, 4), 0)], lambda x, r: focal(x, labels((5,), 4), WEIGHT, 1.5, 2, r))
add("focal of images", [wave((2, 4, 2, 2), 0)], lambda x, r: focal(x, labels((2, 2, 2), 4), WEIGHT, 0.5, 2, r))


def ctc(x, targets, steps, counts, blank, r):
    """The sum over every path, each of which is the labels with repetitions and blanks."""
    losses = []
    for n, (length, count) in enumerate(zip(steps, counts)):
        found = []
        for path in itertools.product(range(x.shape[2]), repeat=length):
            labels_of_path = [c for i, c in enumerate(path) if c != blank and (i == 0 or path[i - 1] != c)]
            if labels_of_path == targets[n][:count]:
                found.append(sum((x[t, n, c] for t, c in enumerate(path)), torch.tensor(0.0)))
        losses.append(-torch.logsumexp(torch.stack(found), 0))
    losses = torch.stack(losses)
    theirs = F.ctc_loss(x, torch.tensor(targets), steps, counts, blank, reduction="none")
    torch.testing.assert_close(losses, theirs, rtol=1e-12, atol=1e-12)
    return (losses / torch.tensor(counts).clamp(min=1)).mean() if r == "mean" else reduce(losses, r)


for name, blank, targets, steps, counts in (
    ("ctc", 0, [[1, 2, 0], [2, 2, 1], [1, 0, 0]], (5, 5, 3), (2, 3, 1)),
    ("ctc, blank last", 2, [[1, 0], [0, 0], [1, 1]], (4, 2, 5), (2, 0, 2)),
):
    add(
        name,
        [wave((5, 3, 3), 0)],
        lambda x, r, b=blank, y=targets, s=steps, c=counts: ctc(F.log_softmax(x, 2), y, s, c, b, r),
    )
for name, (shape, label_shape) in SHAPES.items():
    y = labels(label_shape, 4)
    inputs = [wave(shape, 0)]
    add(f"cross entropy {name}", inputs, lambda x, r, y=y: F.cross_entropy(x, y, reduction=r))
    add(
        f"cross entropy {name} weighted",
        inputs,
        lambda x, r, y=y: F.cross_entropy(x, y, WEIGHT, reduction=r, ignore_index=2),
    )
    add(
        f"cross entropy {name} smooth",
        inputs,
        lambda x, r, y=y: F.cross_entropy(x, y, reduction=r, label_smoothing=0.2),
    )
    add(
        f"cross entropy {name} smooth weighted",
        inputs,
        lambda x, r, y=y: F.cross_entropy(x, y, WEIGHT, reduction=r, label_smoothing=0.2, ignore_index=2),
    )
    add(
        f"cross entropy {name} probabilities",
        [wave(shape, 0), unit(shape, 1)],
        lambda x, t, r: F.cross_entropy(x, t, WEIGHT, reduction=r, label_smoothing=0.1),
    )
    axis = 0 if len(shape) == 1 else 1
    add(
        f"nll {name}",
        inputs,
        lambda x, r, y=y, a=axis: F.nll_loss(F.log_softmax(x, a), y, WEIGHT, reduction=r, ignore_index=1),
    )
write(__file__, rows)
