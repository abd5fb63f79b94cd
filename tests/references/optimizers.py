"""Writes tests/references/optimizers.txt: trajectories of optimizers that the tests compare with.

Run in this directory with PyTorch 1.13 and NumPy, which Debian's python has after apt-get install python3-torch:
/usr/bin/python3 optimizers.py.
What PyTorch has comes from torch.optim; Lion, Nesterov's momentum as published and momentum with the
rate in the velocity come from their papers' formulas in NumPy.

Each line is `optimizer problem: numbers`, all weights after the steps in STEPS, in the order of the parameters.
"""

import pathlib

import numpy as np
import torch

torch.set_default_dtype(torch.float64)  # also of PyTorch's own scalars (Nadam's product)

STEPS = (1, 2, 3, 7, 15, 30, 50)


class Rosenbrock:
    """100 (y - x^2)^2 + (1 - x)^2 from (-1.2, 1)."""

    def __init__(self):
        self.start = [np.array([-1.2]), np.array([1.0])]

    def loss(self, x, y):
        return (100 * (y - x * x) ** 2 + (1 - x) ** 2).sum()


class Quadratic:
    """sum(d w^2 / 2 - c w) with d from 1 to 100."""

    def __init__(self):
        i = np.arange(6.0)
        self.d = torch.tensor((100 ** (i / 5)).reshape(2, 3))
        self.c = torch.tensor(np.cos(i).reshape(2, 3))
        self.start = [np.sin(1 + i).reshape(2, 3)]

    def loss(self, w):
        return (0.5 * self.d * w * w - self.c * w).sum()


class Logistic:
    """Mean of log(1 + exp(z)) - y z for z = x w + b, thirty samples of three features."""

    def __init__(self):
        i, j = np.arange(30.0)[:, None], np.arange(3.0)
        self.x = torch.tensor(np.sin(1 + 3 * i + j * (i + 2)))
        self.y = torch.tensor((np.arange(30) % 3 == 0).astype(float).reshape(30, 1))
        self.start = [np.array([[0.5], [-0.25], [0.125]]), np.array([0.1])]

    def loss(self, w, b):
        z = self.x @ w + b
        return (torch.nn.functional.softplus(z, threshold=700) - self.y * z).mean()


PROBLEMS = {"rosenbrock": Rosenbrock, "quadratic": Quadratic, "logistic": Logistic}


def gradients(problem, weights):
    leaves = [torch.tensor(w, requires_grad=True) for w in weights]
    problem.loss(*leaves).backward()
    return [p.grad.numpy() for p in leaves]


def torch_trajectory(problem, make, rate_at=None, evaluations=False):
    """All weights, with `evaluations` instead how often L-BFGS had called the loss."""
    leaves = [torch.tensor(w, requires_grad=True) for w in problem.start]
    optimizer = make(leaves)
    base = optimizer.param_groups[0]["lr"]

    def closure():
        optimizer.zero_grad()
        loss = problem.loss(*leaves)
        loss.backward()
        return loss

    for t in range(1, STEPS[-1] + 1):
        if rate_at:
            optimizer.param_groups[0]["lr"] = base * rate_at(t)
        optimizer.step(closure)
        if t in STEPS and evaluations:
            yield optimizer.state[leaves[0]]["func_evals"]
        elif t in STEPS:
            yield from np.concatenate([p.detach().numpy().ravel() for p in leaves])


def numpy_trajectory(problem, rule):
    """rule(w, gradient_at, t, state) -> new w, on all weights as one vector."""
    shapes = [w.shape for w in problem.start]
    ends = np.cumsum([w.size for w in problem.start])

    def gradient_at(flat):
        parts = [p.reshape(s) for p, s in zip(np.split(flat, ends[:-1]), shapes)]
        return np.concatenate([g.ravel() for g in gradients(problem, parts)])

    w, state = np.concatenate([p.ravel() for p in problem.start]), {}
    for t in range(1, STEPS[-1] + 1):
        w = rule(w, gradient_at, t, state)
        if t in STEPS:
            yield from w


