"""Apply the map of renames (scripts/renames.json) to source, tests, benchmarks, DAGs and documents.

    python3.13 scripts/rename.py check     # list contradictions in the map, such as a new name that a file already uses
    python3.13 scripts/rename.py apply     # rewrite the files and move them; run `make fix` and `make check` afterwards

The map holds the renames made before the release of 0.1.0. Its paths and line numbers fit the commit before they were applied, 7e7f242. Its parts are:

- `modules`: {old dotted name: new dotted name} of modules and packages.
- `joined`: {dotted name after the renaming: module that holds its content now}. The joins were made by hand; this script ignores them.
- `files`: {old path: new path} of files outside the package, such as tests.
- `names`: [{"old": ..., "new": ..., "in": [path, ...]}]. Each Python token that equals `old` becomes `new` in the files of `in`, or
  everywhere without `in`. With "at": [[path, line], ...] only those lines change (a third number selects the nth occurrence of the
  name in the line); that is for files that use one name with two meanings, and there a name in a string changes too. Otherwise
  strings and comments keep their text, except for names between backticks.
- `test_arguments`: [test file, old argument, new argument] where pytest builds test ids from an argument's name; read by
  scripts/golden.py.

Python 3.12 or newer is required, because older versions do not split f-strings into tokens.
"""

import ast
import io
import json
import keyword
import re
import subprocess
import sys
import tokenize
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MAP = ROOT / "scripts" / "renames.json"
PYTHON_FOLDERS = ("src", "tests", "benchmarks", "scripts", "dags")
TEXT_PATTERNS = ("*.md", "*.toml", "*.sh", "*.yml", "*.yaml", "Makefile", "*.html", "*.ini", "*.mako", "*.j2")
THIS = ("scripts/rename.py", "scripts/renames.json")


class Renames:
    """The map, indexed for look-up by file."""

    def __init__(self, content: dict[str, object]) -> None:
        self.modules: dict[str, str] = content.get("modules", {})  # type: ignore[assignment]
        self.files: dict[str, str] = content.get("files", {})  # type: ignore[assignment]
        self.everywhere: dict[str, str] = {}
        self.by_file: dict[str, dict[str, str]] = defaultdict(dict)
        self.by_line: dict[str, dict[tuple[int, str, int], str]] = defaultdict(dict)
        for entry in content.get("names", []):  # type: ignore[attr-defined]
            for path, line, *nth in entry.get("at", []):
                self.by_line[path][line, entry["old"], *(nth or [0])] = entry["new"]
            if not entry.keys() & {"in", "at"}:
                self.everywhere[entry["old"]] = entry["new"]
            for path in entry.get("in", []):
                self.by_file[path][entry["old"]] = entry["new"]
        longest_first = sorted(self.modules, key=len, reverse=True)
        names = "|".join(re.escape(name) for name in longest_first)
        paths = "|".join(re.escape(name.replace(".", "/")) for name in longest_first)
        self.dotted = re.compile(rf"(?<![\w.])({names})(?!\w)") if names else None
        self.slashed = re.compile(rf"(?<![\w])({paths})(?=\.py\b|/)") if names else None
        found = "|".join(re.escape(name) for name in sorted(self.files, key=len, reverse=True))
        self.moved_files = re.compile(rf"(?<![\w])({found})(?!\w)") if found else None

    def names_in(self, path: str) -> dict[str, str]:
        """Return the names to replace in a file; its own entries take precedence."""
        return {**self.everywhere, **self.by_file.get(path, {})}

    def module(self, dotted: str) -> str:
        """Return the new name of a module, or of a name inside a package that moved."""
        parts = dotted.split(".")
        for end in range(len(parts), 0, -1):
            old = ".".join(parts[:end])
            if old in self.modules:
                return ".".join([self.modules[old], *parts[end:]])
        return dotted

    def text(self, text: str) -> str:
        """Return a text with new dotted names and paths."""
        if self.dotted:
            text = self.dotted.sub(lambda found: self.module(found[1]), text)
        if self.slashed:
            text = self.slashed.sub(
                lambda found: self.module(found[1].replace("/", ".")).replace(".", "/"), text
            )
        if self.moved_files:
            text = self.moved_files.sub(lambda found: self.files[found[1]], text)
        return text


def python_files() -> Iterator[Path]:
    """Return all Python files of the project except migrations, which are never changed."""
    for folder in PYTHON_FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            relative = str(path.relative_to(ROOT))
            if relative not in THIS and "/migrations/versions/" not in relative:
                yield path


def new_python(text: str, path: str, renames: Renames) -> str:
    """Return the text of a Python file with its new names."""
    names, by_line = renames.names_in(path), renames.by_line.get(path, {})
    imported, aliased = module_aliases(text, renames), aliased_modules(text, renames)
    lines = text.splitlines(keepends=True)
    seen: Counter[tuple[int, str]] = Counter()
    replacements = []
    for token, is_attribute in code_names(text):
        place = token.start[0], token.string
        seen[place] += 1
        new = by_line.get((*place, 0), names.get(token.string))
        new = by_line.get((*place, seen[place]), new)
        if not is_attribute:
            new = imported.get(token.string, new)
        new = aliased.get(place, new)
        if new is not None:
            replacements.append((token.start, token.end, new))
    for (row, start), (_, end), new in reversed(replacements):
        line = lines[row - 1]
        lines[row - 1] = line[:start] + new + line[end:]
    for (row, old, _), new in by_line.items():
        if (row, old) not in seen:
            lines[row - 1] = re.sub(rf"\b{old}\b", new, lines[row - 1])
    return new_in_backticks(renames.text("".join(lines)), names)


