"""The commands of the service: serve, and what puts a model on duty."""

from typing import Annotated

import typer

from londonpump.cli.screen import app, errors_told, settings

models = typer.Typer(
    help="Which model is on duty, and who decided that.", no_args_is_help=True, rich_markup_mode=None
)
app.add_typer(models, name="models")


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8000,
) -> None:
    """Run the service over HTTP until it is stopped: sign-in, health, ledger and board so far."""
    from londonpump.service.serving import serve as serve_until_stopped

    with errors_told():
        serve_until_stopped(settings(), host, port, lambda address: typer.echo(f"Serving on {address}"))


@models.command()
def promote(
    bundle: Annotated[
        str, typer.Argument(metavar="BUNDLE", help="A folder, or the hash of a bundle in LONDONPUMP_BUNDLES.")
    ],
    why: Annotated[
        str, typer.Option(metavar="TEXT", help="The reason, kept in the ledger.", show_default=False)
    ],
    force: Annotated[
        bool, typer.Option("--force", help="A simulated model in place of one learnt from real records.")
    ] = False,
) -> None:
    """Put a model on duty, after it has shown that it loads and answers."""
    from londonpump.pipelines.promote import Promotion
    from londonpump.pipelines.promote import promote as put_on_duty

    with errors_told():
        done = put_on_duty(settings(), Promotion(bundle, why, is_forced=force))
    if done.is_new:
        before = f", in place of {done.before}" if done.before else ""
        typer.echo(f"{done.after} is on duty{before}. A service that runs takes it up within seconds.")
    else:
        typer.echo(f"{done.after} is on duty already. Nothing was changed.")


@models.command(name="list")
def list_decisions(
    at_most: Annotated[int, typer.Option(min=1, max=500, help="The newest so many.")] = 20,
) -> None:
    """Show the ledger, the newest first."""
    from londonpump.pipelines.promote import ledger

    with errors_told():
        decisions = ledger(settings(), at_most)
    if not decisions:
        typer.echo("No decision yet. Put a model on duty: londonpump models promote BUNDLE --why TEXT")
    for decision in decisions:
        typer.echo(
            f"{decision.decided_at:%Y-%m-%d %H:%MZ}  {decision.action:9}  "
            f"{decision.champion_before or 'none'} -> {decision.champion_after or 'none'}  "
            f"{decision.actor}: {decision.reason}"
        )
