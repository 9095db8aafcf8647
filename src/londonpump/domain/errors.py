"""The tree of errors: each says what happened, to what, and what to do next."""


class LondonPumpError(Exception):
    """Something a person can mend. The message says what, where and what to do."""


class BadFile(LondonPumpError):
    """A file cannot be read as what it was given for."""

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
    """There are not enough rows to do what was asked."""


class SourceFailed(LondonPumpError):
    """A publisher cannot be reached, or its answer cannot be used. What was there before stands.

    publisher: its name as people know it. No message of it ever holds a key.
    """

    def __init__(self, publisher: str, problem: str, advice: str) -> None:
        super().__init__(f"{publisher}: {problem}. {advice}")
        self.publisher = publisher
        self.problem = problem
        self.advice = advice


class DatabaseFailed(LondonPumpError):
    """The database cannot be opened, does not answer, or is not of this version.

    The message may name its address and is for those who run the product. public: what anybody may be shown instead who
    uses the service; None if there is no more to say than that the database cannot be used.
    """

    def __init__(self, message: str, public: str | None = None) -> None:
        super().__init__(message)
        self.public = public
