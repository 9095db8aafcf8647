"""The page on the Brigade, its headline and its tables as sheets."""

from dataclasses import dataclass

from londonpump.evaluation.attendance import FEW, RESAMPLES
from londonpump.evaluation.evaluation_rows import Bools
from londonpump.evaluation.lateness import Level
from londonpump.presentation.brigade import tables
from londonpump.presentation.brigade.plots import (
    draw_borough_map,
    draw_boroughs_by_year,
    draw_changes,
    draw_months,
)
from londonpump.presentation.brigade.records import BrigadeRecords
from londonpump.presentation.monthly.attendance_tables import area_tables
from londonpump.presentation.monthly.plots import draw_places
from londonpump.presentation.monthly.render import headline_of_targets, page_sheets
from londonpump.presentation.report.pages import load_page
from londonpump.presentation.report.sheets import Sheet
from londonpump.presentation.report.style import format_count, format_day
from londonpump.presentation.texts.places import format_borough, format_ground


@dataclass(frozen=True, slots=True)
class BrigadePage:
    """The page, and its tables with the series since the first record."""

    html: str
    sheets: list[Sheet]


def render_brigade(records: BrigadeRecords) -> BrigadePage:
    """Render the report on the Brigade as one self-contained HTML page, and its tables."""
    boroughs = tables.figures_of(records, records.recent, Level.BOROUGH)
    grounds = tables.figures_of(records, records.recent, Level.GROUND)
    counted = "Arrivals" if records.is_complete else "Arrivals in the sample"
    shown = {
        "london": tables.london_table(records),
        "turnout_and_travel": tables.times_table(records),
        "years": tables.year_table(records),
        "mix": tables.mix_table(records),
        "delays": tables.delay_table(records),
    }
    listed = {
        "boroughs": area_tables(boroughs, format_borough, "Borough", counted),
        "grounds": area_tables(grounds, format_ground, "Station ground", counted),
        "changes": tables.change_tables(records),
        "busiest": tables.busy_tables(records),
    }
    html = load_page("brigade.html.j2").render(
        records=records,
        headline=[*headline_of_targets(records.recent.figures(0), boroughs), *_change_sentence(records)],
        facts=_facts(records),
        months=draw_months(records),
        borough_plot=draw_places(boroughs, format_borough, "Boroughs", "boroughs"),
        borough_map=draw_borough_map(boroughs),
        borough_years=draw_boroughs_by_year(records),
        change_plot=draw_changes(records),
        split=None if records.split_date is None else format_day(records.split_date),
        around=None
        if records.around_split is None
        else [_between(records, mask) for mask in records.around_split],
        resamples=format_count(RESAMPLES),
        few=FEW,
        **shown,
        **listed,
    )
    # The page shows the places that changed most; the sheet has all of them.
    change = tables.change_sheet(records)
    return BrigadePage(
        html,
        [
            *page_sheets({**{key: [one] for key, one in shown.items() if one}, **listed}),
            *([] if change is None else [change]),
            *tables.series_sheets(records),
        ],
    )


def _facts(records: BrigadeRecords) -> dict[str, str]:
    incidents = sum(records.incidents_by_day.values())
    kept = "every incident" if records.is_complete else "a sample of the incidents, or days are missing"
    return {
        "Records": f"{format_day(records.first_date)} to {format_day(records.last_date)}, {kept}",
        "Read": f"{format_count(incidents)} incidents kept and {format_count(records.n_rejected)} rejected "
        f"by cleaning, of {records.n_files} file{'s' * (records.n_files != 1)}",
        records.recent_name: _between(records, records.is_recent),
    }


def _between(records: BrigadeRecords, mask: Bools) -> str:
    first, last = records.dates_of(mask)
    return f"{format_day(first)} to {format_day(last)}"


def _change_sentence(records: BrigadeRecords) -> list[str]:
    found = records.split_change
    if found is None or records.split_date is None:
        return []
    stat = found.change.stat(0, 0)
    if stat.value is None:
        return []
    if stat.low is None or stat.high is None:
        sure = "too few days to say how sure"
    else:
        sure = f"{stat.low:+.1f} to {stat.high:+.1f} s".replace("-", "\u2212")
    value = f"{stat.value:+.1f}".replace("-", "\u2212")
    return [
        f"From {format_day(records.split_date)} on, the first pump took {value} s against before ({sure})."
    ]
