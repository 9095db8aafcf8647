"""The service under a rehearsal: it runs while everything else happens."""

from collections.abc import Iterator
from contextlib import contextmanager

from londonpump.rehearsal.service_process import running_service, service_ended_error
from londonpump.rehearsal.year_home import YearHome

LOG = "service.log"


@contextmanager
def running_year_service(home: YearHome) -> Iterator[str]:
    """A service on a free port of loopback. Returns: its address.

    Raises: ServiceFailed if it does not start, or ended by itself.
    """
    log = home.folder / LOG
    with running_service(home.command("serve", "--port", "0"), home.environment(), log) as (process, address):
        yield address
        if process.poll() is not None:
            raise service_ended_error(log)
