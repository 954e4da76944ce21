"""An OpenID provider of our own, honest unless a test changes what it says."""

from __future__ import annotations

import base64
import functools
import hashlib
import hmac
import http.server
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from joserfc import jws
from joserfc.jwk import OctKey, RSAKey

CLIENT_ID = "incident-service"
CLIENT_SECRET = "a secret that is long enough for HS256, 32 bytes".replace(" ", "-")

Claims = dict[str, Any]
Sign = Callable[["OpenIdProvider", Claims], str]


@functools.cache
def rsa_key(kid: str) -> RSAKey:
    """Return a key by its name; to make one takes long."""
    return RSAKey.generate_key(2048, {"kid": kid, "use": "sig", "alg": "RS256"})


class OpenIdProvider(http.server.ThreadingHTTPServer):
    """Answers as a provider does; `...` as a value leaves a name out."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.issuer = f"http://127.0.0.1:{self.server_address[1]}"
        self.key = rsa_key("first")
        self.keys = [self.key]
        self.email: Claims = {"email": "ada@example.com", "email_verified": True}
        self.metadata: Claims = {}
        """What the metadata says differently."""
        self.claims: Claims = {}
        """What ID tokens say differently."""
        self.userinfo: Claims = {}
        """What the user information says differently."""
        self.sign: Sign = signed
        self.answers: dict[str, Callable[[Any], None]] = {}
        """By path: what writes another answer than the honest one."""
        self.asked: list[str] = []
        """The paths that were asked for, in order."""
        self.flooded = 0
        """How many bytes of a flood were taken."""
        self.is_over = threading.Event()
        self._codes: dict[str, dict[str, str]] = {}

    def approve(self, url: str) -> str:
        """Do as the provider's page does; return the path of ours to which the browser goes."""
        asked = dict(parse_qsl(urlsplit(url).query))
        assert url.startswith(f"{self.issuer}/authorize?")
        assert asked["response_type"] == "code"
        assert asked["client_id"] == CLIENT_ID
        assert asked["scope"] == "openid email"
        assert asked["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe(16)
        self._codes[code] = asked
        callback = urlsplit(asked["redirect_uri"])
        return f"{callback.path}?{urlencode({'code': code, 'state': asked['state']})}"

    def token(self, form: dict[str, str], authorization: str) -> tuple[int, Any]:
        """Return the status and the body of the token endpoint."""
        basic = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        posted = (form.get("client_id"), form.get("client_secret"))
        if authorization != f"Basic {basic}" and posted != (CLIENT_ID, CLIENT_SECRET):
            return 401, {"error": "invalid_client"}
        asked = self._codes.pop(form["code"], None)
        if asked is None or asked["redirect_uri"] != form["redirect_uri"]:
            return 400, {"error": "invalid_grant"}
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        if _encoded(digest) != asked["code_challenge"]:
            return 400, {"error": "invalid_grant"}
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT_ID,
            "sub": "ada",
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
            **self.email,
            **self.claims,
        }
        return 200, {
            "access_token": "an-access-token",
            "token_type": "Bearer",
            "expires_in": 300,
            "id_token": self.sign(self, _without_ellipses(claims)),
        }

    def honest(self, path: str, form: dict[str, str], authorization: str) -> tuple[int, Any]:
        """Return the status and the body of an honest answer."""
        if path == "/.well-known/openid-configuration":
            return 200, _without_ellipses(
                {
                    "issuer": self.issuer,
                    "authorization_endpoint": f"{self.issuer}/authorize",
                    "token_endpoint": f"{self.issuer}/token",
                    "jwks_uri": f"{self.issuer}/keys",
                    "id_token_signing_alg_values_supported": ["RS256", "HS256", "none"],
                    **self.metadata,
                }
            )
        if path == "/keys":
            return 200, {"keys": [key.as_dict(private=False) for key in self.keys]}
        if path == "/token":
            return self.token(form, authorization)
        assert (path, authorization) == ("/userinfo", "Bearer an-access-token")
        return 200, _without_ellipses({"sub": "ada", **self.userinfo})


def signed(provider: OpenIdProvider, claims: Claims) -> str:
    """Sign with the provider's key."""
    return sign_with(provider.key, "RS256", claims, kid=str(provider.key.kid))


