#!/usr/bin/env python3
"""Writes the pages of the API reference: one for each public header, from the header itself.

    reference.py ROOT DECLARATIONS OUTPUT

ROOT is the source tree, DECLARATIONS the folder of Doxygen's XML (docs/site/Doxyfile), OUTPUT the folder of the pages.
Fails, with a line for each, when there are public symbols that nothing is said of: neither above nor behind them, nor at
the top of their block, nor by name in the comment of their class or header. What a base class has said, copies, and the
names of the standard library's containers count as said.
"""

import os
import re
import sys

import declarations

FOLDERS = {
    "autograd": "Tensors, the tape, derivatives", "ops": "Operations", "compile": "Checkpoints of the tape",
    "gradient_check": "Gradient checks", "modules": "Modules", "optimizers": "Optimizers and schedules",
    "data": "Data", "training": "Training", "doctor": "The doctor", "report": "Reports and pictures",
    "serialization": "Files", "kernels": "Threads, random numbers, memory", "distributed": "Several processes",
    "live": "Reports while a training runs",
}


def escape(text):
    """Words of a comment as Markdown: code and bold stay, everything else is meant as it stands."""
    parts = re.split(r"(`[^`]*`|\*\*[A-Z][^*]*\*\*)", text)
    for i in range(0, len(parts), 2):
        parts[i] = re.sub(r"([<*_|\[\]\\#~^$])", r"\\\1", parts[i])
    return "".join(parts)


def prose(comment):
    """A comment as Markdown: lines that are indented are code."""
    out, block, text = [], [], []

    def flush():
        if text:
            out.append(re.sub(r"^(\s*)([-+]|\d+\.) ", r"\1\\\2 ", escape("\n".join(text)), flags=re.M))
            text.clear()
        if block:
            indent = min(len(l) - len(l.lstrip()) for l in block if l.strip())
            while block and not block[-1].strip():
                block.pop()
            out.append("```cpp\n" + "\n".join(l[indent:] for l in block) + "\n```")
            block.clear()

    for line in comment.split("\n"):
        if line.startswith("  ") or (block and not line.strip()):
            if text and line.strip():
                flush()
            if block or line.strip():
                block.append(line)
        elif not line.strip():
            flush()
        else:
            if block:
                flush()
            text.append(line)
    flush()
    return "\n\n".join(out)


def code(text):
    lines = text.split("\n")
    indent = min((len(l) - len(l.lstrip()) for l in lines if l.strip()), default=0)
    return "```cpp\n" + "\n".join(l[indent:].rstrip() for l in lines) + "\n```\n"


def write_function_like(d, level, last, out):
    if d.name != last:
        out.append(f"{'#' * level} {escape(d.name)}\n")
    out.append(code(d.header.text(d.first, d.kind == "enum")))
    if d.comment:
        out.append(prose(d.comment) + "\n")


def write_class(d, users, out):
    out.append(f"## {escape(d.name)}\n")
    short = d.name.split("::")[-1]
    if d.comment:
        out.append(prose(d.comment) + "\n")
    if d.is_plain():
        out.append(code(d.header.text(d.first, True)))
    else:
        out.append(code(d.header.text(d.first, False)))
    of = sorted(u for u in users.get(short, ()) if u != short and "check_options" not in u)
    if of:
        out.append("Taken by " + ", ".join(f"`{u}`" for u in of) + ".\n")
    if d.is_plain():
        return
    last = None
    for m in sorted(d.members, key=lambda m: m.line):
        if declarations.is_given(m, d) and not m.comment:
            continue
        write_function_like(m, 3, last, out)
        last = m.name


def write_page(header, found, users, path):
    out = [f"# {header.name.split('/')[1]}\n", f"`#include <xgrad/{header.name}>`\n"]
    if header.top:
        out.append(prose(header.top) + "\n")
    last = None
    for d in found:
        if d.kind in ("class", "struct", "concept") and "::" not in d.name:
            write_class(d, users, out)
        elif d.kind not in ("class", "struct", "concept"):
            write_function_like(d, 2, last, out)
        elif d.comment or d.members:
            write_class(d, users, out)
        last = d.name
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(out))


def first_sentence(text):
    return escape(re.split(r"(?<=[.:])\s|\n\n", text.replace("\n", " "))[0].rstrip(":"))


def main():
    root, xml, output = sys.argv[1:]
    headers, found, classes = declarations.read(root, xml)
    missing, users = declarations.undocumented(found, classes)
    for header, line, name in missing:
        print(f"{header}:{line}: nothing is said of {name}", file=sys.stderr)
    folders = {}
    for name in sorted(found):
        write_page(headers[name], found[name], users, os.path.join(output, name.replace(".hpp", ".md")))
        folders.setdefault(name.split("/")[0], []).append(name)
    index = ["# API reference\n", "One page for each header; `#include <xgrad/xgrad.hpp>` has all of them but those of "
             "`distributed/` and `live/`, `gradient_check/boost.hpp` and `autograd/eigen_map.hpp`.\n"]
    for folder, title in FOLDERS.items():
        if folder not in folders:
            continue
        index += [f"## {title}\n", "| header | |", "|---|---|"]
        index += [f"| [{n}]({n.replace('.hpp', '.md')}) | {first_sentence(headers[n].top)} |" for n in folders[folder]]
        index += ["\n```{toctree}\n:hidden:\n:caption: " + title + "\n", *[n.replace(".hpp", "") for n in folders[folder]],
                  "```\n"]
    with open(os.path.join(output, "index.md"), "w", encoding="utf-8") as file:
        file.write("\n".join(index))
    count = sum(1 + len(d.members) for ds in found.values() for d in ds)
    print(f"{count} public symbols in {len(found)} headers, {len(missing)} of them undocumented")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
