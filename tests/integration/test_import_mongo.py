"""Import of the original's exports into our tables, on both database engines."""

import json
from collections import Counter
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import bcrypt
import pytest
from sqlalchemy import select
from support.accounts_service import run_live_service
from typer.testing import CliRunner

from londonpump.cli import app
from londonpump.domain.errors import BadFile
from londonpump.domain.national_grid import to_degrees
from londonpump.domain.stations import Station, by_code, known_stations
from londonpump.lifecycle.import_mongo import CollectionCounts, ImportResult, import_mongo
from londonpump.persistence.database import reading
from londonpump.persistence.database.schema import metadata
from londonpump.persistence.repositories.audit import read_audit
from londonpump.persistence.repositories.context import (
    read_school_holidays,
    read_stations,
    school_years,
    store_stations,
)
from londonpump.persistence.repositories.predictions import (
    ImportedPrediction,
    RiskStation,
    select_imported_predictions,
    select_risk_stations,
)
from londonpump.persistence.repositories.users import User, list_users

CALENDAR = Path(__file__).resolve().parents[2] / "../shared/data/calendar"
OURS = by_code(known_stations())
LISTED_AT = datetime(2023, 2, 11, 11, 25, 15, 149_000, tzinfo=UTC)
REQUESTED_AT = datetime(2023, 3, 1, 9, 30, tzinfo=UTC)
ANNA, ANNA_TOO, LIST, REQUESTED_ID = ("63f0000000000000000000" + end for end in ("01", "02", "03", "04"))


def oid(value: str) -> dict[str, str]:
    return {"$oid": value}


def canonical(at: datetime) -> dict[str, Any]:
    """Write values as `mongoexport --jsonFormat=canonical` does."""
    return {"$date": {"$numberLong": str(round(at.timestamp() * 1000))}}


def relaxed(at: datetime) -> dict[str, Any]:
    """Write values as mongoexport does by default."""
    return {"$date": at.isoformat(timespec="milliseconds").replace("+00:00", "Z")}


def station(code: str, **changed: Any) -> dict[str, Any]:
    known = OURS[code]
    latitude, longitude = to_degrees(known.easting_m, known.northing_m)
    return {
        "code": code,
        "name": known.name,
        "latitude": float(latitude),
        "longitude": float(longitude),
        **changed,
    }


RUISLIP = station("G32", latitude=51.614852, longitude=-0.181872)
"""As it stands in the original."""
USER: dict[str, Any] = {
    "_id": oid(ANNA),
    "username": "Anna",
    "password": bcrypt.hashpw(b"test-password", bcrypt.gensalt(4)).decode(),
    "created_at": relaxed(REQUESTED_AT),
}
BEN = {"_id": oid(ANNA_TOO), "username": "Ben", "created_at": relaxed(REQUESTED_AT)}
RISKS = {
    "_id": oid(LIST),
    "created_at": canonical(LISTED_AT),
    "stations": [{"code": "G32", "name": "Ruislip"}],
}
PREDICTIONS = {
    "_id": oid(REQUESTED_ID),
    "prediction": {"$numberInt": "316"},
    "risk_underestimated": True,
    "userId": oid(ANNA),
    "created_at": canonical(REQUESTED_AT),
    "stationId": oid(LIST),
}
YEAR = {
    "year": {"$numberInt": "2022"},
    "dates": [canonical(datetime(2022, 7, 24, 23, tzinfo=UTC)), relaxed(datetime(2022, 12, 21, tzinfo=UTC))],
}


def write(folder: Path, **collections: list[dict[str, Any]]) -> Path:
    for name, documents in collections.items():
        (folder / f"{name}.json").write_text(json.dumps(documents), encoding="utf-8")
    return folder


def everything(folder: Path) -> Path:
    return write(
        folder,
        stations=[station("A21"), RUISLIP],
        schoolVacations=[YEAR],
        riskStations=[RISKS],
        users=[USER],
        predictions=[PREDICTIONS],
    )


def count_of(imported: ImportResult, collection: str) -> CollectionCounts:
    return next(each for each in imported.counts if each.collection == collection)


def rows_of(engine) -> dict[str, list[str]]:
    with reading(engine) as connection:
        return {
            name: sorted(map(repr, connection.execute(select(table))))
            for name, table in metadata.tables.items()
        }


def stored(engine, read) -> list[Any]:
    with reading(engine) as connection:
        return read(connection)


