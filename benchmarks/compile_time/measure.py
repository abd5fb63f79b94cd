#!/usr/bin/env python3
"""What a small trainer costs beside its running time: seconds and memory of the compiler, size of the program and of
the libraries it needs, start-up, memory. scripts/benchmark --compile-time calls it."""

import argparse
import json
import os
import re
import shlex
import shutil
import statistics
import subprocess
import tempfile
import time

# What every C++ program with OpenMP on the system loads anyway.
SYSTEM = re.compile(r"/(ld-linux|libc|libm|libmvec|libdl|libpthread|librt|libgcc_s|libstdc\+\+|libgomp)[.-]")
OPENBLAS = re.compile(r"openblas|libgfortran|libquadmath")
MEGABYTE = 1e6


def run(command):
    """Seconds, peak memory in MB of the largest process, and whether it succeeded."""
    start = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        raise RuntimeError(f"{command[0]} failed: {shlex.join(command)}")
    seconds = time.monotonic() - start
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024 / MEGABYTE


def compile_command(build, target):
    """The command of the build for a source, at -O2 and without its output file."""
    with open(f"{build}/compile_commands.json", encoding="utf-8") as file:
        entry = next(e for e in json.load(file) if e["file"].endswith(target))
    words = shlex.split(entry["command"])
    at = words.index("-o")
    words = [w for i, w in enumerate(words) if i not in (at, at + 1) and not re.fullmatch(r"-O\d|-g\d?|-DNDEBUG", w)]
    if "ccache" in words[0]:
        words = words[1:]
    return words + ["-O2", "-o", "/dev/null"], entry["directory"]


def compile_cost(build, source):
    command, folder = compile_command(build, source)
    os.chdir(folder)
    results = [run(command) for _ in range(3)]
    return {"compile seconds": min(r[0] for r in results), "compile processor seconds": min(r[1] for r in results),
            "compiler MB": max(r[2] for r in results)}


def libraries(program):
    lines = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout.splitlines()
    return [m.group(1) for m in (re.search(r"=> (/\S+)", line) for line in lines) if m]


def size(path):
    return os.path.getsize(os.path.realpath(path)) / MEGABYTE


def program_cost(program):
    with tempfile.TemporaryDirectory() as folder:
        stripped = f"{folder}/stripped"
        shutil.copy(program, stripped)
        subprocess.run(["strip", stripped], check=True)
        others = [l for l in libraries(stripped) if not SYSTEM.search(l)]
        own = [l for l in others if not OPENBLAS.search(l)]
        runs = [run([stripped]) for _ in range(21)]
        return {"program MB": size(stripped), "libraries MB": sum(map(size, own)), "libraries": len(own),
                "OpenBLAS MB": sum(size(l) for l in others if OPENBLAS.search(l)),
                "run ms": 1e3 * statistics.median(r[0] for r in runs),
                "resident MB": statistics.median(r[2] for r in runs)}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", required=True)
    parser.add_argument("--json", metavar="FILE")
    arguments = parser.parse_args()
    build = os.path.abspath(arguments.build)
    output = arguments.json and os.path.abspath(arguments.json)
    results = {}
    for name in ("trainer", "empty", "trainer_libtorch"):
        program = f"{build}/benchmarks/benchmark_{name}"
        if os.path.exists(program):
            results[name] = {**compile_cost(build, f"compile_time/{name}.cpp"), **program_cost(program)}
    for name, costs in results.items():
        print(f"{name}: " + ", ".join(f"{what} {value:.3g}" for what, value in costs.items()))
    if output:
        with open(output, "w", encoding="utf-8") as file:
            json.dump(results, file, indent=1)
            file.write("\n")


if __name__ == "__main__":
    main()
