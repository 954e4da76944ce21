"""The browser's one cookie: it is signed, and holds the token of a session (contract §11)."""

from __future__ import annotations

from flask import Flask, Request, Response, session
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface, SessionMixin

from incident_service.config import Settings
from incident_service.database.engine import Database
from incident_service.people import sessions

NAME = "incident_service"

_WITHOUT_IT = (
    "/v1/",
    "/v2/",
    "/in/",
    "/status/",
    "/a/",
    "/ack/",
    "/ical/",
    "/assets/",
    "/metrics",
    "/healthz",
    "/readyz",
    "/openapi.json",
)
"""Below these paths the cookie is neither read nor set: programs and strangers ask there."""

_TOKEN = "token"

_MESSAGES = "_flashes"
"""Under which name Flask keeps the messages to show once."""

MAX_BYTES = 4000
"""How long the cookie is: browsers drop it if it has more than 4,096 with its name."""


class _Cookies(SecureCookieSessionInterface):
    """Flask's signed cookie, for people alone."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """Return what the cookie holds, or `None` where the cookie plays no part."""
        # By its path: Flask asks before it knows the route.
        if request.path.startswith(_WITHOUT_IT):
            return None
        return super().open_session(app, request)

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Set the cookie, with what of the messages in it fits: names in them may be long."""
        serializer = self.get_signing_serializer(app)
        assert serializer is not None  # there is a key
        while session.modified and session.get(_MESSAGES):
            if len(serializer.dumps(dict(session))) <= MAX_BYTES:
                break
            session[_MESSAGES] = _shorter(session[_MESSAGES])
        super().save_session(app, session, response)


def _shorter(messages: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the messages without the oldest, or the only one cut in half."""
    if len(messages) > 1:
        return messages[1:]
    category, text = messages[0]
    return [(category, text[: len(text) // 2] + "…")] if len(text) > 1 else []


def install(app: Flask) -> None:
    """Let the application use the cookie; `configure` makes it work."""
    app.session_interface = _Cookies()
    app.permanent_session_lifetime = sessions.LASTS
    app.config.update(
        SESSION_COOKIE_NAME=NAME,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        # Set only if it changes, or by `keep`: two answers at once would overwrite each other's.
        SESSION_REFRESH_EACH_REQUEST=False,
        # A form that was open for a night must still work: the token ends with the session.
        WTF_CSRF_TIME_LIMIT=None,
    )


def configure(app: Flask, database: Database, settings: Settings) -> None:
    """Sign with the key that all processes share: it is in the database."""
    with database.read() as db:
        app.secret_key = sessions.cookie_key(db)
    app.config.update(
        SESSION_COOKIE_SECURE=settings.public_url.startswith("https:"),
        SESSION_COOKIE_PATH=settings.public_path or "/",
    )


def begin(token: str) -> None:
    """Sign the browser in. What the cookie held before goes, so that nobody can prepare it."""
    session.clear()
    session.permanent = True
    session[_TOKEN] = token


def keep() -> None:
    """Let the browser keep the cookie for as long as the session lasts from now on."""
    session.modified = True


def token() -> str | None:
    """Return the token of the browser's session, if it has one."""
    found = session.get(_TOKEN)
    return found if isinstance(found, str) else None


def end() -> None:
    """Forget the session, and everything else."""
    session.clear()
