"""A browser without script: a client of the console's pages that keeps the cookie and sends what browsers send."""

from collections.abc import Iterator
from contextlib import contextmanager

from support.accounts_service import PASSWORD, LiveService, ServiceClient

ORIGIN = "https://testserver"
OWN = {"Sec-Fetch-Site": "same-origin"}
PART = {**OWN, "Console-Part": "1"}


class Console:
    """A person in front of the console."""

    def __init__(self, live_service: LiveService) -> None:
        self.live_service = live_service
        # cookies are kept per person; `Secure` ones are sent over https alone
        self.client = ServiceClient(
            live_service.client.app, base_url=ORIGIN, raise_server_exceptions=False, follow_redirects=False
        )
        self.client.portal = live_service.client.portal

    def get(self, path: str, **headers: str):
        return self.client.get(path, headers=headers)

    def post(self, path: str, data: dict | None = None, headers: dict[str, str] | None = None):
        return self.client.post(path, data=data or {}, headers=OWN if headers is None else headers)

    def sign_in(
        self, username: str, password: str = PASSWORD, headers: dict[str, str] | None = None, **more: str
    ):
        return self.post("/console/sign-in", {"username": username, "password": password, **more}, headers)


@contextmanager
def signed_in(live_service: LiveService, username: str, role: str = "operator") -> Iterator[Console]:
    """Create an account and sign it in."""
    live_service.add(username, role)
    console = Console(live_service)
    assert console.sign_in(username).status_code == 303
    yield console
