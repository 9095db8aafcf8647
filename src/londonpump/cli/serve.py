"""The command of the service: serve."""

import gc
from typing import Annotated

import typer

from londonpump.cli.application import app, report_errors, settings


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8000,
) -> None:
    """Run the service over HTTP until it is stopped. Its API is shown at /docs; it needs `londonpump[service]`."""
    # nothing that is loaded now is garbage: to look for some again and again takes 0.1 s
    gc.disable()
    try:
        from londonpump.service.app import serve as serve_until_stopped

        with report_errors():
            serve_until_stopped(settings(), host, port, lambda address: typer.echo(f"Serving on {address}"))
    finally:
        gc.enable()
