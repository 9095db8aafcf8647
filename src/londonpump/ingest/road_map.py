"""Download of the OpenStreetMap extract of Greater London that Geofabrik publishes daily, with its licence noted beside it."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit, urlunsplit

from londonpump.domain.errors import SourceFailed
from londonpump.ingest.http import Downloaded, Expected, Http, SourceNotFound
from londonpump.ingest.http.download import OSM_PBF, file_digest
from londonpump.persistence.atomic_files import atomic_file, write_json

PUBLISHER = "Geofabrik"
LICENCE = "Open Database License 1.0 (ODbL), https://opendatacommons.org/licenses/odbl/1-0/"
ATTRIBUTION = "© OpenStreetMap contributors, https://www.openstreetmap.org/copyright"
SUFFIX = ".osm.pbf"
PROVENANCE_SUFFIX = ".provenance.json"
DIGEST_SUFFIX = ".md5"


@dataclass(frozen=True, slots=True)
class FetchedMap:
    """The map on disk."""

    path: Path
    size_bytes: int
    is_new: bool
    is_checked: bool
    """Whether the publisher gives an MD5 of the file; the file has it then."""


def fetch_map(http: Http, url: str, folder: Path, at: datetime) -> FetchedMap:
    """Download the extract unless the stored one is the same. Raises: SourceFailed, BadFile; the stored one stays."""
    name = PurePosixPath(urlsplit(url).path).name
    if not name.endswith(SUFFIX):
        raise SourceFailed(
            PUBLISHER, f"the address does not name an extract ({SUFFIX})", "Correct LONDONPUMP_ROADS_URL."
        )
    path = folder / name
    stated = stated_digest(http, url)
    if stated is not None and path.exists() and file_digest(path, "md5") == stated:
        return FetchedMap(path, path.stat().st_size, is_new=False, is_checked=True)
    with atomic_file(path) as part:
        downloaded = http.download(PUBLISHER, url, part, Expected(containers=(OSM_PBF,), digest=stated))
    write_json(folder / f"{name}{PROVENANCE_SUFFIX}", _provenance(url, downloaded, stated, at))
    return FetchedMap(path, downloaded.size_bytes, is_new=True, is_checked=stated is not None)


def stated_digest(http: Http, url: str) -> str | None:
    """Return the MD5 that the publisher states in a file of its own; None if there is none."""
    try:
        # a mirror's address may end with a query
        parts = urlsplit(url)
        of_digest = urlunsplit(parts._replace(path=parts.path + DIGEST_SUFFIX))
        words = http.get(PUBLISHER, of_digest).text.split()
    except SourceNotFound:
        return None
    digest = words[0].lower() if words else ""
    is_md5 = len(digest) == 32 and set(digest) <= set("0123456789abcdef")
    return digest if is_md5 else None


def _provenance(
    url: str, downloaded: Downloaded, stated: str | None, at: datetime
) -> dict[str, str | int | None]:
    # the address of a mirror may contain a user and a password
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return {
        "publisher": PUBLISHER,
        "address": f"{parts.scheme}://{host}{parts.path}",
        "fetched_at": at.isoformat(timespec="seconds"),
        "last_modified": downloaded.last_modified,
        "size_bytes": downloaded.size_bytes,
        "sha256": downloaded.sha256,
        "md5_of_publisher": stated,
        "licence": LICENCE,
        "attribution": ATTRIBUTION,
    }
