"""What the demo tells of the service: an answer as an operator would read it, and where to go on."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from londonpump.rehearsal.demo_home import DemoUser

FIRST_TARGET = "360"


def format_prediction(description: str, answer: Mapping[str, Any]) -> str:
    """The pumps of an answer of `POST /v1/predictions`, the first to arrive first."""
    lines = [
        f"Asked through the service: {description}, now. Which pumps, how soon, how sure?",
        f"{'pump':<6}{'from':<16}{'km':>5}  {'expected':>8}  {'8 in 10 within':<14}  within 6 min",
        *(_candidate(each) for each in answer["candidates"]),
        f"Pumps that such calls get: {answer['pumps_needed']['number']}",
        *_context(answer["context"]),
        *(f"Not known: {text}" for text in answer["missing"]),
    ]
    if answer["model"]["is_simulated"]:
        lines.append("The model is trained on SIMULATED records.")
    return "\n".join(lines)


def format_service(address: str, user: DemoUser, log: Path) -> str:
    """Where the service is, who may sign in and how it ends. The password is told once, to the person there."""
    password = user.password if user.is_new else f"in {user.password_file}"
    return "\n".join(
        [
            "",
            f"londonpump serves on {address}",
            f"  try it       {address}/docs",
            f"  sign in as   {user.name}, password {password}"
            + (f" (kept in {user.password_file})" * user.is_new),
            f"  its log      {log}",
            "  stop it      Ctrl-C",
        ]
    )


def _candidate(candidate: Mapping[str, Any]) -> str:
    span = f"{_minutes(candidate['p10_s'])} to {_minutes(candidate['p90_s'])}"
    return (
        f"{candidate['pump']:<6}{candidate['station']['name']:<16}{candidate['distance_m'] / 1000:5.1f}  "
        f"{_minutes(candidate['p50_s']):>8}  {span:<14}  {candidate['chance_within_s'][FIRST_TARGET]:12.0%}"
    )


def _context(values: Mapping[str, Mapping[str, Any]]) -> list[str]:
    known = [
        f"{name} {value['value']:.4g} ({value['source']})"
        for name, value in values.items()
        if isinstance(value["value"], int | float) and not isinstance(value["value"], bool)
    ]
    return [f"Taken into account: {', '.join(known)}"] if known else []


def _minutes(seconds: float) -> str:
    total_s = round(seconds)
    return f"{total_s // 60}:{total_s % 60:02d}"