def halved(t):
    """The rate is halved every ten steps."""
    return 0.5 ** ((t - 1) // 10)


def look_ahead(rate, mu):
    """Nesterov 1983 as Sutskever et al. 2013 write it."""

    def rule(x, gradient_at, t, state):
        v = state.get("v", np.zeros_like(x))
        state["v"] = mu * v - rate * gradient_at(x + mu * v)
        return x + state["v"]

    return rule


def rate_in_velocity(rate, mu, nesterov):
    """v = mu v - a g; x += v, or x += -mu v_prev + (1 + mu) v."""

    def rule(x, gradient_at, t, state):
        before = state.get("v", np.zeros_like(x))
        v = state["v"] = mu * before - rate * halved(t) * gradient_at(x)
        return x - mu * before + (1 + mu) * v if nesterov else x + v

    return rule


def lion(rate, beta1, beta2, decay):
    """Chen et al. 2023, algorithm 2."""

    def rule(x, gradient_at, t, state):
        g, m = gradient_at(x), state.get("m", np.zeros_like(x))
        c = beta1 * m + (1 - beta1) * g
        state["m"] = beta2 * m + (1 - beta2) * g
        return x - rate * (np.sign(c) + decay * x)

    return rule


def decayed(rate, l1, lp, power, decoupled):
    """Gradient descent with an L1 and an Lp penalty; decoupled L1 is the proximal step."""

    def rule(x, gradient_at, t, state):
        g, slope = gradient_at(x), np.sign(x) * np.abs(x) ** (power - 1)
        if not decoupled:
            return x - rate * (g + l1 * np.sign(x) + lp * slope)
        x = x - rate * lp * slope - rate * g
        return np.sign(x) * np.maximum(np.abs(x) - rate * l1, 0)

    return rule


def newton(steps):
    """Newton's method on the logistic regression: the weights after each step, and the minimum."""
    p = Logistic()
    x = np.column_stack([p.x.numpy(), np.ones(len(p.x))])
    y, w = p.y.numpy().ravel(), np.concatenate([s.ravel() for s in p.start])
    path = []
    for _ in range(20):
        q = 1 / (1 + np.exp(-x @ w))
        hessian = (x.T * (q * (1 - q))) @ x / len(y)
        w = w - np.linalg.solve(hessian, x.T @ (q - y) / len(y))
        path.append(w)
    z = x @ w
    return np.concatenate(path[:steps]), (np.logaddexp(0, z) - y * z).mean()


def small(name, value):
    """Rates that suit the problem: Rosenbrock and the quadratic diverge with larger ones."""
    return value * {"rosenbrock": 1e-3, "quadratic": 1e-2, "logistic": 1.0}[name]


def lines():
    o = torch.optim
    for name, make_problem in PROBLEMS.items():
        rate = small(name, 0.5)

        def torch_line(optimizer, make, **kwargs):
            yield optimizer, name, torch_trajectory(make_problem(), make, **kwargs)

        def numpy_line(optimizer, rule):
            yield optimizer, name, numpy_trajectory(make_problem(), rule)

        yield from torch_line("sgd", lambda p: o.SGD(p, rate))
        yield from torch_line("sgd_momentum", lambda p: o.SGD(p, rate, momentum=0.9))
        yield from torch_line("sgd_dampening", lambda p: o.SGD(p, rate, momentum=0.8, dampening=0.3))
        yield from torch_line("sgd_nesterov", lambda p: o.SGD(p, rate, momentum=0.9, nesterov=True))
        yield from torch_line("sgd_decay", lambda p: o.SGD(p, rate, momentum=0.9, weight_decay=0.1))
        yield from torch_line("sgd_halved", lambda p: o.SGD(p, rate, momentum=0.9), rate_at=halved)
        yield from numpy_line("sgd_look_ahead", look_ahead(rate, 0.9))
        yield from numpy_line("sgd_rate_in_velocity", rate_in_velocity(rate, 0.9, False))
        yield from numpy_line("sgd_nesterov_rate_in_velocity", rate_in_velocity(rate, 0.9, True))
        yield from numpy_line("sgd_lp", decayed(rate, 0.02, 0.05, 2.5, False))
        yield from numpy_line("sgd_lp_decoupled", decayed(rate, 0.02, 0.05, 2.5, True))
        yield from torch_line("adagrad", lambda p: o.Adagrad(p, 0.1))
        yield from torch_line("adagrad_options", lambda p: o.Adagrad(
            p, 0.1, lr_decay=0.1, initial_accumulator_value=0.3, eps=1e-3, weight_decay=0.05))
        yield from torch_line("adadelta", lambda p: o.Adadelta(p))
        yield from torch_line("adadelta_options", lambda p: o.Adadelta(
            p, 0.015, rho=0.8, eps=1e-3, weight_decay=0.05))
        yield from torch_line("rmsprop", lambda p: o.RMSprop(p, 0.01))
        yield from torch_line("rmsprop_momentum", lambda p: o.RMSprop(p, 0.01, momentum=0.7))
        yield from torch_line("rmsprop_centred", lambda p: o.RMSprop(p, 0.01, centered=True))
        yield from torch_line("rmsprop_all", lambda p: o.RMSprop(
            p, 0.01, alpha=0.9, eps=1e-3, momentum=0.7, centered=True, weight_decay=0.05))
        yield from torch_line("adam", lambda p: o.Adam(p, 0.05))
        yield from torch_line("adam_options", lambda p: o.Adam(
            p, 0.05, betas=(0.8, 0.95), eps=1e-2, weight_decay=0.05))
        yield from torch_line("amsgrad", lambda p: o.Adam(p, 0.05, betas=(0.9, 0.9), amsgrad=True))
        yield from torch_line("adamw", lambda p: o.AdamW(p, 0.05, weight_decay=0.1))
        yield from torch_line("adamw_amsgrad", lambda p: o.AdamW(
            p, 0.05, betas=(0.9, 0.9), amsgrad=True, weight_decay=0.1))
        # PyTorch 1.13 without foreach multiplies mu_t into the next product twice (mended in 2.0).
        yield from torch_line("nadam", lambda p: o.NAdam(p, 0.05, foreach=True))
        yield from torch_line("nadam_options", lambda p: o.NAdam(
            p, 0.05, betas=(0.8, 0.95), eps=1e-2, weight_decay=0.05, momentum_decay=0.05,
            foreach=True))
        yield from torch_line("radam", lambda p: o.RAdam(p, 0.2 * rate))
        yield from torch_line("radam_options", lambda p: o.RAdam(
            p, 0.2 * rate, betas=(0.8, 0.95), eps=1e-2, weight_decay=0.05))
        yield from torch_line("radam_short", lambda p: o.RAdam(p, 0.2 * rate, betas=(0.9, 0.6)))
        yield from torch_line("adamax", lambda p: o.Adamax(p, 0.05))
        yield from torch_line("adamax_options", lambda p: o.Adamax(
            p, 0.05, betas=(0.8, 0.95), eps=1e-2, weight_decay=0.05))
        yield from numpy_line("lion", lion(0.02, 0.9, 0.99, 0.0))
        yield from numpy_line("lion_options", lion(0.02, 0.8, 0.95, 0.1))
        yield from torch_line("lbfgs", lambda p: o.LBFGS(
            p, 1, max_iter=2, history_size=5, line_search_fn="strong_wolfe",
            tolerance_grad=1e-6, tolerance_change=1e-9))
        yield from torch_line("lbfgs_no_search", lambda p: o.LBFGS(
            p, small(name, 0.5), max_iter=2, history_size=3, tolerance_grad=1e-6))
        for suffix, evaluations in (("", False), ("_evaluations", True)):
            yield from torch_line("lbfgs_default" + suffix, lambda p: o.LBFGS(
                p, 1, line_search_fn="strong_wolfe", history_size=10), evaluations=evaluations)
            yield from torch_line("lbfgs_coarse" + suffix, lambda p: o.LBFGS(
                p, 0.5, max_iter=9, line_search_fn="strong_wolfe", tolerance_grad=1e-3,
                tolerance_change=1e-2), evaluations=evaluations)
            yield from torch_line("lbfgs_default_no_search" + suffix, lambda p: o.LBFGS(
                p, small(name, 0.3), max_iter=6, tolerance_change=1e-5), evaluations=evaluations)

    path, minimum = newton(4)
    yield "newton", "logistic", path
    yield "minimum", "logistic", [minimum]


def kept(line, before):
    """The line as it stands in the file where the numbers differ by rounding alone: BLAS, of which L-BFGS and Newton's
    method make use, adds up in another order on another machine."""
    name = line.partition(":")[0]
    numbers = [np.array(text.partition(":")[2].split(), float) for text in (line, before.get(name, ""))]
    same = numbers[0].shape == numbers[1].shape and np.allclose(*numbers, rtol=1e-10, atol=1e-13)
    return before[name] if same else line


def main():
    out = pathlib.Path(__file__).with_suffix(".txt")
    before = {line.partition(":")[0]: line for line in out.read_text().splitlines()} if out.exists() else {}
    with open(out, "w") as f:
        for optimizer, problem, numbers in lines():
            line = f"{optimizer} {problem}: " + " ".join(f"{v:.17g}" for v in numbers)
            f.write(kept(line, before) + "\n")


if __name__ == "__main__":
    main()