def test_every_collection_is_counted(tmp_path, database_url) -> None:
    imported = import_mongo(everything(tmp_path), database_url)
    figures = [
        (each.collection, each.read, each.added, each.already_there, each.corrected)
        for each in imported.counts
    ]
    assert figures == [
        ("stations", 2, 2, 0, 1),
        ("schoolVacations", 1, 1, 0, 1),
        ("riskStations", 1, 1, 0, 0),
        ("users", 1, 1, 0, 0),
        ("predictions", 1, 1, 0, 0),
    ]


def test_a_second_run_changes_nothing(tmp_path, database_url, engine) -> None:
    import_mongo(everything(tmp_path), database_url)
    before = rows_of(engine)
    imported = import_mongo(tmp_path, database_url)
    assert (rows_of(engine), {each.added for each in imported.counts}) == (before, {0})


def test_a_second_run_counts_all_as_there(tmp_path, database_url) -> None:
    import_mongo(everything(tmp_path), database_url)
    imported = import_mongo(tmp_path, database_url)
    assert [each.already_there for each in imported.counts] == [2, 1, 1, 1, 1]


def test_files_that_are_not_there_are_named(tmp_path, database_url) -> None:
    imported = import_mongo(write(tmp_path, users=[USER]), database_url)
    assert imported.absent == ("stations", "schoolVacations", "riskStations", "predictions")


def test_ruislip_is_put_where_it_stands(tmp_path, database_url, engine) -> None:
    import_mongo(write(tmp_path, stations=[RUISLIP]), database_url)
    assert by_code(read_stations(engine))["G32"] == OURS["G32"]


def test_a_wrong_place_is_reported(tmp_path, database_url) -> None:
    imported = import_mongo(write(tmp_path, stations=[RUISLIP]), database_url)
    assert count_of(imported, "stations").remarks == (
        "G32 Ruislip is 17.9 km from its known location, which is kept",
    )


def test_a_place_that_is_near_ours_is_taken(tmp_path, database_url, engine) -> None:
    moved = station("A21")
    moved["latitude"] += 0.002
    import_mongo(write(tmp_path, stations=[moved]), database_url)
    paddington = by_code(read_stations(engine))["A21"]
    assert paddington.northing_m - OURS["A21"].northing_m == pytest.approx(222.5, abs=1)


def test_places_given_as_text_are_read(tmp_path, database_url, engine) -> None:
    known = station("A21")
    as_text = {**known, "latitude": str(known["latitude"]), "longitude": str(known["longitude"])}
    import_mongo(write(tmp_path, stations=[as_text]), database_url)
    assert by_code(read_stations(engine))["A21"].easting_m == pytest.approx(OURS["A21"].easting_m, abs=0.2)


def test_what_we_know_of_a_station_besides_stays(tmp_path, database_url, engine) -> None:
    import_mongo(write(tmp_path, stations=[station("A21")]), database_url)
    paddington = by_code(read_stations(engine))["A21"]
    assert (paddington.borough, paddington.pumps) == (OURS["A21"].borough, OURS["A21"].pumps)


def test_stations_that_the_original_lacks_stay(tmp_path, database_url, engine) -> None:
    import_mongo(write(tmp_path, stations=[station("A21")]), database_url)
    assert set(by_code(read_stations(engine))) == set(OURS)


def test_a_station_that_we_do_not_know_is_reported(tmp_path, database_url, engine) -> None:
    new = {**station("A21"), "code": "A99", "name": "Newtown"}
    imported = import_mongo(write(tmp_path, stations=[new]), database_url)
    assert by_code(read_stations(engine))["A99"].status == "open"
    assert count_of(imported, "stations").remarks == (
        "A99 Newtown is not in our list: taken as open, one pump",
    )


def test_a_list_that_was_imported_by_hand_stays(tmp_path, database_url, engine) -> None:
    by_hand = Station("A21", "Paddington Green", "open", 526_000.0, 181_000.0)
    store_stations(engine, [by_hand])
    import_mongo(write(tmp_path, stations=[station("A21"), station("A23")]), database_url)
    assert read_stations(engine)[0] == by_hand


def test_school_days_are_days_of_london(tmp_path, database_url, engine) -> None:
    import_mongo(write(tmp_path, schoolVacations=[YEAR]), database_url)
    assert [holiday.day for holiday in read_school_holidays(engine)] == [
        date(2022, 7, 25),
        date(2022, 12, 21),
    ]


