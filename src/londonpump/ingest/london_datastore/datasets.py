"""The two datasets, and what one of their files is called in a catalogue."""

import re
from dataclasses import dataclass

PUBLISHER = "London Datastore"
HOST = "https://data.london.gov.uk"
LICENCE = "Open Government Licence v3.0"
LICENCE_URL = "https://www.nationalarchives.gov.uk/doc/open-government-licence/version/3/"
ATTRIBUTION = (
    f"Contains public sector information licensed under the {LICENCE} ({LICENCE_URL}). "
    "Source: London Fire Brigade (London Fire Commissioner), published on the London Datastore, "
    "Greater London Authority."
)


@dataclass(frozen=True, slots=True)
class Dataset:
    """One dataset. kind: the table its files hold. id: of today; slug: its name before there were ids.

    title: what the titles of its records begin with; dictionaries and other files do not.
    """

    record_type: str
    id: str
    slug: str
    title: re.Pattern[str]

    @property
    def page(self) -> str:
        """Where a person finds it."""
        return f"{HOST}/dataset/{self.slug}-{self.id}"


DATASETS = (
    Dataset(
        "incidents",
        "em8xy",
        "london-fire-brigade-incident-records",
        re.compile(r"LFB Incidents? data", re.IGNORECASE),
    ),
    Dataset(
        "mobilisations",
        "24r65",
        "london-fire-brigade-mobilisation-records",
        re.compile(r"LFB Mobilisations? data", re.IGNORECASE),
    ),
)


@dataclass(frozen=True, slots=True)
class Resource:
    """One file as the catalogue lists it. digest, size_bytes, stamp: None where the catalogue has none.

    first_year, last_year: what its title says it covers; last_year None: still growing.
    """

    id: str
    title: str
    url: str
    first_year: int
    last_year: int | None
    size_bytes: int | None = None
    digest: str | None = None
    stamp: str = ""

    @property
    def version(self) -> str | None:
        """What changes when the file does, as far as the catalogue tells; None where it does not."""
        if self.digest:
            return f"hash {self.digest}"
        return None if self.size_bytes is None else f"size {self.size_bytes}"
