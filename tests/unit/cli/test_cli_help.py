"""The help of every command: panels, whole sentences at 80 columns, a default for each option, an example that works."""

import re
import shlex
from collections.abc import Iterator
from typing import Any

import pytest
import typer
from typer import rich_utils
from typer.testing import CliRunner

from londonpump.cli import app
from londonpump.cli.application import PANELS

ROOT: Any = typer.main.get_command(app)


def commands(group: Any = ROOT, before: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield the path of every command and the command."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*before, name))
        else:
            yield (*before, name), command


COMMANDS = [pytest.param(path, command, id=" ".join(path)) for path, command in commands()]
GROUPS = [()] + [(name,) for name, command in ROOT.commands.items() if hasattr(command, "commands")]


ANSI = re.compile(r"\x1b\[([\d;]*)m")


def help_of(*path: str, columns: int = 80) -> str:
    """Return the help of a command, without colours: some CI systems ask for them everywhere."""
    result = CliRunner(env={"COLUMNS": str(columns)}).invoke(app, [*path, "--help"])
    assert result.exit_code == 0
    return ANSI.sub("", result.stdout)


@pytest.mark.parametrize("path", [*GROUPS, *(path for path, _ in commands())], ids=" ".join)
def test_no_line_is_longer_than_80_columns_and_nothing_is_cut(path) -> None:
    shown = help_of(*path)
    assert max(map(len, shown.splitlines())) <= 80
    assert "…" not in shown
    assert "..." not in re.sub(r"[\]}]\.\.\.", "", shown)
    words = [re.sub(r"[^\w.,:;/-]", "", word) for word in help_of(*path, columns=250).split()]
    # what is shown on a wide screen is shown on a narrow one
    assert {word for word in words if word} <= {re.sub(r"[^\w.,:;/-]", "", word) for word in shown.split()}


def test_each_command_is_in_one_panel_in_its_order() -> None:
    listed = [name for names in PANELS.values() for name in names]
    assert len(listed) == len(set(listed))
    shown = help_of()
    places = [shown.index(f"─ {panel} ─") for panel in PANELS]
    assert places == sorted(places)
    assert "─ Commands ─" not in shown
    assert list(ROOT.commands) == [name for name in listed if name in ROOT.commands]


@pytest.mark.parametrize(("path", "command"), COMMANDS)
def test_each_option_is_explained_by_a_verb_phrase_with_its_default(path, command) -> None:
    context = command.make_context(path[-1], [], resilient_parsing=True)
    for option in command.get_params(context):
        if option.name == "help":
            continue
        text = option.help or ""
        assert re.match(r"[A-Z][a-z]+ .*[.]$", text), f"{option.name}: {text}"
        has_default = bool(option.show_default) and option.default is not None
        assert option.required or getattr(option, "is_flag", False) or has_default or "efault" in text, (
            f"{option.name}: {text}"
        )


@pytest.mark.parametrize(("path", "command"), COMMANDS)
def test_each_example_is_a_command_that_can_be_read(path, command) -> None:
    found = re.fullmatch(r"Example: `londonpump (.*)`", command.epilog or "")
    assert found is not None
    assert len(found[0]) <= 80
    words = shlex.split(found[1])
    assert tuple(words[: len(path)]) == path
    command.make_context(path[-1], words[len(path) :])


@pytest.mark.parametrize(
    ("is_terminal", "no_color", "is_coloured"), [(True, "", True), (True, "1", False), (False, "", False)]
)
def test_colours_are_for_terminals_that_want_them(is_terminal, no_color, is_coloured, monkeypatch) -> None:
    monkeypatch.setattr(rich_utils, "FORCE_TERMINAL", is_terminal)
    environment = {"NO_COLOR": no_color, "TERM": "xterm", "FORCE_COLOR": ""}
    shown = CliRunner(env=environment).invoke(app, ["--help"], color=True).stdout
    colours = [code for code in ANSI.findall(shown) if re.search(r"(^|;)3\d($|;)", code)]
    assert bool(colours) == is_coloured


def test_a_shell_completes_commands() -> None:
    completed = CliRunner(
        env={"_LONDONPUMP_COMPLETE": "complete_bash", "COMP_WORDS": "londonpump doct", "COMP_CWORD": "1"}
    ).invoke(app, prog_name="londonpump")
    assert completed.output.split() == ["doctor"]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("train", "--until", "yesterday"), "'yesterday' is not a day. Write it like 2026-11-01."),
        (("models", "as-of", "2026-11-01T10:00"), "is not a time with a zone. Write it like"),
    ],
)
def test_a_wrong_day_or_time_says_how_it_is_written(arguments, problem) -> None:
    result = CliRunner(env={"COLUMNS": "200"}).invoke(app, arguments)
    assert result.exit_code == 2
    assert problem in result.output