def test_the_days_of_the_original_are_those_of_the_corrected_calendar(tmp_path, database_url, engine) -> None:
    file = CALENDAR / "school_holidays_barking_dagenham.csv"
    if not file.is_file():
        pytest.skip("the calendar of the borough is not here")
    days = [date.fromisoformat(line) for line in file.read_text().split()[1:]]
    midnights = [datetime.combine(day, time(), ZoneInfo("Europe/London")) for day in days]
    years = [
        {"year": year, "dates": [canonical(at) for at in midnights if at.year == year]}
        for year in (2020, 2021, 2022)
    ]
    imported = import_mongo(write(tmp_path, schoolVacations=years), database_url)
    assert [holiday.day for holiday in read_school_holidays(engine)] == days
    early = sum(at.astimezone(UTC).date() < at.date() for at in midnights)
    assert count_of(imported, "schoolVacations").remarks == (
        f"232 days added, {early} of them stored a day early in UTC",
    )


def test_a_year_that_is_there_from_elsewhere_stays(tmp_path, database_url, engine) -> None:
    import_mongo(write(tmp_path, schoolVacations=[YEAR]), database_url)
    other = {"year": 2022, "dates": [canonical(datetime(2022, 1, 3, tzinfo=UTC))]}
    imported = import_mongo(write(tmp_path, schoolVacations=[other]), database_url)
    assert count_of(imported, "schoolVacations").already_there == 1
    assert school_years(engine) == {2022}


def test_risk_lists_keep_their_moment(tmp_path, database_url, engine) -> None:
    import_mongo(write(tmp_path, riskStations=[RISKS]), database_url)
    expected = [RiskStation(LISTED_AT, "G32", "Ruislip", "original", LIST)]
    assert stored(engine, select_risk_stations) == expected


def test_the_seed_of_risk_stations_has_no_id(tmp_path, database_url, engine) -> None:
    risk_station = {name: value for name, value in RISKS.items() if name != "_id"}
    import_mongo(write(tmp_path, riskStations=[risk_station]), database_url)
    import_mongo(tmp_path, database_url)
    assert [each.imported_id for each in stored(engine, select_risk_stations)] == [None]


def test_a_user_comes_with_the_hash_of_the_password(tmp_path, database_url, engine) -> None:
    """Issue 11, C2."""
    imported = import_mongo(write(tmp_path, users=[USER]), database_url)
    (anna,) = stored(engine, list_users)
    assert anna == User(anna.id, "Anna", "operator", REQUESTED_AT, USER["password"], None, ANNA)
    assert count_of(imported, "users").remarks == (
        "1 keep their password, which is hashed again at their next sign-in",
    )


def test_an_imported_user_signs_in_with_the_old_password_which_is_then_hashed_with_argon2id(
    tmp_path, database_url, engine
) -> None:
    """Issue 11, C2."""
    import_mongo(write(tmp_path, users=[USER]), database_url)
    with run_live_service(database_url, tmp_path) as live_service:
        assert live_service.login("anna", "test-passwort").status_code == 400
        assert [user.password_hash for user in stored(engine, list_users)] == [USER["password"]]
        assert live_service.login("anna", "test-password").status_code == 200
        (anna,) = stored(engine, list_users)
        assert anna.password_hash.startswith("$argon2id$")
        assert live_service.login("anna", "test-password").status_code == 200
        assert live_service.login("anna", "test-passwort").status_code == 400