def code_names(text: str) -> Iterator[tuple[tokenize.TokenInfo, bool]]:
    """Return (token, is it an attribute) of each name, without the dotted paths of imports, which `Renames.text` replaces."""
    is_path, before = False, ""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.NAME:
            if token.string == "from" and token.line.lstrip().startswith("from "):
                is_path = True
            elif token.string == "import":
                is_path = False
            if not is_path:
                yield token, before == "."
        before = token.string


def module_aliases(text: str, renames: Renames) -> dict[str, str]:
    """Return local names of modules that are imported by `from package import module`, if the module has a new name."""
    found = {}
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                new = renames.module(f"{node.module}.{alias.name}").rsplit(".", 1)[-1]
                if (
                    f"{node.module}.{alias.name}" in renames.modules
                    and new != alias.name
                    and not alias.asname
                ):
                    found[alias.name] = new
    return found


def aliased_modules(text: str, renames: Renames) -> dict[tuple[int, str], str]:
    """Return {(line, name): new name} of modules that are imported by `from package import module as alias`."""
    return {
        (alias.lineno, alias.name): renames.module(f"{node.module}.{alias.name}").rsplit(".", 1)[-1]
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
        if alias.asname and f"{node.module}.{alias.name}" in renames.modules
    }


def new_in_backticks(text: str, names: dict[str, str]) -> str:
    """Return the text with new names between backticks; only names with an underscore or a capital are certain to be code."""

    def replaced(match: re.Match[str]) -> str:
        return re.sub(
            r"[A-Za-z_]\w*",
            lambda name: names.get(name[0], name[0]) if "_" in name[0] or name[0][0].isupper() else name[0],
            match[0],
        )

    return re.sub(r"`[^`\n]+`", replaced, text)


def move(old: str, new: str) -> None:
    """Move a file or folder within git."""
    source, target = ROOT / old, ROOT / new
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir() and target.is_dir():
        for child in sorted(source.iterdir()):
            is_new = not (target / child.name).exists()
            if child.name != "__pycache__" and (is_new or child.is_dir()):
                move(f"{old}/{child.name}", f"{new}/{child.name}")
        return
    subprocess.run(["git", "mv", old, new], cwd=ROOT, check=True)


def move_files(renames: Renames) -> None:
    """Move modules, the deepest first, then packages and other files."""
    for old, new in sorted(renames.modules.items(), key=lambda entry: -entry[0].count(".")):
        root = "src/" if old.startswith("londonpump") else "tests/" if old.startswith("support") else ""
        was, becomes = root + old.replace(".", "/"), root + new.replace(".", "/")
        if (ROOT / f"{was}.py").exists():
            move(f"{was}.py", f"{becomes}.py")
        elif (ROOT / was).is_dir():
            # what is inside keeps its own entries: they were moved before, to names below the old or the new package
            move(was, becomes)
    for old, new in renames.files.items():
        if (ROOT / old).exists():
            move(old, new)


def apply(renames: Renames) -> None:
    """Rewrite every file, then move it."""
    for path in python_files():
        relative = str(path.relative_to(ROOT))
        text = path.read_text(encoding="utf-8")
        changed = new_python(text, relative, renames)
        if changed != text:
            path.write_text(changed, encoding="utf-8")
    for path in text_files():
        text = path.read_text(encoding="utf-8")
        lines = text.splitlines(keepends=True)
        for (row, old, _), new in renames.by_line.get(str(path.relative_to(ROOT)), {}).items():
            lines[row - 1] = re.sub(rf"\b{old}\b", new, lines[row - 1])
        changed = new_in_backticks(renames.text("".join(lines)), renames.everywhere)
        if changed != text:
            path.write_text(changed, encoding="utf-8")
    move_files(renames)


def text_files() -> Iterator[Path]:
    """Return the documents and settings that may name modules."""
    listed = subprocess.run(
        ["git", "ls-files", "--", *TEXT_PATTERNS], cwd=ROOT, check=True, capture_output=True, text=True
    )
    for line in listed.stdout.splitlines():
        if line != "CHANGELOG.md" and line not in THIS:
            yield ROOT / line


def problems(renames: Renames) -> Iterator[str]:
    """Return the contradictions in the map, before anything is changed."""
    for named in {*renames.by_file, *renames.by_line}:
        if not (ROOT / named).exists():
            yield f"{named}: named in the map, but there is no such file"
    taken = list(renames.modules.values())
    for new in sorted({name for name in taken if taken.count(name) > 1}):
        yield f"{new}: two modules would have this name"
    for path in python_files():
        relative = str(path.relative_to(ROOT))
        text = path.read_text(encoding="utf-8")
        used = {
            token.string
            for token in tokenize.generate_tokens(io.StringIO(text).readline)
            if token.type == tokenize.NAME
        }
        names = {old: new for old, new in renames.names_in(relative).items() if old in used}
        names.update(module_aliases(text, renames))
        targets: dict[str, list[str]] = defaultdict(list)
        for old, new in names.items():
            targets[new].append(old)
            if keyword.iskeyword(new):
                yield f"{relative}: {old} -> {new}: a keyword"
            if new in used and new not in names:
                yield f"{relative}: {old} -> {new}: {new} is used there already"
        for new, olds in targets.items():
            if len(olds) > 1:
                yield f"{relative}: {', '.join(olds)} would all be called {new}"


def main() -> int:
    """Read the command line."""
    renames = Renames(json.loads(MAP.read_text(encoding="utf-8")))
    if sys.argv[1:] == ["check"]:
        found = list(problems(renames))
        print("\n".join(found) or "The map is consistent.")
        return 1 if found else 0
    if sys.argv[1:] == ["apply"]:
        apply(renames)
        return 0
    print(__doc__)
    return 2


if __name__ == "__main__":
    sys.exit(main())
