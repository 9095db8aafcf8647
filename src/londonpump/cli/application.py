"""Application that every command shares: panels, common options, results, progress, errors, packages that are not installed."""

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperCommand, TyperGroup

from londonpump import __version__
from londonpump.cli import options
from londonpump.domain.errors import LondonPumpError, SourceFailed

LOGGER = logging.getLogger("londonpump.progress")
MODULES = {
    "train": (
        *("bs4", "bson", "duckdb", "fastexcel", "httpx2", "ibis", "jinja2", "markdown_it", "matplotlib"),
        *("pyarrow", "pyarrow_hotfix", "sklearn", "sqlglot", "xlsxwriter"),
    ),
    "roads": ("osmium",),
    "gis": ("pyogrio",),
    "service": (
        *("fastapi", "fastapi_offline", "httptools", "jwt", "pmtiles", "prometheus_client", "pwdlib"),
        *("python_multipart", "starlette", "uvicorn", "uvloop"),
    ),
    "track": ("mlflow",),
}
"""{extra: modules that it installs}; pyproject.toml names their distributions."""


class NotInstalled(LondonPumpError):
    """A part of londonpump that is not installed in this environment."""

    def __init__(self, extra: str, module: str) -> None:
        super().__init__(
            f"This needs londonpump[{extra}], of which {module} is not installed here: "
            f"pip install 'londonpump[{extra}]' (in a clone: make {'setup' if extra == 'gis' else 'install'})."
        )


def not_installed(error: ModuleNotFoundError) -> NotInstalled | None:
    """Name the extra that installs a missing module; None if no extra does, which is a defect of londonpump."""
    module = (error.name or "").partition(".")[0]
    for extra, modules in MODULES.items():
        if module in modules:
            return NotInstalled(extra, module)
    return None


# Exit codes. 2 is also that of Typer for wrong options; schedulers retry only after 3.
BAD_INPUT, SOME_ROWS_UNANSWERED, SOURCE_FAILED = 2, 1, 3


PANELS = {
    "Start here": ("demo", "doctor"),
    "Records": (
        "simulate",
        "fetch",
        "prepare",
        "report",
        "refresh",
        "context",
        "calendar",
        "stations",
        "roads",
        "places",
    ),
    "Models": ("train", "evaluate", "predict", "rank", "challenge", "models", "monitor", "run", "track"),
    "Service": ("serve", "healthcheck", "users", "audit"),
    "Administration": ("config", "db", "example", "rehearse"),
}
"""{panel of --help: its commands in the order of their first use}."""


