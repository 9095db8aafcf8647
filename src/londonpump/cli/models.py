"""Commands about models: which one is on duty, who decided that, and how to change it by hand."""

import json as as_json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from londonpump.cli.screen import BAD_INPUT, app, errors_told, progress_shown, settings
from londonpump.cli.tracking import track_after

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
    from londonpump.pipelines.promote import Promotion
    from londonpump.pipelines.promote import promote as put_on_duty

    with errors_told():
        done = put_on_duty(settings(), Promotion(bundle, why, is_forced=force))
    _tell_change(done.before, done.after, done.is_new)


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
    from londonpump.pipelines.roll_back import RollBack
    from londonpump.pipelines.roll_back import roll_back as take_back

    with errors_told():
        done = take_back(settings(), RollBack(why, to))
    _tell_change(done.before, done.after, done.is_new)


@models.command(name="list")
def list_decisions(
    at_most: Annotated[int, typer.Option(min=1, max=500, help="The newest so many.")] = 20,
    bundles: Annotated[bool, typer.Option("--bundles", help="The bundles in the store instead.")] = False,
) -> None:
    """Show the ledger, the newest first."""
    from londonpump.pipelines.models_shown import line_in_words, stored_in_words
    from londonpump.pipelines.promote import ledger

    with errors_told():
        if bundles:
            typer.echo(stored_in_words(settings()))
            return
        decisions = ledger(settings(), at_most)
    if not decisions:
        typer.echo("No decision yet. Put a model on duty: londonpump models promote BUNDLE --why TEXT")
    for decision in decisions:
        typer.echo(line_in_words(decision))


@models.command()
def show(
    what: Annotated[
        str | None,
        typer.Argument(metavar="[BUNDLE | DECISION]", help="Default: the model on duty.", show_default=False),
    ] = None,
    json: AsJson = False,
) -> None:
    """Show a bundle: card, metrics, when on duty, decisions; or a decision by its number, with its evidence."""
    from londonpump.pipelines.models_shown import show as look_at

    with errors_told():
        shown = look_at(settings(), what)
    typer.echo(as_json.dumps(shown.as_json(), indent=1) if json else shown.in_words())


@models.command(name="as-of")
def as_of(at: Annotated[str, typer.Argument(metavar="INSTANT", help="Such as 2026-11-01T10:00Z.")]) -> None:
    """Say which model was on duty at an instant."""
    from londonpump.pipelines.models_shown import as_of as on_duty_at

    moment = _instant(at)
    with errors_told():
        typer.echo(on_duty_at(settings(), moment))


@models.command()
def compare(
    first: Annotated[str, typer.Argument(metavar="A", help="A folder or a hash: stands as champion.")],
    second: Annotated[str, typer.Argument(metavar="B", help="A folder or a hash: stands as challenger.")],
    data: Annotated[Path | None, typer.Option(metavar="DATA", help="Of prepare.", show_default=False)] = None,
    json: AsJson = False,
) -> None:
    """Judge two bundles on rows later than both, as `challenge` would; nothing is recorded."""
    from londonpump.pipelines.challenge import ChallengeRequest
    from londonpump.pipelines.challenge_words import compared_as_json, compared_in_words
    from londonpump.pipelines.compare import compare as judge_both

    known = settings()
    with errors_told(), progress_shown() as progress:
        done = judge_both(known, (first, second), ChallengeRequest(data or known.data), progress)
    typer.echo(as_json.dumps(compared_as_json(done), indent=1) if json else compared_in_words(done))


@models.command()
def prune(
    keep: Annotated[int, typer.Option(min=1, help="So many of the newest stay.")] = 1,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go; remove nothing.")] = False,
) -> None:
    """Remove bundles that no decision names, that are not the newest and not younger than an hour."""
    from londonpump.pipelines.prune import prune as remove_unneeded

    with errors_told():
        typer.echo(remove_unneeded(settings(), keep, dry_run).in_words())


def _tell_change(before: str | None, after: str, is_new: bool) -> None:
    if is_new:
        instead = f", in place of {before}" if before else ""
        typer.echo(f"{after} is on duty{instead}. A service that runs takes it up within seconds.")
        track_after()
    else:
        typer.echo(f"{after} is on duty already. Nothing was changed.")


def _instant(text: str) -> datetime:
    """An instant with its zone; a bare one could be London's or UTC's, an hour apart in summer."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        typer.echo(
            f"londonpump: {text!r} is no instant. Write it with its zone, such as 2026-11-01T10:00Z.",
            err=True,
        )
        raise typer.Exit(BAD_INPUT)
    return moment.astimezone(UTC)
