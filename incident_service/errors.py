"""The errors that the service raises; the faces alone turn them into answers (contract §1)."""

from __future__ import annotations


class ServiceError(Exception):
    """Something that a caller must be told.

    `code`, one of `codes.CODES`, is for programs, the message for people.
    """

    code = "server_error"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class RuleBroken(ServiceError):
    """Something that a rule forbids; every raiser gives the rule's own code."""

    def __init__(self, message: str, *, code: str) -> None:
        super().__init__(message)
        self.code = code


class ValidationFailed(ServiceError):
    """Values that fail their schema. `errors`: field name → what is wrong with it, in sentences.

    A sentence about something inside a field begins with the way to it: `[1]: Not a valid UUID.`
    """

    code = "validation_error"

    def __init__(self, errors: dict[str, list[str]]) -> None:
        found = [(name, sentence) for name, sentences in errors.items() for sentence in sentences]
        name, sentence = found[0]
        joint = "" if sentence.startswith(("[", ".")) else ": "
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        super().__init__(f"{name}{joint}{sentence}{more}")
        self.errors = errors


class InvalidRequest(RuleBroken):
    """Well-formed values that break a rule."""


class NotAuthorized(ServiceError):
    """No key, or none that can be used."""

    code = "not_authorized"


class Forbidden(ServiceError):
    """The caller's role does not allow it."""

    code = "forbidden"


class NotFound(ServiceError):
    """No such thing in the caller's organization."""

    code = "not_found"


class Conflict(RuleBroken):
    """A name or a state that is in the way."""


class PayloadTooLarge(ServiceError):
    """A body over the limit."""

    code = "payload_too_large"


class UnsupportedMediaType(ServiceError):
    """A body that is not declared as JSON."""

    code = "unsupported_media_type"


class RateLimited(ServiceError):
    """Asked too often; `seconds`: until asking again may help, 1 at least."""

    code = "rate_limited"

    def __init__(self, message: str, *, seconds: int) -> None:
        super().__init__(message)
        self.seconds = seconds


class Unavailable(ServiceError):
    """The service cannot do it now; nothing was written, and asking again may help."""


class Busy(Unavailable):
    """The database stayed locked past the write time-out, or too much else is under way."""

    code = "busy"


class StorageFull(Unavailable):
    """The disk is full."""

    code = "storage_full"


class UnusableDatabase(Unavailable):
    """The file is no database of ours, or one of another version."""

    code = "not_ready"


class BackupFailed(ServiceError):
    """A copy of the database that could not be made; the database is as it was."""


class InvalidSetting(ServiceError):
    """A setting that makes no sense; the message names it."""
