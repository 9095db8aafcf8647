"""Commands about models: the active one, who decided that, and how to change it by hand."""

from datetime import datetime
from typing import Annotated

import typer

from londonpump.cli import options
from londonpump.cli.application import app, report_errors, settings, show_progress, show_result

models = typer.Typer(
    help="Show which model is active and why, or change it.",
    no_args_is_help=True,
)
app.add_typer(models, name="models")
Why = Annotated[str, options.value("TEXT", "State the reason; it is kept in the ledger.")]


@models.command(epilog=options.example("models promote bundle --why 'first model'"))
def promote(
    bundle: Annotated[str, options.bundle("Activate this bundle")],
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


@models.command(name="roll-back", epilog=options.example("models roll-back --why 'late at night in Barnet'"))
def roll_back(
    why: Why,
    bundle: Annotated[
        str | None,
        options.bundle("Activate this earlier champion", "the one that the active model replaced"),
    ] = None,
) -> None:
    """Activate an earlier champion again.

    A test first shows that it still loads and predicts.
    """
    from londonpump.registry.manual_decisions import RollBackRequest
    from londonpump.registry.manual_decisions import roll_back as roll_back_bundle

    with report_errors():
        result = roll_back_bundle(settings(), RollBackRequest(why, bundle))
    _print_change(result.before, result.after, result.is_new)


@models.command(name="list", epilog=options.example("models list --limit 5"))
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


@models.command(epilog=options.example("models show bundle"))
def show(
    bundle: Annotated[
        str | None,
        options.bundle("Show this bundle, or the decision of this number", "the active model"),
    ] = None,
    json: options.JsonFile = None,
) -> None:
    """Show a bundle, or a decision of the ledger.

    A bundle is shown with its card, metrics, active periods and decisions; a decision with its evidence.
    """
    from londonpump.domain.json_values import to_document
    from londonpump.lifecycle.stored_models import show as show_entry
    from londonpump.presentation.texts.bundles import format_entry

    with report_errors():
        entry = show_entry(settings(), bundle)
        show_result(to_document(entry), format_entry(entry), json)


@models.command(name="as-of", epilog=options.example("models as-of 2026-11-01T10:00Z"))
def as_of(
    at: Annotated[
        datetime,
        typer.Argument(
            metavar="TIME", help="Show the model of this time, with its zone.", parser=options.parse_timestamp
        ),
    ],
) -> None:
    """Show which model was active at a time."""
    from londonpump.lifecycle.stored_models import as_of as active_model_at

    with report_errors():
        typer.echo(active_model_at(settings(), at))


@models.command(epilog=options.example("models compare bundle another --data data"))
def compare(
    bundle: Annotated[str, options.bundle("Take this bundle as champion")],
    other: Annotated[str, options.bundle("Take this bundle as challenger", metavar="OTHER")],
    data: options.DataFolder = None,
    json: options.JsonFile = None,
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
        result = compare_models(config, (bundle, other), ChallengeRequest(data or config.data), progress)
    with report_errors():
        show_result(to_document(result), format_comparison(result), json)


@models.command(epilog=options.example("models prune --keep 3 --dry-run"))
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
