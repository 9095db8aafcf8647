"""Measure the structure and the language of the source, and hold the ratios that `make check` gates.

python scripts/structure.py            # the table, and whatever breaks a rule; exit code 1 if anything does
python scripts/structure.py --list     # every word of the old dialect and every docstring that is a fragment, with its line
"""

import ast
import io
import re
import subprocess
import sys
import tokenize
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "londonpump"
TOOLS = ("scripts", "benchmarks", "dags", "tests/support")
"""Folders whose language is checked like that of the package. Names of tests are sentences, and not checked."""
MAX_MODULE_LINES = 450
MAX_FRAGMENT_SHARE, MIN_COMMENT_SHARE, MAX_IMPORT_SHARE, MAX_DIALECT_WORDS = 0.002, 0.025, 0.076, 0
MAX_SINGLE_IMPORTER_SHARE = 0.21
"""60 of 290 modules."""
ENTRY_POINTS = ("cli/", "routes")
"""Commands and routes are imported by one module by design."""

DIALECT = re.compile(
    r"\b(tell|tells|told|telling|teller|befall|befalls|befell|befallen|nobody knows|stand in|stands in|stood in|standing in|on duty"
    r"|set aside|sets aside|setting aside|in words|learnt|unlearnt"
    r"|seed recipe|kind of call|kinds of call)\b",
    re.IGNORECASE,
)
"""Words of the former dialect, which shuts readers out."""
SEEN_FROM_OUTSIDE = re.compile(
    r"""\b([a-z_]*what_it_told|learnt_from|(?:test_\w+))\b|["'`]told["'`]|["`]set_aside["`]|\btold[=:]|Seconds?, in words|s, in words"""
)
"""Former names of fields, files, columns and labels that are stored or that the original's clients use."""
EXEMPT = (
    "persistence/database/migrations/versions/",
    "persistence/stored_json.py",
    "tests/support/home_of_version_0_1.py",
    "CHANGELOG.md",
    "scripts/structure.py",
    "scripts/renames.json",
)
"""Old migrations, the adapter of stored JSON, the stored home and the changelog contain former names; this file lists the words."""
FRAGMENT = re.compile(
    r"^(of|for|with|without|by|in|on|at|to|from|as|after|before|under|over|per|until|since|that|which|who|whose|where|whether|what|when"
    r"|how|why|if|else|unless|than|both|not|no more|also|only)\b",
    re.IGNORECASE,
)
"""How a docstring begins that cannot stand alone: with a preposition, a relative pronoun or a conjunction."""


@dataclass
class Measured:
    """Counts over the package; docstrings and dialect also over the tools, dialect also over the pages."""

    lines: int = 0
    code_lines: int = 0
    import_lines: int = 0
    comment_lines: int = 0
    docstrings: int = 0
    fragments: list[str] = field(default_factory=list)
    dialect: list[str] = field(default_factory=list)
    longest: list[tuple[int, str]] = field(default_factory=list)
    importers: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def single_importers(self) -> list[str]:
        """Return the modules that exactly one other module imports, except commands and routes."""
        return sorted(
            name
            for name, by in self.importers.items()
            if len(by) == 1 and not any(part in name.replace(".", "/") for part in ENTRY_POINTS)
        )


def measure() -> Measured:
    """Read every module of the package, the docstrings and words of the tools, and every page."""
    found = Measured()
    modules = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}
    for name, path in modules.items():
        if "migrations" in path.parts:
            continue
        read_module(name, path, modules, found)
    for path in (path for folder in TOOLS for path in sorted((ROOT / folder).rglob("*.py"))):
        read_language(path, path.read_text(encoding="utf-8"), found)
    for path in pages():
        find_dialect(path, path.read_text(encoding="utf-8").splitlines(), found)
    return found


def module_name(path: Path) -> str:
    """Return the dotted name of a module; a package has that of its folder."""
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def read_module(name: str, path: Path, modules: dict[str, Path], found: Measured) -> None:
    """Add the counts of one module."""
    text = path.read_text(encoding="utf-8")
    n_lines = len(text.splitlines())
    found.lines += n_lines
    found.longest.append((n_lines, str(path.relative_to(ROOT))))
    found.comment_lines += sum(
        token.type == tokenize.COMMENT and not re.match(r"#\s*(noqa|type:|fmt:|!)", token.string)
        for token in tokenize.generate_tokens(io.StringIO(text).readline)
    )
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            found.import_lines += (node.end_lineno or node.lineno) - node.lineno + 1
            for imported in imported_modules(node, modules):
                if imported != name:
                    found.importers[imported].add(name)
    read_language(path, text, found)


