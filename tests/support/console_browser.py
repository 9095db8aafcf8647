"""The console in Chromium: a service in a process that tests may kill, and browsers that note everything a test must not see."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
from playwright.sync_api import Browser, Page, Playwright, expect
from support.accounts_service import CHEAP, PASSWORD, SECRET
from support.running_service import database_with, put_in_store
from support.service_process import environment
from support.staged_service import CLOCK_FILE

from londonpump.persistence.atomic_files import write_text
from londonpump.persistence.database import connect, writing
from londonpump.persistence.repositories.alarms import Condition, reconcile_alarms
from londonpump.service.auth import accounts
from londonpump.service.auth.passwords import Passwords

WAIT_MS = 20_000
"""A loaded machine is slow; a test that finds what it waits for does not take that long."""
WATCH = """
document.addEventListener("securitypolicyviolation", (event) => console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`));
"""
MAP = Path(__file__).resolve().parents[3] / "shared/data/map/london_west_openmaptiles_z14_nobuildings.pmtiles"
STAGED_SERVICE = Path(__file__).parent / "staged_service.py"
NETWORK = "Failed to load resource"
PLACE = "529700, 181100"
"""A place in Soho as coordinates, which need no gazetteer."""


def find_chromium() -> str:
    """Return the path of Chromium, which is installed if that is possible. Without it the test is skipped."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None and shutil.which("apt-get") and os.geteuid() == 0:
        subprocess.run(
            ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"],
            check=False,
            capture_output=True,
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
        )
        found = shutil.which("chromium")
    if found is None:
        pytest.skip("Chromium is absent and cannot be installed here; on Debian: apt-get install chromium")
    return found


@dataclass
class ControlRoom:
    """A service with an active model and the board known, which can be killed and started again on its port."""

    home: Path
    url: str
    settings: dict[str, str]
    port: int = 0
    program: tuple[str, ...] = ("-m", "londonpump.cli", "serve")
    """What Python runs: the product's command, or `staged_service.py`, whose clock and language a test sets."""
    offset: timedelta = timedelta(0)
    """How far the clock of a staged service is from that of the machine."""
    process: "subprocess.Popen[str] | None" = None

    @property
    def address(self) -> str:
        return f"http://localhost:{self.port}"

    def start(self) -> None:
        """Start the service, and wait until it listens."""
        with (self.home / "served.log").open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, *self.program, "--port", str(self.port)],
                env=environment(self.home, **self.settings),
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, (self.home / "served.log").read_text()
        self.port = int(line.rstrip().rpartition(":")[2])

    def now(self) -> datetime:
        """Return the time of the service's clock."""
        return datetime.now(UTC) + self.offset

    def set_clock(self, at: datetime) -> None:
        """Set the clock of a staged service, which goes on from there."""
        self.offset = at - datetime.now(UTC)
        write_text(self.home / CLOCK_FILE, str(self.offset.total_seconds()))

    def kill(self) -> None:
        """Kill the service as a power failure would."""
        process, self.process = self.process, None
        if process is not None:
            process.kill()
            process.communicate()

    def add(self, username: str, role: str = "operator") -> None:
        """Create an account."""
        passwords = Passwords(CHEAP)
        new = accounts.NewUser(username, role, passwords.make_now(PASSWORD))
        engine = connect(self.url)
        with writing(engine) as connection:
            accounts.create(connection, new, "os:test", self.now())
        engine.dispose()
        passwords.close()

    @contextmanager
    def api(self, username: str = "feed") -> Iterator[httpx2.Client]:
        """Open a client of the API."""
        with httpx2.Client(base_url=self.address, timeout=30) as client:
            token = client.post("/login", data={"username": username, "password": PASSWORD}).json()
            client.headers["Authorization"] = f"Bearer {token['access_token']}"
            yield client

    def report_all(self, **states: str) -> None:
        """Report every pump as available, except for those given."""
        with self.api() as client:
            codes = [pump["code"] for pump in client.get("/v1/board").json()["pumps"]]
            pumps = [{"pump": code, "state": states.get(code, "available")} for code in codes]
            body = {"at": self.now().isoformat(), "pumps": pumps}
            assert client.put("/v1/board", json=body).status_code == 200

    def raise_alarms(self, *places: str) -> None:
        """Raise an alarm that pumps come later than announced, for each place."""
        day = {"day": "2026-01-05", "n": 11, "excess_s": 38.0, "sum": 12.0}
        evidence = {"since": "2026-01-05", "n": 11, "days": [day]}
        late = "pumps have come later than announced since 2026-01-05. Check roads."
        engine = connect(self.url)
        with writing(engine) as connection:
            conditions = [
                Condition("slower", each, "warning", f"{each}: {late}", evidence) for each in places
            ]
            reconcile_alarms(connection, datetime.now(UTC), {"slower"}, conditions)
        engine.dispose()

    def recorded(self) -> list[dict[str, Any]]:
        """Return every mobilisation of the open incidents."""
        with self.api() as client:
            return [
                each for incident in client.get("/v1/incidents").json() for each in incident["mobilisations"]
            ]


@contextmanager
def control_room(
    url: str,
    folder: Path,
    bundle: Path | None,
    *,
    staged: str = "",
    at: str = "",
    **settings: str,
) -> Iterator[ControlRoom]:
    """Run a service until the block ends. staged: "plain" or "longer" texts, with the clock of the room. at: what it shows first."""
    home = folder / "home"
    home.mkdir()
    secret = folder / "signing-secret"
    secret.write_bytes(SECRET)
    secret.chmod(0o600)
    database_with(url, None if bundle is None else put_in_store(bundle, folder).name)
    room = ControlRoom(
        home,
        url,
        {
            "LONDONPUMP_DATABASE_URL": url,
            "LONDONPUMP_SECRET_FILE": str(secret),
            "LONDONPUMP_BUNDLES": str(folder / "bundles"),
            "LONDONPUMP_DATABASE_PATIENCE_MS": "5000",
            **settings,
        },
    )
    if staged:
        room.program = (str(STAGED_SERVICE), staged)
    if at:
        room.set_clock(datetime.fromisoformat(at))
    room.add("feed", "service")
    room.add("amelia")
    room.start()
    try:
        room.report_all()
        yield room
    finally:
        room.kill()


@dataclass
class Operator:
    """A person with a browser of their own."""

    room: ControlRoom
    page: Page
    errors: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)
    presses: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.set_default_timeout(WAIT_MS)
        self.page.add_init_script(WATCH)
        self.page.on("console", lambda said: self.errors.append(said.text) if said.type == "error" else None)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", lambda request: self.hosts.add(urlsplit(request.url).netloc))

    def sign_in(self, username: str = "amelia", path: str = "/console/") -> None:
        """Sign in with the keyboard alone."""
        self.page.goto(f"{self.room.address}{path}")
        # keys go to the field once the page has given it the focus
        expect(self.page.locator("#username")).to_be_focused(timeout=WAIT_MS)
        self.page.keyboard.type(username)
        self.page.keyboard.press("Tab")
        self.page.keyboard.type(PASSWORD)
        self.page.keyboard.press("Enter")
        expect(self.page.locator("body[data-connection=live]")).to_be_visible(timeout=WAIT_MS)

    def press(self, *keys: str) -> None:
        """Press keys, and count them."""
        for key in keys:
            self.presses.append(key)
            self.page.keyboard.press(key)

    def type_place(self, place: str = PLACE) -> None:
        """Type a place and wait for its matches."""
        self.page.keyboard.press("Alt+p")
        self.page.keyboard.type(place)
        expect(self.page.locator("#matches [role=option]").first).to_be_visible(timeout=WAIT_MS)

    def rank(self, place: str = PLACE) -> None:
        """Type a place and take it."""
        self.type_place(place)
        self.press("Enter")
        self.expect_state("ranked")

    def expect_state(self, state: str) -> None:
        """Wait until the call is in a state."""
        expect(self.page.locator(f"#call[data-state={state}]")).to_be_visible(timeout=WAIT_MS)

    def pumps(self) -> list[str]:
        """Return the pumps of the list in their order."""
        return [str(row.get_attribute("data-pump")) for row in self.page.locator("tr[data-pump]").all()]

    def expect_nothing_wrong(self, *, allowed: str = "") -> None:
        """Fail if anything was written to the console or asked of another host. allowed: what a fault must cause."""
        assert [each for each in self.errors if not allowed or allowed not in each] == []
        assert self.hosts <= {urlsplit(self.room.address).netloc}


@contextmanager
def browsers(playwright: Playwright, **options: Any) -> Iterator[Browser]:
    """Run Chromium until the block ends."""
    browser = playwright.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox"], **options)
    try:
        yield browser
    finally:
        browser.close()


def operator(browser: Browser, room: ControlRoom, **options: Any) -> Operator:
    """Give a person a browser with cookies and a tab of its own."""
    view = {"viewport": {"width": 1366, "height": 768}, "reduced_motion": "reduce", **options}
    return Operator(room, browser.new_context(**view).new_page())
