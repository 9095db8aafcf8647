"""What goes wrong in a year, done for real, each with the words of what then happened.

Raises: RehearsalFailed wherever the product lets it pass.
"""

import subprocess

from londonpump.domain.errors import BadFile
from londonpump.lifecycle.prepare import prepare
from londonpump.lifecycle.prepared_examples import data_hash_of
from londonpump.lifecycle.promote import ledger
from londonpump.registry.bundle_store import BundleStore
from londonpump.rehearsal.request_traffic import RequestTraffic
from londonpump.rehearsal.year_home import RehearsalFailed, YearHome
from londonpump.rehearsal.year_records import prepare_request_until, rename_column, restore_file
from londonpump.storage.database.decision_repository import KEEP

KILLED_AT = "Fitting the interval widths"
DAMAGED_FILE = "scale.txt"
REASON_BY_HAND = "rehearsal: somebody takes the wrong model"
REASON_ROLL_BACK = "rehearsal: that was the wrong model"


def check_bad_records(home: YearHome, number: int) -> str:
    """A month comes with a renamed column: it must be refused, and what was prepared before must stay."""
    before = data_hash_of(home.settings.data)
    good = rename_column(home, number)
    try:
        prepare(prepare_request_until(home, number))
    except BadFile as error:
        rejection = error.problem
    else:
        raise RehearsalFailed(f"A file without its dates was prepared: {home.records(number)}")
    finally:
        restore_file(home, number, good)
    if data_hash_of(home.settings.data) != before:
        raise RehearsalFailed("A file that was refused changed what had been prepared before.")
    return f"bad records refused ({rejection}), the good ones stayed; mended and taken the next day"


def kill_training(home: YearHome, arguments: tuple[str, ...]) -> str:
    """A training ends by SIGKILL in the middle: nothing of it may be found."""
    store = BundleStore(home.settings.bundle)
    before = (store.names(), store.newest())
    process = subprocess.Popen(  # noqa: S603
        home.command(*arguments),
        env=home.environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None  # noqa: S101 - it was asked for
    with process.stderr as stderr_lines:
        is_there = any(KILLED_AT in line for line in stderr_lines)
        process.kill()
    process.wait()
    if not is_there:
        raise RehearsalFailed(f"The training that was to be killed never said {KILLED_AT!r}.")
    if (store.names(), store.newest()) != before:
        raise RehearsalFailed("A training that was killed left a bundle behind.")
    return "training killed half-way, nothing of it was left; run again"


def damage_bundle(home: YearHome, name: str) -> str:
    """Turn one bit of a bundle on disk."""
    file = BundleStore(home.settings.bundle).folder(name) / DAMAGED_FILE
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(bytes(content))
    return f"{name} damaged on disk before it was judged"


def require_rejected(home: YearHome, name: str) -> None:
    """A damaged bundle must not have gone on duty."""
    newest = ledger(home.settings, 1)[0]
    if newest.action != KEEP or newest.challenger != name or newest.champion_after == name:
        raise RehearsalFailed(f"{name} is damaged, and the ledger does not say that it was refused.")


def promote_and_roll_back(home: YearHome, wrong: str, traffic: RequestTraffic) -> str:
    """Somebody puts an older model on duty by hand, and takes it back when the service answers with it."""
    right = ledger(home.settings, 1)[0].champion_after
    home.run("models", "promote", wrong, "--why", REASON_BY_HAND)
    traffic.wait_for(wrong)
    home.run("models", "roll-back", "--why", REASON_ROLL_BACK)
    if ledger(home.settings, 1)[0].champion_after != right:
        raise RehearsalFailed(f"The roll back did not bring {right} back.")
    waited_s = traffic.wait_for(right)
    return f"{wrong} put on duty by hand and taken back; the service answered with {right} again {waited_s:.1f} s later"
