"""The original's users and their predictions into our tables, inside a transaction of the caller's."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import NAMESPACE_URL, uuid5

from sqlalchemy import Connection

from londonpump.domain.usernames import MAX_USERNAME_LENGTH, username_key
from londonpump.ingest.mongo_collections import ExportedPrediction, ExportedUser
from londonpump.storage.database.audit_repository import append_audit
from londonpump.storage.database.imported_repository import (
    Prediction,
    User,
    imported_predictions,
    put_predictions,
    put_users,
    select_risk_stations,
    select_users,
    set_initial_password,
)

PREDICTION_TYPE = "imported"
MAX_NAMED = 20
ROLE = "operator"
"""The least that the original let everybody do."""
SPACE = uuid5(NAMESPACE_URL, "https://github.com/QuentinFontenay/MLOPS-LondonPump")
"""Our ids follow from the original's: two imports of one export give the same."""


@dataclass(frozen=True, slots=True)
class CollectionCounts:
    """What became of the documents of a collection. mended: how many of the added ones were changed; remarks say how.

    skipped: documents that cannot be used; remarks name them.
    """

    collection: str
    read: int
    added: int
    already_there: int
    mended: int
    remarks: tuple[str, ...] = ()
    skipped: int = 0

    def with_unusable(self, problems: Sequence[str]) -> "CollectionCounts":
        """Count the documents that were skipped, and name the first of them."""
        named = [f"{problem}: skipped" for problem in problems[:MAX_NAMED]]
        if len(problems) > MAX_NAMED:
            named.append(f"and {len(problems) - MAX_NAMED} more that cannot be used: skipped")
        read = self.read + len(problems)
        return replace(self, read=read, skipped=len(problems), remarks=(*self.remarks, *named))


def add_users(connection: Connection, exported: list[ExportedUser]) -> CollectionCounts:
    """Users that are not there yet, with the hashes of their passwords. A name that is taken gets a number: two people
    stay two."""
    existing = select_users(connection)
    ids = {user.imported_from for user in existing}
    names = {username_key(user.username) for user in existing}
    new, remarks = [], []
    for each in sorted(exported, key=lambda user: (user.created_at, user.id)):
        if each.id in ids:
            continue
        username = _free_name(each.username, names)
        if username != each.username:
            remarks.append(
                f"{each.username!r} is taken (names are alike without case and spelling): imported as {username!r}"
            )
        ids.add(each.id)
        names.add(username_key(username))
        new.append(
            User(_our_id(each.id), username, ROLE, each.created_at, each.password_hash, imported_from=each.id)
        )
    put_users(connection, new)
    mended = len(remarks)
    with_password = sum(user.password_hash is not None for user in new)
    if with_password:
        remarks.append(f"{with_password} keep their password: it is hashed anew at their next sign-in")
    if with_password < len(new):
        without = ", ".join(user.username for user in new if user.password_hash is None)
        remarks.append(f"{len(new) - with_password} without a usable password hash, give them one: {without}")
    return CollectionCounts(
        "users", len(exported), len(new), len(exported) - len(new), mended, tuple(remarks)
    )


def add_passwords(connection: Connection, exported: list[ExportedUser], now: datetime) -> str | None:
    """Give accounts that an earlier version imported without a password the one of the export, each with a line in the
    audit, which other writers wait for: call it last. Returns: a remark, if there were any."""
    hashes = {each.id: each.password_hash for each in exported if each.password_hash is not None}
    updated = [
        user
        for user in select_users(connection)
        if user.imported_from in hashes
        and set_initial_password(connection, user.id, hashes[user.imported_from])
    ]
    for user in updated:
        append_audit(connection, now, "user_password_imported", None, {"user": user.id})
    names = ", ".join(user.username for user in updated)
    return (
        f"{len(updated)} were there without a password, and have that of the export now: {names}"
        if updated
        else None
    )


def add_predictions(connection: Connection, exported: list[ExportedPrediction]) -> CollectionCounts:
    """Predictions that are not there yet, with their users and the moment of the risk list they used."""
    owners = {user.imported_from: user.id for user in select_users(connection)}
    lists = {station.imported_id: station.listed_at for station in select_risk_stations(connection)}
    existing = imported_predictions(connection)
    new: dict[str, Prediction] = {}
    for each in exported:
        if each.id in existing or each.id in new:
            continue
        owner = owners.get(each.user_id)
        new[each.id] = Prediction(
            id=_our_id(each.id),
            user_id=owner,
            created_at=each.created_at,
            kind=PREDICTION_TYPE,
            response_time_s=each.response_time_s,
            risk_underestimated=each.risk_underestimated,
            risk_listed_at=lists.get(each.risk_list_id) if each.risk_list_id else None,
            inputs={} if owner else {"original_user": each.user_id},
            imported_id=each.id,
        )
    put_predictions(connection, list(new.values()))
    without_user = sum(prediction.user_id is None for prediction in new.values())
    without_list = sum(each.id in new and new[each.id].risk_listed_at is None for each in exported)
    remarks = [f"{without_user} of a user who is not there: kept without one"] if without_user else []
    if without_list:
        remarks.append(f"{without_list} whose list of risk stations is not there: kept without its date")
    return CollectionCounts(
        "predictions", len(exported), len(new), len(exported) - len(new), without_user, tuple(remarks)
    )


def _free_name(username: str, taken: set[str]) -> str:
    name, number = username, 2
    while username_key(name) in taken:
        name, number = f"{username[: MAX_USERNAME_LENGTH - len(f'-{number}')]}-{number}", number + 1
    return name


def _our_id(original_id: str) -> str:
    return str(uuid5(SPACE, original_id))
