"""The public declarations of the headers: what Doxygen finds, with comments and texts from the source."""

import glob
import os
import re
import xml.etree.ElementTree as xml

INTERNAL = {"detail", "kernels", "primitives"}
# Words with the meaning that the standard library gives them.
STANDARD = {"size", "empty", "begin", "end", "front", "back", "push_back", "operator[]", "operator==", "operator*",
            "operator++", "operator bool", "value_type", "allocate", "deallocate", "Iterator",
            "propagate_on_container_move_assignment", "select_on_container_copy_construction"}


class Header:
    """A public header: its lines, and the comment at its top."""

    def __init__(self, root, name):
        self.name = name
        with open(os.path.join(root, name), encoding="utf-8") as file:
            self.lines = file.read().split("\n")
        top = []
        for line in self.lines[1:]:
            if line.startswith("//"):
                top.append(line)
            elif line.strip() or top:
                break
        self.top = plain(top)

    def comment_of(self, line):
        """The comment above the declaration at a line (from 0) or behind it, and its first line."""
        first = line
        while first > 0 and re.match(r"\s*(template\b|requires\b)|.*[,(<]\s*$", self.lines[first - 1]) and \
                not self.lines[first - 1].strip().startswith("//"):
            first -= 1
        above = first
        while above > 0 and self.lines[above - 1].strip().startswith("//"):
            above -= 1
        return plain(self.lines[above:first]), first

    def block_comment(self, line):
        """The comment that opens the block of lines, up to an empty one, in which a declaration stands."""
        first = line
        while first > 0:
            before = self.lines[first - 1].strip()
            if not before or before.endswith(":") or re.match(r"(class|struct|enum|namespace|union)\b.*\{$", before):
                break
            first -= 1
        comment = []
        while self.lines[first].strip().startswith("//"):
            comment.append(self.lines[first])
            first += 1
        return plain(comment)

    def text(self, first, whole):
        """The declaration that begins at a line: up to its body, or with `whole` all of it."""
        code = [re.sub(r"\s*///?<.*", "", line) if not whole else line for line in self.lines[first:first + 400]]
        code = "\n".join(code)
        depth = 0
        for i, c in enumerate(code):
            depth += c in "([{"
            depth -= c in ")]}"
            if c == ";" and depth == 0:
                return code[:i + 1]
            if c == "{" and depth == 1 and not whole:
                return re.sub(r"\)\s*:\s[^:].*", ")", code[:i], flags=re.S).rstrip() + ";"
        return code


def plain(comment):
    """The words of comment lines."""
    return "\n".join(re.sub(r"^\s*//+ ?", "", line) for line in comment)


class Declaration:
    """A class, function, variable, alias or enumeration, with its members."""

    def __init__(self, header, kind, name, line, arguments=""):
        self.header, self.kind, self.name, self.line, self.arguments = header, kind, name, line, arguments
        self.members, self.enumerators, self.bases = [], [], []
        self.inherits = False
        self.comment, self.first = header.comment_of(line)
        behind = re.search(r"///<(.*)", self.end_line())
        if behind:
            more = []
            for next_line in header.lines[self.behind_at + 1:]:
                if not re.match(r"\s*///<", next_line):
                    break
                more.append(next_line)
            self.comment = "\n".join(filter(None, [self.comment, behind.group(1).strip(),
                                                   *[re.sub(r"^\s*///<\s?", "", m) for m in more]]))

    def end_line(self):
        """The line on which a declaration of one statement ends, with what stands behind it."""
        self.behind_at = self.line
        if self.kind not in ("variable", "function", "typedef"):
            return ""
        while self.behind_at + 1 < len(self.header.lines) and not re.search(r"[;{}]", self.header.lines[self.behind_at]):
            self.behind_at += 1
        if "///<" not in self.header.lines[self.behind_at] and \
                re.match(r"\s*///<", self.header.lines[self.behind_at + 1]):
            self.behind_at += 1
        return self.header.lines[self.behind_at]

    def is_plain(self):
        """A struct of numbers only, which is best read as it is written."""
        return self.kind == "struct" and all(m.kind == "variable" for m in self.members)


