"""The format of a file of text or a workbook as it was read, for reports and messages."""

from dataclasses import dataclass

UTF8 = "utf-8"
COMMA, SEMICOLON, TAB = ",", ";", "\t"
SEPARATORS = {COMMA: "commas", SEMICOLON: "semicolons", TAB: "tabs"}
POINT = "."
MARKS = {COMMA: "decimal commas", POINT: "decimal points"}


@dataclass(frozen=True, slots=True)
class TextFormat:
    """The detected format of one file."""

    container: str
    encoding: str = UTF8
    separator: str = COMMA
    """Empty for a workbook."""
    decimal: str = POINT
    is_separator_stated: bool = False
    n_headers: int = 0
    """Skipped header lines below the first."""
    n_empty: int = 0
    """Skipped lines of empty fields."""

    @property
    def unusual(self) -> str:
        """Describe what is unusual about the file; empty if nothing is."""
        parts = []
        if self.encoding != UTF8:
            parts.append(f"its text is {self.encoding}")
        if self.separator not in (COMMA, ""):
            parts.append(f"fields separated by {SEPARATORS[self.separator]}")
        if self.decimal != POINT:
            parts.append(f"numbers with {MARKS[self.decimal]}")
        if self.is_separator_stated:
            parts.append("sep= line skipped")
        if self.n_headers:
            parts.append(f"{self.n_headers:,} repeated header lines skipped")
        if self.n_empty:
            parts.append(f"{self.n_empty:,} lines of empty fields skipped")
        return "; ".join(parts)


@dataclass(frozen=True, slots=True)
class InputFile:
    """One file that was read."""

    file: str
    sha256: str
    rows: int
    """Data rows, without repeated headers and lines of empty fields, which `read_as` counts."""
    table: str
    formats: dict[str, str]
    """The format of each column of dates or times."""
    read_as: TextFormat
