"""Speaks with the OpenID provider: who it is that signs in, by the authorization code flow.

Authlib makes the requests. What it leaves open is settled here: how long a provider may take, how
much it may answer, what is kept of it and for how long.
"""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import requests
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from joserfc.errors import BadSignatureError, InvalidKeyIdError
from joserfc.jwk import KeySet

from incident_service import emails
from incident_service.config import is_this_machine
from incident_service.errors import Busy
from incident_service.paging.connections import Attempt
from incident_service.web.console import id_token

SECONDS = 10.0
"""How long the provider may take altogether while one request of ours waits for it."""

MAX_AT_ONCE = 2
"""How many threads of a process may wait for the provider; the others serve everybody else."""

KEPT = timedelta(hours=1)
"""How long the provider's metadata and keys are believed before they are fetched again."""

MIN_AGE = timedelta(minutes=1)
"""How old its keys are at least before a token that they do not fit makes us fetch them again."""

_NO_ANSWER = "The sign-in provider does not answer. Please try again in a moment."
_REFUSED = "The sign-in provider did not accept this, perhaps because it was used before."
_NOT_VALID = (
    "What the sign-in provider answered cannot be trusted, so you are not signed in. If it happens "
    "again, tell whoever runs this service."
)
_NO_EMAIL = (
    "The sign-in provider does not say what your email address is. Ask whoever runs it to share "
    "your email with this service."
)
_NOT_VERIFIED = (
    "The sign-in provider does not say that your email address is verified. Verify it there, and "
    "sign in again."
)