def read_language(path: Path, text: str, found: Measured) -> None:
    """Read the docstrings of a file, and find the words of the dialect in it."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            read_docstring(node, path, found)
    if not any(part in str(path) for part in EXEMPT):
        find_dialect(path, text.splitlines(), found)


def imported_modules(node: ast.Import | ast.ImportFrom, modules: dict[str, Path]) -> Iterator[str]:
    """Return the modules of the package that an import statement reads."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names if alias.name in modules)
        return
    for alias in node.names:
        inner = f"{node.module}.{alias.name}"
        if inner in modules:
            yield inner
        elif node.module in modules:
            yield str(node.module)


def read_docstring(
    node: ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef, path: Path, found: Measured
) -> None:
    """Count a docstring, and note it if it is a fragment."""
    text = ast.get_docstring(node)
    if text is None:
        return
    found.docstrings += 1
    if FRAGMENT.match(text):
        line = getattr(node, "lineno", 1)
        found.fragments.append(f"{path.relative_to(ROOT)}:{line}: {text.splitlines()[0]}")


def find_dialect(path: Path, lines: list[str], found: Measured) -> None:
    """Note each word of the old dialect; names are split at their underscores."""
    for number, line in enumerate(lines, 1):
        own = SEEN_FROM_OUTSIDE.sub("", line)
        words = re.sub(r"_+", " ", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", own))
        found.dialect.extend(
            f"{path.relative_to(ROOT)}:{number}: {match[0]}: {line.strip()}"
            for match in DIALECT.finditer(words)
        )


def pages() -> Iterator[Path]:
    """Return every page of the documents."""
    listed = subprocess.run(["git", "ls-files", "*.md"], cwd=ROOT, check=True, capture_output=True, text=True)
    for line in listed.stdout.splitlines():
        if line not in EXEMPT:
            yield ROOT / line


def main() -> int:
    """Print the table and the broken rules."""
    found = measure()
    n_modules = len(found.longest)
    single = found.single_importers()
    longest = max(found.longest)
    rows = [
        ("source lines", f"{found.lines:,}", "38,000", True),
        ("modules", f"{n_modules}", "290", True),
        ("longest module", f"{longest[0]} ({longest[1]})", f"{MAX_MODULE_LINES}", longest[0] <= MAX_MODULE_LINES),
        (
            "modules with one importer", f"{len(single)} ({len(single) / n_modules:.0%})", f"{MAX_SINGLE_IMPORTER_SHARE:.0%}",
            len(single) / n_modules <= MAX_SINGLE_IMPORTER_SHARE,
        ),
        _share("import lines", found.import_lines / found.lines, MAX_IMPORT_SHARE, is_maximum=True),
        _share("comment lines", found.comment_lines / found.lines, MIN_COMMENT_SHARE, is_maximum=False),
        ("words of the old dialect", f"{len(found.dialect)}", f"{MAX_DIALECT_WORDS}", len(found.dialect) <= MAX_DIALECT_WORDS),
        _share("docstrings that are fragments", len(found.fragments) / found.docstrings, MAX_FRAGMENT_SHARE, is_maximum=True),
    ]  # fmt: skip
    for name, value, wanted, is_held in rows:
        print(f"{name:32} {value:>40}   {'' if is_held else 'BROKEN: '}{wanted}")
    if "--list" in sys.argv:
        print("\n".join(["", *single, "", *found.fragments, "", *found.dialect]))
    return 0 if all(is_held for *_, is_held in rows) else 1


def _share(name: str, share: float, limit: float, *, is_maximum: bool) -> tuple[str, str, str, bool]:
    is_held = share <= limit if is_maximum else share >= limit
    return name, f"{share:.1%}", f"{'at most' if is_maximum else 'at least'} {limit:.1%}", is_held


if __name__ == "__main__":
    sys.exit(main())
