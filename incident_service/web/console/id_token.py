"""Whether an ID token is to be believed: who signed it, for whom, when, and in answer to what."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry, KeySet
from joserfc.jws import JWSRegistry

MAX_KEYS = 50

LEEWAY = 60
"""Seconds that the provider's clock may be off."""

ALGORITHMS = (
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
)  # fmt: skip
"""Signatures with a private key. Never `none`, nor those with a secret, which others know too."""


def public_keys(found: dict[str, Any]) -> KeySet:
    """Return the keys that may sign; those that nobody understands are left out (RFC 7517 §5)."""
    keys = []
    for data in found["keys"][:MAX_KEYS]:
        if data.get("kty") in ("RSA", "EC", "OKP") and data.get("use", "sig") == "sig":
            try:
                keys.append(JWKRegistry.import_key(data))
            except (JoseError, KeyError, ValueError):
                continue
    return KeySet(keys)


def read(signed: str, keys: KeySet) -> jwt.Token:
    """Return what the token says, if one of the keys signed it. Raises any exception."""
    registry = JWSRegistry(algorithms=ALGORITHMS, strict_check_header=False)
    return jwt.decode(signed, keys, registry=registry)


def check(
    token: jwt.Token,
    *,
    issuer: str,
    client_id: str,
    nonce: str,
    access_token: str,
    now: datetime,
) -> dict[str, Any]:
    """Return the token's claims, if it is from `issuer`, for us, and of this very sign-in.

    Raises any exception: claims may have any type.
    """
    claims = CodeIDToken(
        token.claims,
        token.header,
        {
            "iss": {"essential": True, "value": issuer},
            # Authlib alone would accept another audience if `azp` is ours.
            "aud": {"essential": True, "value": client_id},
            "sub": {"essential": True},
        },
        {"nonce": nonce, "client_id": client_id, "access_token": access_token},
    )
    claims.validate(now=int(now.timestamp()), leeway=LEEWAY)
    return dict(claims)
