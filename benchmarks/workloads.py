"""The workloads that are compared, and what issue by issue they are meant to reach.

A row is: name, parameters, the largest ratio xgrad / floor, the smallest ratio libtorch / xgrad, and more:
  operations   recorded operations in a step, for nanoseconds per operation
  limit        microseconds of the whole step
  verify       parameters that replace some for the verification
  heavy        left out by --quick
  floor_is_part  the floor computes only some of the results
  tolerance    of the verification, relative to the norm of each array; the default is TOLERANCE
"""

TOLERANCE = 1e-4  # float: the rounding errors of sums of a few thousand terms in another order

FLOOR, LIBTORCH = "floor", "libtorch"


def _rows():
    def row(name, params, floor=None, libtorch=None, **more):
        return {"workload": name, "params": params, "most": floor, "least": libtorch, **more}

    mlp = {1: (1.20, 1.8), 32: (1.08, 1.15), 128: (1.04, 1.03), 512: (1.03, 1.15)}
    adam = {1: (1.20, 5), 128: (1.05, 1.5)}
    for batch, targets in mlp.items():
        yield row("mlp", f"batch={batch} opt=sgdm", *targets)
    for batch in mlp:
        yield row("mlp", f"batch={batch} opt=adam", *adam.get(batch, (None, None)))
    for opt, targets in (("sgdm", (1.08, 1.4)), ("adam", (None, None))):
        # libtorch draws other masks: it is verified without dropout.
        yield row("mlp_bn", f"batch=128 opt={opt}", *targets, verify={LIBTORCH: "dropout=off"}, tolerance=1e-3)
    yield row("resmlp", "batch=128 opt=sgdm", 1.05, 1.12, tolerance=1e-2)
    for size in (1, 16):
        yield row("chain", f"n=1000 size={size}", None, 28, operations=3000, limit=450)
    for n in ("1e5", "1e6", "1e7"):
        for name, fused, own in (("gelu", 4, 10), ("swish", 1.65, 2.6)):
            targets = {"1e5": (None,) * 3}.get(n, (1.05, fused, own))
            heavy = n == "1e7"
            yield row(f"{name}_fused", f"n={n}", targets[0], targets[1], heavy=heavy)
            yield row(f"{name}_map", f"n={n}", targets[0], targets[2], heavy=heavy)
            least = {"gelu": 2.5, "swish": 1.25}[name] if n == "1e6" else None
            yield row(name, f"n={n}", None, least, heavy=heavy)
    for name, least in (("badd", 1.05), ("bmul", 1.9), ("outer", 6)):
        yield row(name, "n=4096 d=512", 1.10, least)
    for name in ("sum", "mean"):
        for axis in ("0", "1", "all"):
            # Naive sums of millions of numbers that cancel.
            yield row(name, f"n=4096 d=1000 axis={axis}", 1.10, 1.1, tolerance=1e-3)
    yield row("log_softmax", "n=4096 d=1000", 1.10, 1.5)
    yield row("layer_norm", "n=4096 d=512", 1.10, 1.65)
    yield row("batch_norm", "n=4096 d=512", 1.10, 1.4)
    yield row("lstm", "hidden=128 batch=32 steps=100", 1.15, 1.35, tolerance=1e-3)
    yield row("lstm_cell", "hidden=128 batch=32 steps=100", 1.05, 1.5, tolerance=1e-3)
    yield row("lstm_sequence", "hidden=128 batch=32 steps=100", 1.05, 1.5, tolerance=1e-3)
    # With padding=half at most 0.6 of the time without.
    for name in ("gru", "lstm_module"):
        for hidden in (128, 512):
            for padding in ("", " padding=half"):
                yield row(name, f"hidden={hidden} batch=32 steps=100{padding}", None, 1.8, heavy=hidden > 128, tolerance=1e-3)
    # The floor is the multiplications alone, by sgemm.
    yield row("cnn", "batch=64 opt=sgdm", 1.35, 1.5, tolerance=1e-3)
    for op in ("depthwise", "depthwise_strided", "pointwise", "strided", "first"):
        yield row("mobilenet", f"op={op}", None, 1.2, tolerance=1e-3)
    for length in (256, 1024):
        yield row("attention", f"length={length} batch=8 heads=8 width=64", None, 2, heavy=length > 256, tolerance=1e-3)
    # By hand: the fastest sequence of matmul, permute and sum.
    for pattern in ("scores", "attention", "form", "bilinear", "trace", "traces", "outer", "chain", "tucker", "channels",
                    "dots"):
        yield row("einsum", f"pattern={pattern}", 1.05, None, tolerance=1e-3)
    for name in ("eigh", "svd"):
        yield row(name, "n=200 dtype=f64", 1.15, None, tolerance=1e-8)
    yield row("rosenbrock", "n=10000", None, 2.5, limit=40, tolerance=1e-12)
    # The floor is LAPACK's factorisation alone.
    for n in (128, 512, 1000):
        yield row("cholesky", f"n={n} dtype=f64", 3.5, 2, tolerance=1e-12, floor_is_part=True)
    yield row("gaussian_process", "n=500 d=8 dtype=f64", None, 2, tolerance=1e-10)
    for n in (4, 8):
        for op in ("solve", "cholesky", "inverse"):
            yield row("small_matrices", f"op={op} n={n} count=10000 dtype=f64", None, 8, tolerance=1e-12)
    # One batch has the same loss in whatever order its samples come.
    yield row("epoch", "batch=128", 1.04, 1.07, heavy=True, verify={FLOOR: "samples=128", LIBTORCH: "samples=128"})
    yield row("deep", "n=1000000", None, None, heavy=True, operations=2000000,
              verify={FLOOR: "n=1000", LIBTORCH: "n=1000"})
    # The same by compiled functions. "libtorch / xgrad" where the issue asks for it.
    for n in ("1e5", "1e6", "1e7"):
        for name in ("gelu", "swish"):
            yield row(f"compiled_{name}", f"n={n}", 1.3, None, heavy=n == "1e7")
    for size in (1, 16):
        yield row("compiled_chain", f"n=1000 size={size}", None, None, operations=3000, limit=75)
    yield row("compiled_rosenbrock", "n=10000", 1.3, None, tolerance=1e-12)
    for batch, targets in ((1, (0.80, 6)), (32, (0.95, 3))):
        yield row("compiled_mlp", f"batch={batch} opt=adam", *targets)
    yield row("compiled_mlp_bn", "batch=128 opt=adam", 0.95, 1.9, verify={LIBTORCH: "dropout=off"}, tolerance=1e-3)
    # The same by minimize(), which leaves no gradients to compare.
    kept = {FLOOR: "gradients=kept", LIBTORCH: "gradients=kept"}
    for batch, targets in ((1, (0.80, 6)), (32, (0.95, 3))):
        yield row("compiled_mlp", f"batch={batch} opt=adam gradients=used", *targets, verify=kept)
    yield row("compiled_mlp_bn", "batch=128 opt=adam gradients=used", 0.95, 1.9, tolerance=1e-3,
              verify={FLOOR: "gradients=kept", LIBTORCH: "gradients=kept dropout=off"})
    yield row("compiled_lstm", "hidden=16 batch=1 steps=100", None, 20, tolerance=1e-3)
    yield row("lstm", "hidden=16 batch=1 steps=100", None, None, tolerance=1e-3)
    yield row("compiled_gru_steps", "hidden=16 batch=1 steps=100", None, 20, tolerance=1e-3)
    yield row("gru_steps", "hidden=16 batch=1 steps=100", None, None, tolerance=1e-3)
    yield row("compiled_playground", "batch=32", None, None, tolerance=1e-3)
    yield row("playground", "batch=32", None, None, tolerance=1e-3)
    # The floor is written by hand with an axis for the paths, and compiled too.
    yield row("compiled_paths", "n=1e5 steps=100 dtype=f64", 1.3, None, tolerance=1e-12)
    yield row("paths_loop", "n=1000 steps=100 dtype=f64", None, None, tolerance=1e-12)
    yield row("empty", "", None, None)


WORKLOADS = list(_rows())
