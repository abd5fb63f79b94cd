#!/usr/bin/env python3
"""Looks at the pages and at the site that was made of them.

    check.py ROOT SITE

Fails for links into the site that lead nowhere, pages and places on pages; for pieces of C++ that no test compiles; and
for names in tables under the heading xgrad that no public header has. Links to elsewhere are listed in
SITE/external-links.txt, and not followed.
"""

import glob
import html.parser
import os
import re
import sys
import urllib.parse

import declarations


class Page(html.parser.HTMLParser):
    """The places and the links of a page."""

    def __init__(self, path):
        super().__init__()
        self.places, self.links = set(), []
        with open(path, encoding="utf-8") as file:
            self.feed(file.read())

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        for name in ("id", "name"):
            if attributes.get(name):
                self.places.add(attributes[name])
        for name in ("href", "src"):
            if attributes.get(name) and tag != "meta":
                self.links.append(attributes[name])


def broken_links(site):
    pages = {os.path.relpath(p, site): Page(p) for p in glob.glob(site + "/**/*.html", recursive=True)
             if "/_static/" not in p and "/declarations/" not in p}
    broken, outside = [], set()
    for name, page in pages.items():
        for link in page.links:
            parts = urllib.parse.urlsplit(link)
            if parts.scheme or parts.netloc:
                if parts.scheme != "data":
                    outside.add(link)
                continue
            path = urllib.parse.unquote(parts.path)
            target = os.path.normpath(os.path.join(os.path.dirname(name), path)) if path else name
            place = urllib.parse.unquote(parts.fragment)
            if target not in pages and not os.path.isfile(os.path.join(site, target)):
                broken.append(f"{name}: {link} leads nowhere")
            elif place and target in pages and place not in pages[target].places:
                broken.append(f"{name}: {link}: there is no such place on the page")
    with open(os.path.join(site, "external-links.txt"), "w", encoding="utf-8") as file:
        file.write("".join(l + "\n" for l in sorted(outside)))
    return broken, len(pages), len(outside)


def untested_code(root):
    """C++ outside of the pages that tests/documentation compiles."""
    bad = []
    tested = {os.path.join(root, "README.md"), *glob.glob(root + "/docs/*.md")}
    for path in [*glob.glob(root + "/*.md"), *glob.glob(root + "/docs/**/*.md", recursive=True)]:
        with open(path, encoding="utf-8") as file:
            text = file.read()
        name = os.path.relpath(path, root)
        if re.search(r"^```(c\+\+|C\+\+|cc|hpp)\s*$", text, re.M):
            bad.append(f"{name}: code is marked by ```cpp, or no test compiles it")
        if path not in tested and "\n```cpp" in text:
            bad.append(f"{name}: no test compiles its code")
        elsewhere = re.search(r"<!-- compiled by (\S+) -->", text)
        if elsewhere:
            with open(os.path.join(root, elsewhere.group(1)), encoding="utf-8") as file:
                compiled = re.sub(r"\s", "", file.read())
            for code in re.findall(r"^```cpp\n(.*?)^```", text, re.M | re.S):
                if re.sub(r"\s", "", code) not in compiled:
                    bad.append(f"{name}: {elsewhere.group(1)} does not have its code {code.splitlines()[0]}")
    return bad


def unknown_names(root, known):
    """Names in a column called xgrad that are not declared."""
    bad = []
    for path in glob.glob(root + "/docs/*.md"):
        column = None
        with open(path, encoding="utf-8") as file:
            for line in file:
                cells = re.split(r"(?<!\\)\|", re.sub(r"`[^`]*`", lambda m: m.group().replace("|", "\\|"), line))
                if not line.startswith("|"):
                    column = None
                elif "xgrad" in [c.strip() for c in cells]:
                    column = [c.strip() for c in cells].index("xgrad")
                elif column is not None and column < len(cells):
                    for piece in re.findall(r"`([^`]*)`", cells[column]):
                        name = re.match(r"[A-Za-z_]\w*(?=\W|$)", piece)
                        if name and re.fullmatch(r"\w+", piece) and piece not in known or \
                                name and piece.startswith(name.group() + "(") and name.group() not in known:
                            bad.append(f"{os.path.relpath(path, root)}: no header has {name.group()}")
    return bad


def main():
    root, site = sys.argv[1:]
    _, found, _ = declarations.read(root, os.path.join(site, "declarations", "xml"))
    known = {m.name.split("::")[-1] for ds in found.values() for d in ds for m in [d, *d.members]} | {"if", "scripts"}
    broken, pages, outside = broken_links(site)
    bad = broken + untested_code(root) + unknown_names(root, known)
    print(*bad, sep="\n", end="\n" if bad else "", file=sys.stderr)
    print(f"{pages} pages, {len(broken)} broken links, {outside} links to elsewhere (external-links.txt)")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
