"""What must hold of every page of the console, whatever its texts and its width: nothing runs out, overlaps, or is cut."""

import re
from collections.abc import Iterable
from typing import Any

from support.console_browser import Operator

WIDTHS = (320, 683, 1366, 1920)
"""683 is what 200 % leaves of 1366."""
ZOOMED = {"viewport": {"width": 683, "height": 384}, "device_scale_factor": 2}
"""A screen of 1366 by 768 at 200 %: half of the room in each direction."""
PROBLEMS = """() => {
  const isShown = (each) => each.checkVisibility({visibilityProperty: true}) && !each.closest(".hidden, .skip, #map, svg, option");
  const name = (each) => `${each.tagName} ${each.id} "${each.textContent.trim().slice(0, 40)}"`;
  const panels = ".panel, header, #status, #lost, #session, table, fieldset, dialog, button, select, th, td, p, li, legend, h1, h2";
  const found = [document.documentElement, ...document.querySelectorAll(panels)]
    .filter((each) => isShown(each) && each.scrollWidth > each.clientWidth + 1)
    .map((each) => `${name(each)}: ${each.scrollWidth} > ${each.clientWidth}`);
  const boxes = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    if (!node.textContent.trim() || !isShown(node.parentElement)) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const box of range.getClientRects()) boxes.push({box, node, owner: node.parentElement});
  }
  for (const control of document.querySelectorAll("button, select, input:not([type=hidden])"))
    if (isShown(control)) boxes.push({box: control.getBoundingClientRect(), node: control, owner: control});
  // what lies over the page on purpose, and the page below it
  const layer = (each) => each.closest("dialog[open], #matches, .foot");
  for (const [i, a] of boxes.entries()) for (const b of boxes.slice(i + 1)) {
    if (a.node === b.node || a.owner.contains(b.node) || b.owner.contains(a.node) || layer(a.owner) !== layer(b.owner)) continue;
    const width = Math.min(a.box.right, b.box.right) - Math.max(a.box.left, b.box.left);
    const height = Math.min(a.box.bottom, b.box.bottom) - Math.max(a.box.top, b.box.top);
    if (width > 2 && height > 3) found.push(`${name(a.owner)} over ${name(b.owner)}`);
  }
  return found;
}"""
WORDS = """() => {
  const isOurs = (each) => !each.closest("kbd, script, style, noscript, #map-sources, svg");
  const found = [document.title, ...[...document.querySelectorAll("[aria-label], [placeholder], [title], [alt]")]
    .filter((each) => each.checkVisibility())
    .flatMap((each) => ["aria-label", "placeholder", "title", "alt"].map((name) => each.getAttribute(name) ?? ""))];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) if (isOurs(node.parentElement)) found.push(node.textContent);
  return found.filter((each) => each.trim());
}"""
# words that belong to no language: codes of pumps and incidents, grid squares, zones, the name of a model, hours
NO_WORDS = re.compile(r"[A-Z]\d+|L\d{4}-\d{8}|T[LQ]|S[PU]|GMT|BST|[0-9a-f]{8}|[0-9a-f]{32}|\d+")
TEXT_KEYS = frozenset(
    {
        *("text", "label", "name", "exactness", "missing", "warning", "override_reason", "detail", "pump"),
        *("message", "subject"),
    }
)


def layout_problems(person: Operator, widths: Iterable[int] = WIDTHS) -> list[str]:
    """Return what is wider than its place, and what lies over something else, at each width."""
    page, before, found = person.page, person.page.viewport_size, []
    for width in widths:
        page.set_viewport_size({"width": width, "height": 900})
        found += [f"{width} px: {each}" for each in page.evaluate(PROBLEMS)]
    if before is not None:
        page.set_viewport_size(before)
    return found


def data_texts(answer: Any) -> set[str]:
    """Return the texts of an answer of the API: what pages show of them is in the language of the API."""
    if isinstance(answer, list):
        return set().union(*map(data_texts, answer)) if answer else set()
    if not isinstance(answer, dict):
        return set()
    found: set[str] = set()
    for key, value in answer.items():
        texts = value if isinstance(value, list) else [value]
        found |= {each for each in texts if key in TEXT_KEYS and isinstance(each, str)} | data_texts(value)
    return found


def foreign_words(person: Operator, data: Iterable[str]) -> list[str]:
    """Return what a page in the longer language says in plain letters: texts that are not in `texts.py`. data: texts of the API."""
    found = []
    known = sorted((each for each in data if each), key=len, reverse=True)
    for text in person.page.evaluate(WORDS):
        rest = text
        for each in known:
            rest = rest.replace(each, " ")
        found += [
            f"{word} in {text.strip()!r}"
            for word in re.findall(r"\w+", rest)
            if word.isascii() and len(word) > 1 and not NO_WORDS.fullmatch(word)
        ]
    return found
