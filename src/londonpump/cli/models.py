"""Commands about models: which one is on duty, who decided that, and how to change it by hand."""

import json as as_json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from londonpump.cli.application import BAD_INPUT, app, report_errors, settings, show_progress
from londonpump.cli.monitor import track_after

models = typer.Typer(
    help="Which model is on duty, and who decided that.", no_args_is_help=True, rich_markup_mode=None
)
app.add_typer(models, name="models")
Why = Annotated[str, typer.Option(metavar="TEXT", help="The reason, kept in the ledger.", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="For another program.")]


@models.command()
def promote(
    bundle: Annotated[
        str, typer.Argument(metavar="BUNDLE", help="A folder, or the hash of a bundle in LONDONPUMP_BUNDLES.")
    ],
    why: Why,
    force: Annotated[
        bool, typer.Option("--force", help="A simulated model in place of one learnt from real records.")
    ] = False,
) -> None:
    """Put a model on duty by hand, after it has shown that it loads and answers."""
    from londonpump.lifecycle.manual_decisions import PromotionRequest
    from londonpump.lifecycle.manual_decisions import promote as promote_bundle

    with report_errors():
        done = promote_bundle(settings(), PromotionRequest(bundle, why, is_forced=force))
    _print_change(done.before, done.after, done.is_new)


@models.command(name="roll-back")
def roll_back(
    why: Why,
    to: Annotated[
        str | None,
        typer.Option(
            metavar="BUNDLE",
            help="An earlier champion. Default: the one that the present model took the place of.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Put an earlier champion on duty again, if it still loads and answers."""
    from londonpump.lifecycle.manual_decisions import RollBackRequest
    from londonpump.lifecycle.manual_decisions import roll_back as roll_back_bundle

    with report_errors():
        done = roll_back_bundle(settings(), RollBackRequest(why, to))
    _print_change(done.before, done.after, done.is_new)


@models.command(name="list")
def list_decisions(
    at_most: Annotated[int, typer.Option(min=1, max=500, help="The newest so many.")] = 20,
    bundles: Annotated[bool, typer.Option("--bundles", help="The bundles in the store instead.")] = False,
) -> None:
    """Show the ledger, the newest first."""
    from londonpump.lifecycle.manual_decisions import ledger
    from londonpump.lifecycle.show_models import format_bundles, format_decision

    with report_errors():
        if bundles:
            typer.echo(format_bundles(settings()))
            return
        decisions = ledger(settings(), at_most)
    if not decisions:
        typer.echo("No decision yet. Put a model on duty: londonpump models promote BUNDLE --why TEXT")
    for decision in decisions:
        typer.echo(format_decision(decision))


@models.command()
def show(
    what: Annotated[
        str | None,
        typer.Argument(metavar="[BUNDLE | DECISION]", help="Default: the model on duty.", show_default=False),
    ] = None,
    json: AsJson = False,
) -> None:
    """Show a bundle: card, metrics, when on duty, decisions; or a decision by its number, with its evidence."""
    from londonpump.lifecycle.show_models import show as show_entry

    with report_errors():
        entry = show_entry(settings(), what)
    typer.echo(as_json.dumps(entry.as_json(), indent=1) if json else entry.to_text())


@models.command(name="as-of")
def as_of(at: Annotated[str, typer.Argument(metavar="INSTANT", help="Such as 2026-11-01T10:00Z.")]) -> None:
    """Say which model was on duty at an instant."""
    from londonpump.lifecycle.show_models import as_of as active_model_at

    timestamp = _parse_timestamp(at)
    with report_errors():
        typer.echo(active_model_at(settings(), timestamp))


@models.command()
def compare(
    first: Annotated[str, typer.Argument(metavar="A", help="A folder or a hash: stands as champion.")],
    second: Annotated[str, typer.Argument(metavar="B", help="A folder or a hash: stands as challenger.")],
    data: Annotated[Path | None, typer.Option(metavar="DATA", help="Of prepare.", show_default=False)] = None,
    json: AsJson = False,
) -> None:
    """Judge two bundles on rows later than both, as `challenge` would; nothing is recorded."""
    from londonpump.lifecycle.challenge import ChallengeRequest
    from londonpump.lifecycle.challenge import compare as judge_both
    from londonpump.lifecycle.challenge_text import comparison_as_json, format_comparison

    config = settings()
    with report_errors(), show_progress() as progress:
        done = judge_both(config, (first, second), ChallengeRequest(data or config.data), progress)
    typer.echo(as_json.dumps(comparison_as_json(done), indent=1) if json else format_comparison(done))


@models.command()
def prune(
    keep: Annotated[int, typer.Option(min=1, help="So many of the newest stay.")] = 1,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go; remove nothing.")] = False,
) -> None:
    """Remove bundles that no decision names, that are not the newest and not younger than an hour."""
    from londonpump.lifecycle.prune import prune as remove_unneeded

    with report_errors():
        typer.echo(remove_unneeded(settings(), keep, dry_run).to_text())


def _print_change(before: str | None, after: str, is_new: bool) -> None:
    if is_new:
        instead = f", in place of {before}" if before else ""
        typer.echo(f"{after} is on duty{instead}. A service that runs takes it up within seconds.")
        track_after()
    else:
        typer.echo(f"{after} is on duty already. Nothing was changed.")


def _parse_timestamp(text: str) -> datetime:
    """An instant with its zone; a bare one could be London's or UTC's, an hour apart in summer."""
    try:
        timestamp = datetime.fromisoformat(text)
    except ValueError:
        timestamp = None
    if timestamp is None or timestamp.tzinfo is None:
        typer.echo(
            f"londonpump: {text!r} is no instant. Write it with its zone, such as 2026-11-01T10:00Z.",
            err=True,
        )
        raise typer.Exit(BAD_INPUT)
    return timestamp.astimezone(UTC)
