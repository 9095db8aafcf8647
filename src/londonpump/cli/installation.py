"""Commands about the installation itself: doctor, config show."""

import re
from pathlib import Path
from typing import Annotated

import typer

from londonpump.cli import application, options
from londonpump.cli.application import app, paint, report_errors, settings, show_result

BROKEN = 1
COLOURS = {"pass": "green", "warn": "yellow", "fail": "red"}


@app.command(epilog=options.example("doctor --online"))
def doctor(
    online: Annotated[
        bool,
        typer.Option("--online", help="Ask each publisher for one small thing too, and show what came."),
    ] = False,
    json: options.JsonFile = None,
) -> None:
    """Examine this installation, and show what to do.

    Settings, versions, home, disk, records, database, active model and sources are examined, and nothing is changed.
    The exit code is 1 if something must be repaired; a warning is no failure.
    """
    from londonpump.domain.errors import BadFile, BadSetting
    from londonpump.domain.json_values import to_json
    from londonpump.lifecycle.doctor import Finding, ask_publishers, examine, worst
    from londonpump.settings import read_settings

    findings: list[Finding] = []
    with report_errors():
        try:
            chosen = read_settings()
        except (BadFile, BadSetting) as error:
            # nothing else can be examined without them
            findings.append(Finding("settings", "fail", str(error)))
        else:
            findings.extend(examine(chosen, application.MODULES))
            if online:
                with application.open_http() as http:
                    findings.extend(ask_publishers(chosen, http))
        text = "\n".join(
            f"{paint(each.status, COLOURS[each.status])}  {each.name:<16} {each.output}"
            + (f"\n{'':23}{each.action}" if each.action else "")
            for each in findings
        )
        document = {"status": worst(findings), "checks": [to_json(each) for each in findings]}
        show_result(document, text, json)
    if document["status"] == "fail":
        raise typer.Exit(BROKEN)


config_app = typer.Typer(no_args_is_help=True, help="Show the settings in force.")
app.add_typer(config_app, name="config")


@config_app.callback()
def config() -> None:
    """Show the settings in force."""


@config_app.command("show", epilog=options.example("config show"))
def show(json: options.JsonFile = None) -> None:
    """Show every setting, its value and where it comes from.

    A setting comes from its variable, else from the file `londonpump.toml`, else it has its default. The file is the
    one that LONDONPUMP_CONFIG names, else the one in this folder, else the one in LONDONPUMP_HOME. Secrets are hidden.
    """
    from londonpump.settings import SECRETS, Settings, config_file, source_of

    chosen = settings()
    rows = {}
    for name in Settings.model_fields:
        value = getattr(chosen, name)
        if name in SECRETS and value is not None:
            value = "set, hidden"
        elif isinstance(value, str | Path):
            # the address of a mirror may hold a user and a password
            value = re.sub(r"//[^/@]*@", "//hidden@", str(value))
        rows[name] = {"value": value, "from": source_of(chosen, name)}
    with report_errors():
        file = config_file()
        lines = [f"File of settings: {file or 'none'}"]
        lines += [
            f"{name:<20} {'not set' if row['value'] is None else row['value']}  ({row['from']})"
            for name, row in rows.items()
        ]
        show_result({"file": None if file is None else str(file), "settings": rows}, "\n".join(lines), json)
