"""The measured figures as tables, put between their marks in the pages that explain them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.accuracy import tables, tables_of_features
from londonpump.domain.errors import BadFile
from londonpump.persistence.atomic_files import write_text

Results = dict[str, Any]
PAGES: dict[str, dict[str, Callable[[Results], str]]] = {
    "docs/explanation/accuracy.md": {
        "about": tables.about,
        "reach pooled": tables.reach_pooled,
        "reach later": tables.reach_later,
        "splits": tables.splits,
        "gains": tables.gains,
        "tenths of distance": tables.tenths,
        "warnings": tables.warnings,
        "pumps": tables.pumps,
        "named places": tables.named_places,
        "roads": tables.roads,
        "leaks": tables.leaks,
        "steps": tables.steps,
        "cover by hour and type": tables.cover_by_hour_and_type,
        "pairs": tables.pairs,
    },
    "docs/explanation/features.md": {
        "about": tables.about,
        "ablation": tables_of_features.ablation,
        "thames": tables_of_features.thames,
        "workload": tables_of_features.workload,
        "context": tables_of_features.context,
        "apart": tables_of_features.apart,
        "classifier": tables_of_features.classifier,
    },
}


def write_pages(results: Results, root: Path) -> None:
    """Put every table into its page. Raises: BadFile if a page lacks the marks of one."""
    for name, made in PAGES.items():
        page = root / name
        write_text(page, filled(page.read_text(encoding="utf-8"), made, results, page))


def filled(text: str, made: dict[str, Callable[[Results], str]], results: Results, page: Path) -> str:
    """Return the text of a page with its tables renewed."""
    for name, make in made.items():
        start, end = f"<!-- measured: {name} -->", f"<!-- end: {name} -->"
        if start not in text or end not in text.partition(start)[2]:
            raise BadFile(page, f"lacks the marks {start} and {end}", "Put them where the table belongs.")
        before, _, rest = text.partition(start)
        text = f"{before}{start}\n\n{make(results)}\n\n{end}{rest.partition(end)[2]}"
    return text
