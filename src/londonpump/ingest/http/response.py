"""What a publisher answered."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from londonpump.ingest.json_body import parse_json


@dataclass(frozen=True, slots=True)
class Response:
    """body: unpacked. headers: whatever the case of the name. url: what was asked, without the secrets."""

    publisher: str
    url: str
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    charset: str = "utf-8"

    @property
    def text(self) -> str:
        """The body in the encoding it says it has; what does not decode is marked, not dropped."""
        body = self.body.removeprefix(b"\xef\xbb\xbf") if self.charset.lower() == "utf-8" else self.body
        text = body.decode(self.charset, errors="replace")
        return text.encode(errors="replace").decode()  # half a character, of an encoding with escapes

    def json(self) -> Any:
        """The value in the body. Raises: SourceFailed if it is not json."""
        return parse_json(self.publisher, self.body, self.url)
