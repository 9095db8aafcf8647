"""The tree of errors. Each message says what happened, to what, and what to do next."""


class LondonPumpError(Exception):
    """An error that the user can fix. The message says what failed, where and what to do."""


class BadFile(LondonPumpError):
    """A file cannot be read as the kind of file that it should be."""

    def __init__(self, file: object, problem: str, advice: str) -> None:
        super().__init__(f"{file}: {problem}. {advice}")
        self.file = str(file)
        self.problem = problem
        self.advice = advice


class BadValue(LondonPumpError):
    """One value cannot be used. The message names the column and the value."""

    def __init__(self, column: str, value: object, problem: str) -> None:
        super().__init__(f"{column} {value!r}: {problem}")
        self.column = column
        self.value = value
        self.problem = problem


class BadSetting(LondonPumpError):
    """A setting of the environment cannot be used. Its value is never shown: it may hold a secret."""

    def __init__(self, setting: str, problem: str, advice: str) -> None:
        super().__init__(f"{setting}: {problem}. {advice}")
        self.setting = setting
        self.problem = problem
        self.advice = advice


class TooFewRows(LondonPumpError):
    """There are not enough rows for the requested work."""


class SourceFailed(LondonPumpError):
    """A publisher cannot be reached, or its response cannot be used. Data stored before stays in place.

    No message ever holds a key.
    """

    def __init__(self, publisher: str, problem: str, advice: str) -> None:
        super().__init__(f"{publisher}: {problem}. {advice}")
        self.publisher = publisher
        """The name by which people know the publisher."""
        self.problem = problem
        self.advice = advice


class DatabaseFailed(LondonPumpError):
    """The database cannot be opened, does not answer, or has another version.

    The message may name its address and is meant for operators.
    """

    def __init__(self, message: str, public: str | None = None) -> None:
        super().__init__(message)
        # Users of the service see this text instead; None means only that the database cannot be used.
        self.public = public
