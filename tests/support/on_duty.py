"""The service with accounts and a model on duty, for tests."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.running_service import name_champion, put_in_store
from support.signing_in import Desk, running_desk

from londonpump.storage.database import open_database


@contextmanager
def desk_on_duty(url: str, folder: Path, bundle: Path, **settings: object) -> Iterator[Desk]:
    """The service over a database, with a copy of the bundle named by its ledger."""
    name = put_in_store(bundle, folder).name
    engine = open_database(url)
    name_champion(engine, name)
    engine.dispose()
    with running_desk(url, folder, bundles=folder / "bundles", **settings) as desk:
        yield desk