class Panels(TyperGroup):
    """Group that shows its commands in panels, and its options without what a reader can do without."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        order = [name for names in PANELS.values() for name in names]
        self.commands = {name: self.commands[name] for name in order if name in self.commands} | dict(
            self.commands
        )
        for panel, names in PANELS.items():
            for name in names:
                if name in self.commands:
                    setattr(self.commands[name], "rich_help_panel", panel)  # noqa: B010
        _tidy(self)


def _tidy(command: Any) -> None:
    """Let the help of a command leave out the type of flags, and write N for a number."""
    get_params = command.get_params

    # the options --help and --install-completion exist only once the help is asked for
    def tidied(context: Any) -> list[Any]:
        params: list[Any] = get_params(context)
        for each in params:
            if getattr(each, "is_flag", False):
                each.metavar = ""
            elif each.param_type_name == "argument":
                each.display_type_rich = lambda ctx: None  # noqa: ARG005
            elif each.metavar is None and each.type_descriptor.annotation is int:
                each.metavar = "N"
        return params

    command.get_params = tidied
    for inner in getattr(command, "commands", {}).values():
        _tidy(inner)


class ManyFiles(TyperCommand):
    """Command that reads `--incidents A B C` as `--incidents A --incidents B --incidents C`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Repeat the option before each further value."""
        repeated = {
            name for option in self.params if getattr(option, "multiple", False) for name in option.opts
        }
        spread: list[str] = []
        current, values = "", 0
        for arg in args:
            # Click takes one value per option, but a shell expands *.csv to many.
            if arg.startswith("-"):
                current, values = arg, 0
            elif current in repeated and values:
                spread.append(current)
            values += not arg.startswith("-")
            spread.append(arg)
        return super().parse_args(ctx, spread)


app = typer.Typer(
    name="londonpump",
    cls=Panels,
    help="Predict which fire engines can reach an emergency in London, how soon, and how sure that is.\n\n"
    "Files that no option names are kept in LONDONPUMP_HOME. `londonpump COMMAND --help` explains a command with an "
    "example.",
    epilog="Example: `londonpump demo`",
    no_args_is_help=True,
    # Its tracebacks would print local variables, among them passwords and keys.
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",  # backticks become colour, and brackets stay as they are
    context_settings={"help_option_names": ["-h", "--help"]},
)


def show_result(document: Any, text: str, json: Path | None) -> None:
    """Print the text of a result, and write it as JSON where --json says. Raises: BadFile."""
    from londonpump.persistence.atomic_files import as_json, write_json

    if json == options.STDOUT:
        typer.echo(as_json(document), nl=False)
        return
    if (path := options.json_file(json, options.MARK.format(next(iter(document))))) is not None:
        write_json(path, document)
    typer.echo(text)


def paint(text: str, colour: str) -> str:
    """Return coloured text. Without a terminal `typer.echo` leaves the colour out."""
    return text if os.environ.get("NO_COLOR") else typer.style(text, fg=colour)


def fail(error: LondonPumpError) -> NoReturn:
    """Print an error and exit with its code."""
    typer.echo(paint(f"londonpump: {error}", "red"), err=True)
    raise typer.Exit(SOURCE_FAILED if isinstance(error, SourceFailed) else BAD_INPUT)


def settings() -> Any:
    """Read the settings. Raises: Exit, after printing what is wrong with a setting."""
    from londonpump.settings import read_settings

    with report_errors():
        return read_settings()


def open_http() -> Any:
    """Open the HTTP client for publishers. Tests replace it by one with short timeouts."""
    from londonpump.ingest.http import Http

    return Http()


def _show_version(is_requested: bool) -> None:
    if is_requested:
        typer.echo(f"londonpump {__version__}")
        raise typer.Exit


@contextmanager
def show_progress() -> Iterator[Callable[[str, float], None]]:
    """Show progress on standard error: a bar with the time left in a terminal, else one line per step, or JSON if set so."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TimeElapsedColumn, TimeRemainingColumn

    from londonpump.logs import FIELDS, log_to_stderr

    console = Console(stderr=True)
    is_json = settings().log_format == "json"
    if is_json:
        log_to_stderr("json", (LOGGER.name,))
    if is_json or not console.is_terminal:
        printed: list[str] = []

        def print_line(doing: str, share: float) -> None:
            # Steps report many shares; a log needs only the first of each step.
            if doing in printed[-1:]:
                return
            printed.append(doing)
            if is_json:
                LOGGER.info(doing, extra={FIELDS: {"share": round(share, 3)}})
            else:
                typer.echo(f"{share:4.0%}  {doing}", err=True)

        yield print_line
        return
    columns = (
        "{task.description}",
        BarColumn(bar_width=12),  # all fits into 80 columns
        TimeElapsedColumn(),
        "elapsed,",
        TimeRemainingColumn(compact=True),
        "left",
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=1.0)
        yield lambda doing, share: bar.update(task, description=doing, completed=share)


@contextmanager
def report_errors() -> Iterator[None]:
    """Turn every error of the product into one line and an exit code."""
    try:
        yield
    except LondonPumpError as error:
        fail(error)


@app.callback()
def about(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and exit."),
    ] = False,
) -> None:
    """Accept the options that come before a command."""