def sign_with(key: Any, algorithm: str, claims: Claims, **header: str) -> str:
    return jws.serialize_compact(
        {"alg": algorithm, **header}, json.dumps(claims), key, algorithms=[algorithm]
    )


def unsigned(_: OpenIdProvider, claims: Claims) -> str:
    parts = ({"alg": "none"}, claims)
    return ".".join(_encoded(json.dumps(part).encode()) for part in parts) + "."


def signed_with_secret(_: OpenIdProvider, claims: Claims) -> str:
    return sign_with(OctKey.import_key(CLIENT_SECRET), "HS256", claims)


def signed_with_public_key(provider: OpenIdProvider, claims: Claims) -> str:
    """Sign with what everybody knows, as if it were a secret."""
    header = {"alg": "HS256", "kid": str(provider.key.kid)}
    # By hand: the library refuses to take a public key for a secret.
    text = f"{_encoded(json.dumps(header).encode())}.{_encoded(json.dumps(claims).encode())}"
    mac = hmac.new(provider.key.as_pem(private=False), text.encode(), hashlib.sha256).digest()
    return f"{text}.{_encoded(mac)}"


def signed_by_stranger(provider: OpenIdProvider, claims: Claims) -> str:
    """Sign with another key, under the name of the provider's."""
    key = rsa_key("a stranger's")
    return sign_with(key, "RS256", claims, kid=str(provider.key.kid))


def tampered(provider: OpenIdProvider, claims: Claims) -> str:
    header, _, signature = signed(provider, claims).split(".")
    payload = json.dumps({**claims, "email": "root@example.com"}).encode()
    return f"{header}.{_encoded(payload)}.{signature}"


def hang(handler: Any) -> None:
    """Answer nothing."""
    handler.server.is_over.wait(60)


def drip(handler: Any) -> None:
    """Answer a byte at a time: no wait for the next is long."""
    handler.send_response(200)
    handler.end_headers()
    with suppress(OSError):
        while not handler.server.is_over.wait(0.05):
            handler.wfile.write(b" ")


def drip_headers(handler: Any) -> None:
    """Never come to the body."""
    with suppress(OSError):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
        while not handler.server.is_over.wait(0.05):
            handler.wfile.write(b"x")


def flood(handler: Any) -> None:
    """Answer as much as anybody reads."""
    handler.send_response(200)
    handler.end_headers()
    handler.wfile.write(b'{"x": "')
    _flood(handler)


def _flood(handler: Any) -> None:
    with suppress(OSError):
        while not handler.server.is_over.is_set():
            handler.wfile.write(b"x" * 65536)
            handler.server.flooded += 65536


def redirect_to(url: str, *, is_flooding: bool = False) -> Callable[[Any], None]:
    """Answer with a redirect, whose body may be as large as that of `flood`."""

    def redirect(handler: Any) -> None:
        handler.send_response(302)
        handler.send_header("Location", url)
        if not is_flooding:
            handler.send_header("Content-Length", "0")
        handler.end_headers()
        if is_flooding:
            _flood(handler)

    return redirect


def say(status: int, body: bytes) -> Callable[[Any], None]:
    """Answer with exactly this."""

    def answer(handler: Any) -> None:
        handler.send_response(status)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _without_ellipses(values: Claims) -> Claims:
    return {name: value for name, value in values.items() if value is not ...}


class _Handler(http.server.BaseHTTPRequestHandler):
    server: OpenIdProvider

    def _answer(self) -> None:
        path = urlsplit(self.path).path
        self.server.asked.append(path)
        body = self.rfile.read(int(self.headers["Content-Length"] or 0)).decode()
        form = {name: texts[0] for name, texts in parse_qs(body).items()}
        if path in self.server.answers:
            return self.server.answers[path](self)
        authorization = self.headers.get("Authorization", "")
        status, found = self.server.honest(path, form, authorization)
        return say(status, json.dumps(found).encode())(self)

    do_GET = do_POST = _answer

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def openid_provider() -> Iterator[OpenIdProvider]:
    """Run a provider."""
    provider = OpenIdProvider()
    thread = threading.Thread(target=provider.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield provider
    finally:
        provider.is_over.set()
        provider.shutdown()
        thread.join()
        provider.server_close()
