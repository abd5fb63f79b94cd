#!/usr/bin/env python3
"""Writes a page for each example: what it says at its top, and its source.

    examples.py FOLDER OUTPUT
"""

import glob
import os
import sys

from reference import escape, prose


def main():
    folder, output = sys.argv[1:]
    os.makedirs(output, exist_ok=True)
    rows = []
    for path in sorted(glob.glob(os.path.join(folder, "*.cpp"))):
        name = os.path.basename(path)[:-4]
        with open(path, encoding="utf-8") as file:
            source = file.read()
        comment = []
        for line in source.split("\n"):
            if not line.startswith("//"):
                break
            if not line.startswith("// CI:"):
                comment.append(line.removeprefix("//").removeprefix(" "))
        with open(os.path.join(output, name + ".md"), "w", encoding="utf-8") as file:
            file.write(f"# {name}\n\n{prose(chr(10).join(comment))}\n\n```cpp\n{source}```\n")
        first = " ".join(comment).split(". ")[0].split(": ")[0]
        rows.append(f"| [{name}]({name}.md) | {escape(first.strip().rstrip('.'))} |")
    with open(os.path.join(output, "index.md"), "w", encoding="utf-8") as file:
        file.write("# Examples\n\nPrograms to run and to copy from, each run as a test; `examples/` has their sources.\n\n"
                   "| program | |\n|---|---|\n" + "\n".join(rows) + "\n\n```{toctree}\n:hidden:\n:glob:\n\n*\n```\n")


if __name__ == "__main__":
    main()
