"""The errors that the service raises; only the faces turn them into answers (contract §1)."""

from __future__ import annotations


class ServiceError(Exception):
    """Something that a caller must be told.

    `code`, one of `error_codes.CODES`, is for programs; the message is for people.
    """

    code = "server_error"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class RuleBroken(ServiceError):
    """Something that a rule forbids; whoever raises it gives the rule's own code."""

    def __init__(self, message: str, *, code: str) -> None:
        super().__init__(message)
        self.code = code


class ValidationFailed(ServiceError):
    """Values that fail their schema. `errors`: field name → sentences that say what is wrong.

    A sentence about something inside a field begins with the path to it: `[1]: Not a valid UUID.`
    """

    code = "validation_error"

    def __init__(self, errors: dict[str, list[str]]) -> None:
        faults = [(name, sentence) for name, sentences in errors.items() for sentence in sentences]
        name, sentence = faults[0]
        joint = "" if sentence.startswith(("[", ".")) else ": "
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        super().__init__(f"{name}{joint}{sentence}{more}")
        self.errors = errors


class InvalidRequest(RuleBroken):
    """Well-formed values that break a rule."""


class Unreadable(ServiceError):
    """A body that a tool sent and that holds nothing its format understands.

    The message names the part at fault.
    """

    code = "unreadable_alert"


class NotAuthorized(ServiceError):
    """No API key, or one that cannot be used."""

    code = "not_authorized"


class Forbidden(ServiceError):
    """The caller's role does not allow it."""

    code = "forbidden"


class NotFound(ServiceError):
    """It does not exist in the caller's organization."""

    code = "not_found"


class Conflict(RuleBroken):
    """It clashes with a name that is taken, or with a state."""


class PayloadTooLarge(ServiceError):
    """A body over the limit."""

    code = "payload_too_large"


class UnsupportedMediaType(ServiceError):
    """A body that is not declared as JSON."""

    code = "unsupported_media_type"


class RateLimited(ServiceError):
    """Too many requests; `seconds`: until the next one may succeed, at least 1."""

    code = "rate_limited"

    def __init__(self, message: str, *, seconds: int) -> None:
        super().__init__(message)
        self.seconds = seconds


class Unavailable(ServiceError):
    """The service cannot do it now. Nothing was written, and trying again may help.

    `seconds`: how long a client should wait before that.
    """

    seconds = 1


class Busy(Unavailable):
    """The database stayed locked past the write time-out, or too much is under way."""

    code = "busy"


class LimitReached(Busy):
    """`RateLimited` for tools that send alerts: all of them wait after a 503 (contract §10)."""

    def __init__(self, error: RateLimited) -> None:
        super().__init__(error.message)
        self.seconds = error.seconds


class StorageFull(Unavailable):
    """The disk is full."""

    code = "storage_full"


class UnusableDatabase(Unavailable):
    """The file is not a database of this service, or is one of another version."""

    code = "not_ready"


class BackupFailed(ServiceError):
    """A copy of the database that could not be made; the database is as it was."""


class CopyFailed(ServiceError):
    """What could not be moved into another database, which is as empty as it was."""


class OtherTool(ServiceError):
    """A command that is for a file; the message names what does it on a server."""


class InvalidSetting(ServiceError):
    """A setting that makes no sense; the message names it."""