class SignInFailed(Exception):
    """Nobody is signed in. `message` says why to the person, `__cause__` to whoever reads logs."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.message = message
        self.status = status


@dataclass(frozen=True)
class Attempted:
    """What the browser keeps while its person is at the provider; the provider gets only hints."""

    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True)
class _Metadata:
    """What the provider says of itself, as far as it is used."""

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None
    auth_method: str
    names_itself: bool
    """Whether it sends its name with each code (RFC 9207)."""
    fetched_at: datetime


class Provider:
    """The OpenID provider that an operator chose; threads may share it."""

    def __init__(self, issuer: str, client_id: str, client_secret: str, redirect_uri: str) -> None:
        self._issuer = issuer
        self._client_id = client_id
        self._client_secret = client_secret
        self._redirect_uri = redirect_uri
        self._turns = threading.BoundedSemaphore(MAX_AT_ONCE)
        self._kept: _Metadata | None = None
        self._kept_keys: tuple[KeySet, datetime] | None = None

    def begin(self, *, now: datetime) -> tuple[str, Attempted]:
        """Return the provider's URL at which to sign in, and what is needed to finish.

        This and `finish` raise `SignInFailed`, and `Busy` if too many wait for the provider.
        """
        metadata = self._known(now)
        if metadata is None:
            with self._asking():
                metadata = self._discover(now)
        attempted = Attempted(
            secrets.token_urlsafe(32), secrets.token_urlsafe(32), secrets.token_urlsafe(48)
        )
        with self._session(metadata) as session:
            url, _ = session.create_authorization_url(
                metadata.authorization_endpoint,
                state=attempted.state,
                nonce=attempted.nonce,
                code_verifier=attempted.verifier,
            )
        return str(url), attempted

    def finish(
        self, attempted: Attempted, code: str, named_issuer: str | None, *, now: datetime
    ) -> str:
        """Return the verified email of the person who came back from the provider with `code`.

        `named_issuer`: the provider's name as it stands beside the code, if it does.
        """
        with self._asking():
            metadata = self._known(now) or self._discover(now)
            if named_issuer is None and metadata.names_itself:
                raise ValueError("the provider's name is missing beside the code")
            if named_issuer is not None and named_issuer != self._issuer:
                raise ValueError("the code is from another provider")
            with self._session(metadata) as session:
                token = session.fetch_token(
                    metadata.token_endpoint,
                    grant_type="authorization_code",
                    code=code,
                    code_verifier=attempted.verifier,
                )
            claims = self._claims(token, attempted.nonce, metadata, now)
            if "email" not in claims and metadata.userinfo_endpoint:
                claims = self._userinfo(metadata.userinfo_endpoint, token, claims["sub"])
        return _verified_email(claims)

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """Let the block ask the provider, within its bounds; whatever goes wrong is a failure."""
        if not self._turns.acquire(blocking=False):
            raise Busy("Too many sign-ins wait for the provider.")
        try:
            with Attempt(SECONDS):
                yield
        except (requests.ConnectionError, requests.Timeout) as error:
            raise SignInFailed(_NO_ANSWER, 502) from error
        except OAuthError as error:
            is_about_code = error.error == "invalid_grant"
            raise SignInFailed(
                _REFUSED if is_about_code else _NOT_VALID, 400 if is_about_code else 502
            ) from error
        except Exception as error:  # the libraries raise anything for values of odd types
            raise SignInFailed(_NOT_VALID, 502) from error
        finally:
            self._turns.release()

    def _session(self, metadata: _Metadata | None = None) -> _Session:
        return _Session(
            client_id=self._client_id,
            client_secret=self._client_secret,
            token_endpoint_auth_method=metadata and metadata.auth_method,
            scope="openid email",
            redirect_uri=self._redirect_uri,
            code_challenge_method="S256",
        )

    def _get(self, url: str, headers: dict[str, str] | None = None) -> dict[str, Any]:
        """Return the JSON object at a URL."""
        with self._session() as session:
            answer = session.request("GET", url, withhold_token=True, headers=headers)
        answer.raise_for_status()
        found = json.loads(answer.content)
        if not isinstance(found, dict):
            raise ValueError("the answer is not a JSON object")
        return found

    def _known(self, now: datetime) -> _Metadata | None:
        """Return the metadata that is kept, if it is fresh."""
        kept = self._kept
        return kept if kept and abs(now - kept.fetched_at) < KEPT else None

    def _discover(self, now: datetime) -> _Metadata:
        """Fetch the metadata, and keep it."""
        found = self._get(self._issuer.rstrip("/") + "/.well-known/openid-configuration")
        if found.get("issuer") != self._issuer:
            raise ValueError(f"the provider calls itself {str(found.get('issuer'))[:200]!r}")
        methods = found.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        is_basic = "client_secret_basic" in methods
        self._kept = _Metadata(
            authorization_endpoint=self._endpoint(found["authorization_endpoint"]),
            token_endpoint=self._endpoint(found["token_endpoint"]),
            jwks_uri=self._endpoint(found["jwks_uri"]),
            userinfo_endpoint=self._endpoint(found["userinfo_endpoint"])
            if "userinfo_endpoint" in found
            else None,
            auth_method="client_secret_basic" if is_basic else "client_secret_post",
            names_itself=found.get("authorization_response_iss_parameter_supported") is True,
            fetched_at=now,
        )
        return self._kept

    def _endpoint(self, url: str) -> str:
        """Return a URL of the provider's if it is as safe as the provider's own."""
        parts = urlsplit(url)
        is_local = self._issuer.startswith("http:") and is_this_machine(parts.hostname or "")
        if parts.scheme != "https" and not (parts.scheme == "http" and is_local):
            raise ValueError("an endpoint of the provider is not an https URL")
        return url

    def _keys(self, url: str, now: datetime, *, no_older_than: timedelta) -> KeySet:
        """Return the provider's public keys."""
        if self._kept_keys is None or abs(now - self._kept_keys[1]) >= no_older_than:
            self._kept_keys = (id_token.public_keys(self._get(url)), now)
        return self._kept_keys[0]

    def _claims(
        self, token: dict[str, Any], nonce: str, metadata: _Metadata, now: datetime
    ) -> dict[str, Any]:
        """Return what the ID token says, if it is signed by the provider, for us, just now."""
        signed = token["id_token"]
        try:
            read = id_token.read(signed, self._keys(metadata.jwks_uri, now, no_older_than=KEPT))
        except (InvalidKeyIdError, BadSignatureError):  # it may have new keys
            read = id_token.read(signed, self._keys(metadata.jwks_uri, now, no_older_than=MIN_AGE))
        return id_token.check(
            read,
            issuer=self._issuer,
            client_id=self._client_id,
            nonce=nonce,
            access_token=token["access_token"],
            now=now,
        )

    def _userinfo(self, url: str, token: dict[str, Any], subject: str) -> dict[str, Any]:
        """Return what the provider says elsewhere of the token's person, for some keep it short."""
        found = self._get(url, {"Authorization": f"Bearer {token['access_token']}"})
        if found.get("sub") != subject:
            raise ValueError("the user information is about somebody else")
        return found


class _Session(OAuth2Session):
    """Authlib's session, which follows no redirect."""

    def request(self, method: Any, url: Any, *args: Any, **options: Any) -> requests.Response:
        bounds = {"timeout": SECONDS, "allow_redirects": False}
        answer = super().request(method, url, *args, **{**options, **bounds})
        if 300 <= answer.status_code < 400:
            raise ValueError("the provider redirects where it must answer")
        return answer

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Return none: requests would read a redirect's body without a bound."""


def _verified_email(claims: dict[str, Any]) -> str:
    email = claims.get("email")
    if not isinstance(email, str) or emails.mail_address(email) is None:
        raise SignInFailed(_NO_EMAIL, 403)
    # Some providers send it as text; any other text, as "false", is not a yes.
    verified = claims.get("email_verified")
    if verified is not True and verified != "true":
        raise SignInFailed(_NOT_VERIFIED, 403)
    return email
