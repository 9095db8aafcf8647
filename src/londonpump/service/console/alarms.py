"""Alarms of `monitor` for supervisors: the list, and the button that acknowledges one."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from starlette.responses import RedirectResponse

from londonpump.service.console import pages
from londonpump.service.console.session import Supervisor
from londonpump.service.console.texts import ENGLISH, text
from londonpump.service.field_formats import OUR_ID
from londonpump.service.health import routes as health
from londonpump.service.state import State

router = APIRouter(prefix="/console", route_class=pages.ConsoleRoute, include_in_schema=False)
MAX_OPEN, MAX_ENDED = 500, 20


@router.get("/alarms")
async def alarms_page(request: Request, state: State, person: Supervisor) -> Response:
    """List the open alarms and those that ended last, the newest first."""
    # before the alarms: what changes meanwhile makes the page older than its tag says, never newer
    live = await pages.read_live(state)
    return pages.render(
        request,
        "alarms.html",
        status_line=live.line,
        tag=pages.page_tag(request, live.tag),
        open=await health.alarms(person, state, is_open=True, at_most=MAX_OPEN),
        ended=await health.alarms(person, state, is_open=False, at_most=MAX_ENDED),
        figure=figure,
        figure_name=figure_name,
    )


@router.post("/alarms/{alarm_id}/acknowledge")
async def acknowledge(
    state: State, person: Supervisor, alarm_id: Annotated[str, Path(pattern=OUR_ID)]
) -> Response:
    """Note that the person has seen an alarm, and show the list again."""
    await health.acknowledge_one(person, state, alarm_id)
    return RedirectResponse("/console/alarms", 303, pages.PAGE_HEADERS)


def figure_name(name: str) -> str:
    """Return a key of the evidence as words."""
    # `monitor` may add figures that no text names yet
    return ENGLISH.get(f"alarm.figure.{name}", name.replace("_", " "))


def figure(value: Any) -> str:
    """Return a value of the evidence as text."""
    if value is None:
        return text("status.weather_missing")
    if isinstance(value, dict):
        return ", ".join(f"{figure_name(name)} {figure(each)}" for name, each in value.items())
    if isinstance(value, list):
        return ", ".join(map(figure, value))
    return f"{value:.1f}" if isinstance(value, float) else str(value)
