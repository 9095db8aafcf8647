"""Messages for a database that does not answer. They never hold the password."""

import socket
import traceback

import pytest
from sqlalchemy.exc import DBAPIError
from support.postgres import LOCKED_PASSWORD, LOCKED_USER

from londonpump.domain.errors import DatabaseFailed
from londonpump.persistence.database import connect, open_database, reading, writing
from londonpump.persistence.database.schema import users
from londonpump.settings import Settings

SECRET = "hush-hush"  # noqa: S105


def error_on_opening(url: str) -> str:
    """Return the message and everything that a log could show of the error."""
    with pytest.raises(DatabaseFailed) as caught:
        open_database(url)
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    return str(caught.value)


@pytest.fixture
def closed_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def test_a_server_that_is_not_there(closed_port) -> None:
    error_message = error_on_opening(f"postgresql://me:{SECRET}@127.0.0.1:{closed_port}/pumps")
    assert error_message.startswith(
        f"The database me@127.0.0.1:{closed_port}/pumps does not listen there. Check"
    )


def test_a_wrong_password(postgresql) -> None:
    url = f"postgresql://{LOCKED_USER}:{SECRET}@/postgres?host={postgresql.folder}"
    assert "refuses the user or the password" in error_on_opening(url)


def test_a_password_in_the_options(closed_port) -> None:
    error_message = error_on_opening(f"postgresql://127.0.0.1:{closed_port}/pumps?user=me&password={SECRET}")
    assert f"127.0.0.1:{closed_port}/pumps does not listen" in error_message


def test_no_password(postgresql) -> None:
    assert "requires a password" in error_on_opening(postgresql.url("postgres", user=LOCKED_USER))


def test_the_right_password(postgresql) -> None:
    url = f"postgres://{LOCKED_USER}:{LOCKED_PASSWORD}@/postgres?host={postgresql.folder}"
    assert "Run `londonpump db upgrade`" in error_on_opening(url)


def test_an_unknown_user(postgresql) -> None:
    assert "has no such user" in error_on_opening(postgresql.url("postgres", user="nobody-here"))


def test_an_unknown_database(postgresql) -> None:
    assert "has no database of that name" in error_on_opening(postgresql.url("not_there"))


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://me:{SECRET}@host:{SECRET}/pumps",
        f"postgresql://me:{SECRET}:x@y@host:port/pumps",
        f"not an address {SECRET}",
        "",
    ],
)
def test_an_address_that_cannot_be_read(url) -> None:
    assert "LONDONPUMP_DATABASE_URL" in error_on_opening(url)


@pytest.mark.parametrize("url", [f"mysql://me:{SECRET}@host/pumps", "sqlite://", "sqlite:///:memory:"])
def test_a_kind_of_database_that_is_not_supported(url) -> None:
    assert "is not supported" in error_on_opening(url)


def test_an_option_that_does_not_exist(closed_port) -> None:
    error_message = error_on_opening(
        f"postgresql://me:{SECRET}@127.0.0.1:{closed_port}/pumps?nonsense={SECRET}"
    )
    assert "LONDONPUMP_DATABASE_URL" in error_message


def test_a_folder_that_cannot_be_made(tmp_path) -> None:
    (tmp_path / "file").touch()
    assert "cannot be kept there" in error_on_opening(f"sqlite:///{tmp_path}/file/deep/a.db")


def test_a_folder_in_place_of_a_file(tmp_path) -> None:
    assert "cannot be opened" in error_on_opening(f"sqlite:///{tmp_path}")


def test_a_file_that_is_no_database(tmp_path) -> None:
    (tmp_path / "a.db").write_text("no database, but longer than its header would be. " * 40)
    assert "is not a database" in error_on_opening(f"sqlite:///{tmp_path}/a.db")


def test_a_refused_row_shows_no_value(engine) -> None:
    row = {
        "id": "1",
        "username": "a",
        "username_folded": "a",
        "role": "king",
        "password_hash": SECRET,
        "created_at": None,
    }
    with pytest.raises(DatabaseFailed) as caught, writing(engine) as connection:
        connection.execute(users.insert(), row)
    assert "rejects a value that breaks a rule" in str(caught.value)
    assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_a_driver_error_is_told_and_not_chained(engine) -> None:
    with pytest.raises(DatabaseFailed) as caught, writing(engine) as connection:
        connection.exec_driver_sql("SELECT * FROM not_there")
    assert not isinstance(caught.value.__cause__, DBAPIError)
    assert caught.value.__suppress_context__


def test_the_file_is_its_owners_alone(tmp_path) -> None:
    open_database(f"sqlite:///{tmp_path}/a.db").dispose()
    assert (tmp_path / "a.db").stat().st_mode & 0o077 == 0


def test_any_folder_can_hold_the_embedded_database(tmp_path) -> None:
    home = tmp_path / "a b%20c?d#é"
    open_database(Settings(home=home).database).dispose()
    assert [entry.name for entry in home.iterdir()] == ["londonpump.db"]


def test_a_postgresql_that_vanishes_is_given_up_after_ten_seconds(postgresql) -> None:
    engine = connect(postgresql.url("postgres"))
    with reading(engine) as connection:
        parameters = connection.connection.driver_connection.info.get_parameters()
    engine.dispose()
    assert parameters["tcp_user_timeout"] == "10000"
