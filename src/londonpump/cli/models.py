"""Commands about models: the active one, who decided that, and how to change it by hand."""

import json as as_json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from londonpump.cli.application import BAD_INPUT, app, report_errors, settings, show_progress

models = typer.Typer(
    help="Show which model is active and why, or change it.",
    no_args_is_help=True,
)
app.add_typer(models, name="models")
Why = Annotated[
    str, typer.Option(metavar="TEXT", help="State the reason; it is kept in the ledger.", show_default=False)
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@models.command()
def promote(
    bundle: Annotated[
        str,
        typer.Argument(
            metavar="BUNDLE", help="Activate this bundle: a folder, or a hash in LONDONPUMP_BUNDLES."
        ),
    ],
    why: Why,
    force: Annotated[
        bool, typer.Option("--force", help="Allow a simulated model to replace one trained on real records.")
    ] = False,
) -> None:
    """Activate a model by hand.

    A test first shows that it loads and predicts.
    """
    from londonpump.registry.manual_decisions import PromotionRequest
    from londonpump.registry.manual_decisions import promote as promote_bundle

    with report_errors():
        result = promote_bundle(settings(), PromotionRequest(bundle, why, is_forced=force))
    _print_change(result.before, result.after, result.is_new)


@models.command(name="roll-back")
def roll_back(
    why: Why,
    to: Annotated[
        str | None,
        typer.Option(
            metavar="BUNDLE",
            help="Activate this earlier champion. Default: the one that the active model replaced.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Activate an earlier champion again.

    A test first shows that it still loads and predicts.
    """
    from londonpump.registry.manual_decisions import RollBackRequest
    from londonpump.registry.manual_decisions import roll_back as roll_back_bundle

    with report_errors():
        result = roll_back_bundle(settings(), RollBackRequest(why, to))
    _print_change(result.before, result.after, result.is_new)


@models.command(name="list")
def list_decisions(
    limit: Annotated[int, typer.Option(min=1, max=500, help="Show at most this many decisions.")] = 20,
    bundles: Annotated[
        bool, typer.Option("--bundles", help="Show the bundles in the store instead.")
    ] = False,
) -> None:
    """Show the decisions of the ledger, the newest first."""
    from londonpump.domain.json_values import view_of
    from londonpump.lifecycle.stored_models import format_bundles
    from londonpump.presentation.texts.challenge import DecisionView, format_decision
    from londonpump.registry.manual_decisions import ledger

    with report_errors():
        if bundles:
            typer.echo(format_bundles(settings()))
            return
        decisions = ledger(settings(), limit)
    if not decisions:
        typer.echo("No decision yet. Activate a model: londonpump models promote BUNDLE --why TEXT")
    for decision in decisions:
        typer.echo(format_decision(view_of(DecisionView, decision)))


@models.command()
def show(
    what: Annotated[
        str | None,
        typer.Argument(
            metavar="[BUNDLE | DECISION]",
            help="Show this bundle, or the decision of this number. Default: the active model.",
            show_default=False,
        ),
    ] = None,
    json: AsJson = False,
) -> None:
    """Show a bundle, or a decision of the ledger.

    A bundle is shown with its card, metrics, active periods and decisions; a decision with its evidence.
    """
    from londonpump.domain.json_values import to_document
    from londonpump.lifecycle.stored_models import show as show_entry
    from londonpump.presentation.texts.bundles import format_entry

    with report_errors():
        entry = show_entry(settings(), what)
    typer.echo(as_json.dumps(to_document(entry), indent=1) if json else format_entry(entry))


@models.command(name="as-of")
def as_of(
    at: Annotated[str, typer.Argument(metavar="TIMESTAMP", help="Give a time, such as 2026-11-01T10:00Z.")],
) -> None:
    """Show which model was active at a time."""
    from londonpump.lifecycle.stored_models import as_of as active_model_at

    timestamp = _parse_timestamp(at)
    with report_errors():
        typer.echo(active_model_at(settings(), timestamp))


@models.command()
def compare(
    first: Annotated[
        str, typer.Argument(metavar="A", help="Take this bundle, a folder or a hash, as champion.")
    ],
    second: Annotated[
        str, typer.Argument(metavar="B", help="Take this bundle, a folder or a hash, as challenger.")
    ],
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="DATA",
            help="Use this output of prepare. Default: that in LONDONPUMP_HOME.",
            show_default=False,
        ),
    ] = None,
    json: AsJson = False,
) -> None:
    """Compare two bundles and record nothing.

    They are evaluated on data later than both trainings, as `challenge` does.
    """
    from londonpump.domain.json_values import to_document
    from londonpump.lifecycle.challenge import ChallengeRequest
    from londonpump.lifecycle.challenge import compare as compare_models
    from londonpump.presentation.texts.challenge import format_comparison

    config = settings()
    with report_errors(), show_progress() as progress:
        result = compare_models(config, (first, second), ChallengeRequest(data or config.data), progress)
    typer.echo(as_json.dumps(to_document(result), indent=1) if json else format_comparison(result))


@models.command()
def prune(
    keep: Annotated[int, typer.Option(min=1, help="Keep this many of the newest bundles.")] = 1,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would be removed, and remove nothing.")
    ] = False,
) -> None:
    """Remove bundles that are no longer needed.

    Bundles that a decision names, the newest ones and those less than an hour old stay.
    """
    from londonpump.lifecycle.stored_models import prune as remove_unneeded

    with report_errors():
        typer.echo(remove_unneeded(settings(), keep, dry_run).to_text())


def _print_change(before: str | None, after: str, is_new: bool) -> None:
    if is_new:
        instead = f", in place of {before}" if before else ""
        typer.echo(f"{after} is active{instead}. A running service loads it within seconds.")
    else:
        typer.echo(f"{after} is active already. Nothing was changed.")


def _parse_timestamp(text: str) -> datetime:
    """Read a timestamp with its zone: without one it could be London time or UTC, an hour apart in summer."""
    try:
        timestamp = datetime.fromisoformat(text)
    except ValueError:
        timestamp = None
    if timestamp is None or timestamp.tzinfo is None:
        typer.echo(
            f"londonpump: {text!r} is not a time with a zone. Write it like 2026-11-01T10:00Z.",
            err=True,
        )
        raise typer.Exit(BAD_INPUT)
    return timestamp.astimezone(UTC)