def read(root, folder):
    """The public headers of `root` by name, each with its declarations, from Doxygen's XML in `folder`."""
    with open(os.path.join(root, "xgrad.hpp"), encoding="utf-8") as file:
        public = set(re.findall(r'"xgrad/([^"]+)"', file.read()))
    headers, found, classes, seen = {}, {}, {}, set()

    def header_of(element):
        name = element.find("location").get("file")
        name = os.path.relpath(name, root) if os.path.isabs(name) else name
        if name not in public and name.split("/")[0] in ("base", "kernels"):
            return None
        return headers.setdefault(name, Header(root, name))

    compounds = []
    for path in sorted(glob.glob(os.path.join(folder, "*.xml"))):
        for compound in xml.parse(path).getroot().findall("compounddef"):
            if compound.get("kind") in ("class", "struct", "namespace", "concept"):
                compounds.append(compound)

    for compound in compounds:
        words = re.sub(r"<.*", "", compound.findtext("compoundname")).split("::")
        if words[0] != "xgrad" or INTERNAL & set(words) or compound.get("prot") in ("private", "protected"):
            continue
        owner = None
        if compound.get("kind") != "namespace":
            header = header_of(compound)
            if header is None:
                continue
            owner = Declaration(header, compound.get("kind"), "::".join(words[1:]),
                                int(compound.find("location").get("line")) - 1)
            owner.bases = [re.sub(r"<.*", "", b.text or "").split("::")[-1] for b in compound.findall("basecompoundref")]
            classes[owner.name] = owner
            found.setdefault(header.name, []).append(owner)
        for member in compound.iter("memberdef"):
            if member.get("prot") == "private" or member.get("kind") == "friend" or member.get("id") in seen:
                continue
            header = header_of(member)
            if header is None:
                continue
            seen.add(member.get("id"))
            declaration = Declaration(header, member.get("kind"), member.findtext("name"),
                                      int(member.find("location").get("line")) - 1, member.findtext("argsstring") or "")
            declaration.inherits = member.find("reimplements") is not None or " override" in declaration.arguments
            declaration.parameters = [p.findtext("declname") or "" for p in member.findall("param")]
            declaration.enumerators = [v.findtext("name") for v in member.findall("enumvalue")]
            if member.get("prot") == "protected" and not declaration.comment:
                continue  # for derived classes: shown where something is said of it
            if owner is None:
                found.setdefault(header.name, []).append(declaration)
            else:
                owner.members.append(declaration)
    for declarations in found.values():
        declarations.sort(key=lambda d: d.line)
    return headers, found, classes


def is_given(member, owner):
    """Copies, moves, defaults, and what a base class has documented."""
    name, arguments, cls = member.name, member.arguments, owner.name.split("::")[-1]
    if member.inherits or name.startswith("~") or re.search(r"=\s*(delete|default)$", arguments):
        return True
    if name in (cls, "operator=") and re.match(r"\((const )?%s(< ?\w+ ?>)? ?&&? ?\w*\)" % cls, arguments):
        return True
    return name == cls and arguments.startswith("()")


def in_its_parts(declaration):
    """Whether every part of a structure or an enumeration has a comment of its own."""
    if declaration.kind == "enum":
        body = re.sub(r"\s*\n\s*///<", " ///<", declaration.header.text(declaration.first, True))
        return all(re.search(r"\b%s\b[^\n]*///<" % e, body) for e in declaration.enumerators)
    return declaration.is_plain() and all(m.comment for m in declaration.members)


def names(text, word):
    return re.search(r"(?<!\w)%s(?!\w)" % re.escape(word), text) is not None


def spoken_of(owner, classes):
    """All that is said of a class: in its comment, at the top of its header, and of its bases."""
    said, todo, done = "", [owner], set()
    while todo:
        cls = todo.pop()
        if cls.name in done:
            continue
        done.add(cls.name)
        said += cls.comment + "\n" + cls.header.top + "\n"
        todo += [classes[b] for b in cls.bases if b in classes]
        outer = cls.name.rpartition("::")[0]
        todo += [classes[outer]] if outer in classes else []
    return said


def undocumented(found, classes):
    """Public symbols that nothing is said of, as (header, line, name)."""
    users = {}
    for declarations in found.values():
        for d in declarations:
            for f in [d, *d.members]:
                for word in set(re.findall(r"\b\w+Options\b", f.arguments)):
                    users.setdefault(word, set()).add(d.name)
    missing = []
    for header, declarations in sorted(found.items()):
        lines = {}
        for d in declarations:
            for m in [d, *d.members]:
                if m.comment:
                    lines.setdefault(m.line, m)
        for d in declarations:
            if d.kind in ("class", "struct", "concept"):
                said = spoken_of(d, classes)
                last = d.name.split("::")[-1]
                if not (d.comment or names(d.header.top, last) or last in STANDARD or users.get(last) or in_its_parts(d)):
                    missing.append((header, d.line + 1, d.name))
                for m in d.members:
                    ok = is_given(m, d) or m.comment or m.line in lines or m.name in STANDARD or \
                        m.header.block_comment(m.line) or names(said, m.name.removesuffix("_") if m.name != last else "\0")
                    if m.name == last and d.comment:
                        ok = ok or all(p == "options" or names(said, p) for p in m.parameters)
                    if not ok:
                        missing.append((m.header.name, m.line + 1, d.name + "::" + m.name))
            elif not (d.comment or d.line in lines or d.header.block_comment(d.line) or names(d.header.top, d.name) or
                      (d.kind == "enum" and in_its_parts(d))):
                missing.append((header, d.line + 1, d.name))
    return sorted(set(missing)), users