def test_the_id_of_an_imported_user_and_of_its_predictions_is_the_original_s(
    tmp_path, database_url, engine
) -> None:
    """Issue 11, C1 and C2: a client that stored them finds them again."""
    import_mongo(everything(tmp_path), database_url)
    with run_live_service(database_url, tmp_path) as live_service:
        token = live_service.login("Anna", "test-password").json()["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        assert live_service.client.get("/me", headers=headers).json()["user"]["id"] == ANNA
        (stored_entry,) = live_service.client.get("/historique", headers=headers).json()
        assert (stored_entry["id"], stored_entry["userId"], stored_entry["prediction"]) == (
            REQUESTED_ID,
            ANNA,
            316,
        )


@pytest.mark.parametrize(
    "password", [None, "", "hushhush", "$2b$12$hushhush", "$2b$31$" + "a" * 53, "$1$" + "a" * 22, 7]
)
def test_a_user_whose_hash_cannot_be_checked_comes_without_a_password(
    tmp_path, database_url, engine, password
) -> None:
    """Issue 11, C2."""
    imported = import_mongo(write(tmp_path, users=[{**USER, "password": password}]), database_url)
    assert [user.password_hash for user in stored(engine, list_users)] == [None]
    assert count_of(imported, "users").remarks == (
        "1 without a usable password hash; set a password for: Anna",
    )


@pytest.mark.parametrize("name", ["", "  ", None, 5, "a" * 65, "an\x00na"])
def test_a_user_with_an_unusable_name_is_reported_and_skipped(tmp_path, database_url, engine, name) -> None:
    """Issue 11, C2."""
    imported = import_mongo(write(tmp_path, users=[{**USER, "username": name}, BEN]), database_url)
    assert [user.username for user in stored(engine, list_users)] == ["Ben"]
    counted = count_of(imported, "users")
    assert (counted.read, counted.added, counted.skipped) == (2, 1, 1)
    assert counted.remarks[-1].startswith("document 1, field username: ")
    assert counted.remarks[-1].endswith(": skipped")


DAMAGED: dict[str, Any] = {
    "stations": [station("A21"), station("A23", latitude="north")],
    "schoolVacations": [YEAR, {"year": 2021, "dates": "all"}],
    "riskStations": [RISKS, {**RISKS, "stations": ["G32"]}],
    "users": [USER, {**BEN, "created_at": {"$date": "soon"}}],
    "predictions": [PREDICTIONS, {**PREDICTIONS, "prediction": "soon"}],
}


@pytest.mark.parametrize("collection", DAMAGED)
def test_one_document_that_cannot_be_used_keeps_no_other_out(tmp_path, database_url, collection) -> None:
    """Issue 11, C2."""
    damaged_documents = {
        **{name: one_document[:1] for name, one_document in DAMAGED.items()},
        collection: DAMAGED[collection],
    }
    imported = import_mongo(write(tmp_path, **damaged_documents), database_url)
    assert {each.collection: each.added for each in imported.counts} == dict.fromkeys(DAMAGED, 1)
    skipped = Counter({each.collection: each.skipped for each in imported.counts})
    assert +skipped == Counter([collection])
    assert "document 2, field " in imported.to_text()


def test_what_was_skipped_comes_with_a_second_run_once_it_is_mended(tmp_path, database_url, engine) -> None:
    """Issue 11, C2."""
    import_mongo(write(tmp_path, users=[{**USER, "username": ""}, BEN]), database_url)
    imported = import_mongo(write(tmp_path, users=[USER, BEN]), database_url)
    assert (count_of(imported, "users").added, count_of(imported, "users").already_there) == (1, 1)
    assert [user.username for user in stored(engine, list_users)] == ["Anna", "Ben"]


def test_a_second_run_brings_the_passwords_that_an_earlier_version_left_out(
    tmp_path, database_url, engine
) -> None:
    """Issue 11, C2: and replaces none that was given since."""
    without = [{**USER, "password": None}, BEN]
    import_mongo(write(tmp_path, users=without), database_url)
    has_one = {**BEN, "password": USER["password"]}
    imported = import_mongo(write(tmp_path, users=[USER, BEN]), database_url)
    assert count_of(imported, "users").remarks == (
        "1 existed without a password and now have that of the export: Anna",
    )
    other = {**USER, "password": bcrypt.hashpw(b"another", bcrypt.gensalt(4)).decode()}
    import_mongo(write(tmp_path, users=[other, has_one]), database_url)
    assert {user.password_hash for user in stored(engine, list_users)} == {USER["password"]}
    with reading(engine) as connection:
        audited = [(row.event_type, json.loads(row.details)["user"]) for row in read_audit(connection)]
    assert audited == [("user_password_imported", user.id) for user in stored(engine, list_users)]


def test_no_more_than_20_skipped_documents_are_named(tmp_path, database_url) -> None:
    """Issue 11, C2."""
    imported = import_mongo(write(tmp_path, users=[BEN, *[{**USER, "username": ""}] * 25]), database_url)
    remarks = count_of(imported, "users").remarks
    assert (len(remarks), remarks[-1]) == (22, "and 5 more that cannot be used: skipped")


def test_a_name_that_is_taken_and_long_gets_a_number_that_fits(tmp_path, database_url, engine) -> None:
    twin = {**BEN, "username": "A" * 64, "created_at": relaxed(REQUESTED_AT.replace(hour=8))}
    import_mongo(write(tmp_path, users=[twin, {**USER, "username": "a" * 64}]), database_url)
    assert sorted(user.username for user in stored(engine, list_users)) == ["A" * 64, "a" * 62 + "-2"]


def test_two_users_whose_names_differ_in_case_stay_two(tmp_path, database_url, engine) -> None:
    earlier = relaxed(REQUESTED_AT.replace(hour=8))
    twin = {"_id": oid(ANNA_TOO), "username": "anna", "created_at": earlier}
    imported = import_mongo(write(tmp_path, users=[USER, twin]), database_url)
    assert [user.username for user in stored(engine, list_users)] == ["anna", "Anna-2"]
    assert "'Anna' is taken" in count_of(imported, "users").remarks[0]


def test_a_prediction_keeps_user_time_seconds_risk_and_list(tmp_path, database_url, engine) -> None:
    import_mongo(everything(tmp_path), database_url)
    (stored_entry,) = stored(engine, select_imported_predictions)
    (anna,) = stored(engine, list_users)
    assert stored_entry == ImportedPrediction(
        stored_entry.id, anna.id, REQUESTED_AT, "imported", 316.0, True, LISTED_AT, {}, REQUESTED_ID
    )


@pytest.mark.parametrize("seconds", [316, 316.0, "316", "316 secondes", {"$numberDouble": "316.0"}], ids=str)
def test_seconds_are_read_as_number_or_text(tmp_path, database_url, engine, seconds) -> None:
    import_mongo(write(tmp_path, predictions=[{**PREDICTIONS, "prediction": seconds}]), database_url)
    assert [stored_entry.response_time_s for stored_entry in stored(engine, select_imported_predictions)] == [
        316.0
    ]


def test_a_time_below_0_is_kept_as_it_was_told(tmp_path, database_url, engine) -> None:
    import_mongo(write(tmp_path, predictions=[{**PREDICTIONS, "prediction": -232}]), database_url)
    assert [stored_entry.response_time_s for stored_entry in stored(engine, select_imported_predictions)] == [
        -232.0
    ]


def test_a_prediction_of_nobody_keeps_whose_it_was(tmp_path, database_url, engine) -> None:
    imported = import_mongo(write(tmp_path, predictions=[PREDICTIONS]), database_url)
    (stored_entry,) = stored(engine, select_imported_predictions)
    assert (stored_entry.user_id, stored_entry.inputs) == (None, {"original_user": ANNA})
    assert count_of(imported, "predictions").corrected == 1


def test_a_document_a_line_reads_the_same(tmp_path, database_url, engine) -> None:
    twin = {"_id": oid(ANNA_TOO), "username": "Ben", "created_at": canonical(REQUESTED_AT)}
    lines = "\n".join(json.dumps(document) for document in (USER, twin)) + "\n"
    (tmp_path / "users.json").write_text(lines)
    import_mongo(tmp_path, database_url)
    assert [user.username for user in stored(engine, list_users)] == ["Anna", "Ben"]


def test_documents_over_several_lines_read_the_same(tmp_path, database_url, engine) -> None:
    (tmp_path / "users.json").write_text(
        "\ufeff" + json.dumps(USER, indent=2) + "\n" + json.dumps(USER, indent=2)
    )
    import_mongo(tmp_path, database_url)
    assert [user.username for user in stored(engine, list_users)] == ["Anna"]


def test_a_last_file_without_a_usable_document_keeps_everything_out(tmp_path, database_url, engine) -> None:
    before = rows_of(engine)
    write(
        everything(tmp_path),
        predictions=[{**PREDICTIONS, "created_at": "yesterday"}, {**PREDICTIONS, "prediction": ""}],
    )
    with pytest.raises(BadFile, match=r"predictions\.json: document 1, field created_at: 'yesterday' is not"):
        import_mongo(tmp_path, database_url)
    assert rows_of(engine) == before


def test_the_command_prints_a_count_a_collection(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("LONDONPUMP_HOME", str(tmp_path / "home"))
    (tmp_path / "exports").mkdir()
    stored_entry = CliRunner().invoke(app, ["db", "import-mongo", str(everything(tmp_path / "exports"))])
    assert stored_entry.exit_code == 0
    assert "stations               2       2              0          1" in stored_entry.output
    assert USER["password"] not in stored_entry.output


def test_the_command_says_what_is_wrong(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("LONDONPUMP_HOME", str(tmp_path / "home"))
    stored_entry = CliRunner().invoke(app, ["db", "import-mongo", str(tmp_path)])
    assert stored_entry.exit_code == 2
    assert "holds none of stations.json" in stored_entry.output


def test_the_command_upgrades(database_url, monkeypatch) -> None:
    monkeypatch.setenv("LONDONPUMP_DATABASE_URL", database_url)
    stored_entry = CliRunner().invoke(app, ["db", "upgrade"])
    assert stored_entry.exit_code == 0
    assert "already" in stored_entry.output
