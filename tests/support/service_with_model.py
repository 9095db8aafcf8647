"""The service with accounts and an active model, for tests."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.accounts_service import LiveService, run_live_service
from support.running_service import name_champion, put_in_store

from londonpump.persistence.database import open_database


@contextmanager
def live_service_with_model(
    url: str, folder: Path, bundle: Path, **settings: object
) -> Iterator[LiveService]:
    """Run the service over a database whose ledger names a copy of the bundle."""
    name = put_in_store(bundle, folder).name
    engine = open_database(url)
    name_champion(engine, name)
    engine.dispose()
    with run_live_service(url, folder, bundles=folder / "bundles", **settings) as live_service:
        yield live_service
