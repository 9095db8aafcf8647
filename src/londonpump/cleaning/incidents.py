"""Cleaning of incident records: time, location, incident type, duplicates.

Source of the steps: the original's cleaning (its steps 1, 4, 10, 12, 17), corrected. Call times are London wall
time. Summer time runs from the last Sunday of March 01:00 UTC to the last Sunday of October 01:00 UTC; the day of
the month of that Sunday follows from the year alone (valid for 1900 to 2099).
"""

import ibis
from ibis.expr.types import (
    BooleanValue,
    DateValue,
    FloatingValue,
    IntegerValue,
    StringValue,
    Table,
    TimestampValue,
)

from londonpump.cleaning.rules import (
    reject,
    reject_duplicates,
    start_cleaning,
    with_repairs,
    with_rules,
    with_station_of_name,
)
from londonpump.domain import incident_types
from londonpump.domain.columns import LONDON_EASTING, LONDON_NORTHING

HOUR_S = 3600


def is_summer_time(wall: TimestampValue) -> BooleanValue:
    """Return whether a London wall time is summer time. In an hour shown twice, the first occurrence is assumed."""
    month_day_hour = _month_day_hour(wall)
    return (month_day_hour >= _march(wall) + 2) & (month_day_hour < _october(wall) + 2)


def is_skipped_hour(wall: TimestampValue) -> BooleanValue:
    """Return whether the clocks of London skip this hour."""
    return _month_day_hour(wall) == _march(wall) + 1


def is_repeated_hour(wall: TimestampValue) -> BooleanValue:
    """Return whether the clocks of London show this hour twice."""
    return _month_day_hour(wall) == _october(wall) + 1


def to_utc(wall: TimestampValue) -> TimestampValue:
    """Convert London wall time to UTC."""
    return ibis.ifelse(is_summer_time(wall), wall - ibis.interval(hours=1), wall)


def to_london(utc: TimestampValue) -> TimestampValue:
    """Convert UTC to London wall time."""
    month_day_hour = _month_day_hour(utc)
    is_summer = (month_day_hour >= _march(utc) + 1) & (month_day_hour < _october(utc) + 1)
    return ibis.ifelse(is_summer, utc + ibis.interval(hours=1), utc)


def _month_day_hour(timestamp: TimestampValue) -> IntegerValue:
    # One number for month, day and hour needs one comparison instead of three.
    return timestamp.month() * 10_000 + timestamp.day() * 100 + timestamp.hour()


