"""A whole home on a simulated Brigade: records, bundle, report, database, a model on duty, weather of now."""

from datetime import UTC, datetime
from pathlib import Path

from londonpump.lifecycle.progress import Progress
from londonpump.rehearsal.demo_home import (
    DemoPlan,
    activate_model,
    claim_folder,
    fill_weather,
    is_complete,
    record_made,
)


def make_demo(home: Path, plan: DemoPlan, progress: Progress, *, is_anew: bool = False) -> str:
    """Make all of a home that is not there: records, bundle, report, database, the model on duty.

    is_anew: make a home again that was made by this plan. Returns: what to tell.
    Raises: BadFile if `home` holds other things.
    """
    if is_complete(home, plan) and not is_anew:
        message = f"The SIMULATED Brigade of an earlier demo, in {home} (--anew makes it again)"
        activate_model(home, is_new=False)
    else:
        claim_folder(home)
        # seconds of imports that a home which is there does not need
        from londonpump.rehearsal.demo_records import make_records  # noqa: PLC0415

        message = make_records(home, plan, progress)
        activate_model(home, is_new=True)
        record_made(home, plan)
    fill_weather(home, datetime.now(UTC))
    pages = (("Report", "report.html"), ("Model card", "model_card.html"))
    return "\n".join(
        [message, "", *(f"{name}: {(home / file).resolve().as_uri()}" for name, file in pages), ""]
    )