def _march(timestamp: TimestampValue) -> IntegerValue:
    # 31 March is (5 * year // 4 + 4) % 7 days after a Sunday.
    return 30_000 + (31 - ((5 * timestamp.year()) // 4 + 4) % 7) * 100


def _october(timestamp: TimestampValue) -> IntegerValue:
    # 31 October is (5 * year // 4 + 1) % 7 days after a Sunday.
    return 100_000 + (31 - ((5 * timestamp.year()) // 4 + 1) % 7) * 100


CELL_M = 100
LOST_SECONDS = 60
"""Mobilisations of some years lack seconds: they can seem to be up to a minute before their call."""
NUMBER_PATTERN = r"^([0-9]{6}-[0-9]{8}|[0-9]{2,9})$"
DATED_NUMBER = r"^[0-9]{6}-[0-9]{8}$"
"""The form since 2016. The eight digits are the day, the month and the year of the call in London."""
CONTENT_COLUMNS = (
    "call_date",
    "call_time",
    "incident_group",
    "stop_code",
    "special_service_type",
    "property_category",
    "easting_rounded_m",
    "northing_rounded_m",
    "station_ground",
    "first_attendance_s",
    "first_station",
    "second_attendance_s",
    "second_station",
)


def clean_incidents(typed: Table, stations: Table, mobilisations: Table | None = None) -> Table:
    """Return one row per incident record, with `rule` and `repairs`.

    Adds call_at (UTC), easting_m and northing_m (exact where published, else the centre of the 100 m cell),
    is_exact_location, incident_type and ground_code. Postcode districts are in capitals.

    Args: typed: the typed published table. stations: `code, name`, one row per name. mobilisations: the typed table, if
    there is one: it shows to which of two equal hours a call of the October night belongs.
    """
    # Each step names every column in its SQL: columns that no step reads go first.
    table = _with_time(start_cleaning(typed.drop("cal_year", "call_hour", "longitude")))
    if mobilisations is not None:
        table = _with_second_occurrence(table, mobilisations)
    table = _with_location(table)
    table = _with_incident_type(table)
    # The duplicate check compares repaired values, so it comes after all other rules.
    table = reject_duplicates(table, ("incident_number",), CONTENT_COLUMNS)
    return with_station_of_name(table, stations, "station_ground", ground_code="code")


def date_in_number(number: StringValue) -> DateValue:
    """Return the London day that an incident number contains; null if it contains none."""
    text = number.substr(11, 4) + "-" + number.substr(9, 2) + "-" + number.substr(7, 2)
    return number.re_search(DATED_NUMBER).ifelse(text.try_cast("date"), ibis.null("date"))


def is_other_date(table: Table) -> BooleanValue:
    """Return whether the call date is more than a day from the date in the incident number."""
    date_of_number = date_in_number(table.incident_number)
    return (table.call_date.epoch_days() - date_of_number.epoch_days()).abs() > 1


def _with_time(table: Table) -> Table:
    """Add `call_at`, the call in UTC. Of an hour that the clocks show twice, the first is assumed here."""
    # A missing time becomes midnight only so that there is a timestamp: the rule no_call_time rejects the row.
    wall = table.call_date.cast("timestamp") + table.call_time.fill_null(0).as_interval("s")
    table = table.mutate(wall=wall)
    wall = table.wall
    table = table.mutate(
        call_at=to_utc(wall),
        repairs=with_repairs(table, clock_shown_twice=is_repeated_hour(wall)),
    )
    return reject(
        table,
        no_incident_number=table.incident_number.isnull(),
        bad_incident_number=~table.incident_number.re_search(NUMBER_PATTERN),
        no_call_date=table.call_date.isnull(),
        no_call_time=table.call_time.isnull(),
        hour_does_not_exist=is_skipped_hour(table.wall),
        date_not_of_number=is_other_date(table),
    ).drop("wall")


def _with_second_occurrence(table: Table, mobilisations: Table) -> Table:
    """Move a call to the second occurrence of the repeated hour if its first pump was mobilised no earlier.

    A pump is never sent before its call, except for seconds that published times may have lost. Without a pump sent
    in the second occurrence, the call stays in the first.
    """
    is_twice = table.repairs.contains("clock_shown_twice")
    calls = table.filter(is_twice & table.incident_number.notnull()).select("incident_number", "call_at")
    mobilised = mobilisations.filter(mobilisations.mobilised_at.notnull()).select(
        "incident_number", "mobilised_at"
    )
    first = calls.join(mobilised, "incident_number").group_by("incident_number", "call_at")
    first = first.agg(sent_at=lambda found: found.mobilised_at.min())
    # Seconds may be missing from mobilisations, so a pump may seem to leave up to a minute before its call.
    is_second = first.sent_at >= first.call_at + ibis.interval(seconds=HOUR_S - LOST_SECONDS)
    second = first.filter(is_second).select("incident_number", "call_at", is_second=ibis.literal(True))
    # Only the few calls of that night have a match; all other rows stay unchanged.
    table = table.left_join(second, ["incident_number", "call_at"])
    table = table.drop("incident_number_right", "call_at_right")
    later_at = table.call_at + ibis.interval(seconds=HOUR_S)
    return table.mutate(
        call_at=ibis.ifelse(table.is_second.fill_null(False), later_at, table.call_at),
        repairs=with_repairs(table, second_showing_from_mobilisation=table.is_second),
    ).drop("is_second")


def _with_location(table: Table) -> Table:
    """Use the exact location where it is published and possible, else the centre of its 100 m cell."""
    has_exact = table.easting_m.notnull() & table.northing_m.notnull()
    is_exact = has_exact & _is_possible(table.easting_m, table.northing_m)
    table = table.mutate(has_exact=has_exact, is_exact_location=is_exact.fill_null(False))
    table = _with_cell(table)
    table = table.mutate(
        easting_m=ibis.ifelse(table.is_exact_location, table.easting_m, table.easting_rounded_m),
        northing_m=ibis.ifelse(table.is_exact_location, table.northing_m, table.northing_rounded_m),
        postcode_district=table.postcode_district.upper(),
        repairs=with_repairs(
            table,
            zero_latitude_ignored=table.latitude == 0,
            exact_location_ignored=table.has_exact & ~table.is_exact_location,
        ),
    ).drop("has_exact")
    table = reject(
        table,
        over_the_border=(table.frs.fill_null("London") != "London") | (table.borough_code == "E00000000"),
        no_location=table.easting_m.isnull() | table.northing_m.isnull(),
        impossible_location=~_is_possible(table.easting_m, table.northing_m),
    )
    return table.drop("latitude", "frs", "borough_code")


def _with_cell(table: Table) -> Table:
    """Compute the 100 m cell from the exact location where the published cell does not contain it."""
    pairs = (("easting_m", "easting_rounded_m"), ("northing_m", "northing_rounded_m"))
    # A cell that is 100 m or less away can still be the right one after rounding.
    is_elsewhere = ibis.or_(
        *[table[cell].isnull() | ((table[cell] - table[exact]).abs() > CELL_M) for exact, cell in pairs]
    )
    is_moved = table.is_exact_location & is_elsewhere
    centres = {
        cell: ibis.ifelse(is_moved, (table[exact] / CELL_M).floor() * CELL_M + CELL_M / 2, table[cell])
        for exact, cell in pairs
    }
    return table.mutate(repairs=with_repairs(table, cell_from_exact_location=is_moved), **centres)


def _is_possible(easting_m: FloatingValue, northing_m: FloatingValue) -> BooleanValue:
    return easting_m.between(*LONDON_EASTING) & northing_m.between(*LONDON_NORTHING)


def _with_incident_type(table: Table) -> Table:
    """Add the incident type and reject rows with gaps. Types are known after the event, so they are coarse and optional."""
    special = ibis.ifelse(
        table.special_service_type.isnull() & (table.stop_code == incident_types.SPECIAL_OPERATIONS),
        ibis.literal(incident_types.SPECIAL_OPERATIONS),
        table.special_service_type,
    )
    is_filled = table.special_service_type.isnull() & special.notnull()
    is_fire = table.incident_group.isin(incident_types.FIRE_GROUPS)
    incident_type = ibis.ifelse(is_fire, ibis.literal(incident_types.FIRE), _special_service_type(special))
    return table.mutate(
        special_service_type=special.fill_null(incident_types.NOT_SPECIAL_SERVICE),
        incident_type=incident_type,
        repairs=with_repairs(table, special_service_from_stop_code=is_filled),
        rule=with_rules(
            table,
            # The original drops these gaps too.
            incomplete_incident_group=table.incident_group.isnull(),
            no_incident_type=incident_type.isnull(),
            incomplete_property_category=table.property_category.isnull(),
            incomplete_property_type=table.property_type.isnull(),
            incomplete_address_qualifier=table.address_qualifier.isnull(),
            incomplete_station_ground=table.station_ground.isnull(),
        ),
    )


def _special_service_type(special: StringValue) -> StringValue:
    by_type = {
        type_name: [
            name for name, its_type in incident_types.SPECIAL_SERVICES.items() if its_type == type_name
        ]
        for type_name in incident_types.INCIDENT_TYPES
    }
    return ibis.cases(
        *[(special.isin(names), type_name) for type_name, names in by_type.items() if names],
        else_=ibis.null("string"),
    )
