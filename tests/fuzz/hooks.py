"""What schemathesis must know of this service, and what it checks of each answer besides."""

from __future__ import annotations

import os
import re
import zoneinfo
from typing import Any

import schemathesis
from hypothesis import strategies as st

OWN_KEY_ID = os.environ["FUZZ_KEY_ID"]
NO_KEY_ID = "00000000-0000-4000-8000-000000000000"
CALLS = os.open(os.environ["FUZZ_CALLS"], os.O_WRONLY | os.O_APPEND)
"""A file that grows by a byte with each answer that was checked."""

schemathesis.openapi.format(
    "iana-time-zone",
    st.sampled_from(sorted(zoneinfo.available_timezones() - {"localtime", "Factory"})),
)

# Rules that no JSON Schema can state; to it, 4.0 is an integer too, and U+001F no white space.
BEYOND_A_SCHEMA = re.compile(
    "Must be after|Must (not )?be before|More than 366 days|URLs with the scheme|Has no host"
    "|Not a valid integer|Only white space|Contains duplicates|Not allowed when the kind is"
    "|Not an attribute|JMESPath|Not one of title|Length must be between 1 and 1000"
    "|Must be in the future|Not an email address"
)


@schemathesis.hook
def before_call(_context: Any, case: Any, _options: Any) -> None:
    """Keep the run's own key from being revoked; leave out of headers what HTTP cannot carry."""
    for name, value in list((case.headers or {}).items()):
        carried = str(value).encode("latin-1", "ignore").decode("latin-1")
        if carried != str(value):
            case.headers[name] = carried or "x"
    if OWN_KEY_ID in (case.path_parameters or {}).values():
        case.path_parameters["id"] = NO_KEY_ID


@schemathesis.hook
def filter_failure(_context: Any, _failure: Any, case: Any, _response: Any) -> bool:
    """Pass over that the key which was named instead is not found."""
    return NO_KEY_ID not in (case.path_parameters or {}).values()


@schemathesis.check
def has_the_body_of_errors(_context: Any, response: Any, case: Any) -> None:
    """Fail on an error that has not the body of all errors, or that the call does not document."""
    os.write(CALLS, b".")
    if response.status_code < 400:
        return
    body = response.json()
    assert body["statusCode"] == response.status_code
    assert body["requestId"] == response.headers["x-request-id"][0]
    assert ("errors" in body) == (body["code"] == "validation_error")
    if case.method != case.operation.method.upper():
        return  # what was tried is not this call
    documented = case.operation.responses.find_by_status_code(response.status_code)
    assert documented is not None, f"{response.status_code} is not documented"
    codes = documented.definition["content"]["application/json"]["examples"]
    assert body["code"] in codes, f"{body['code']} is not documented for {case.operation.label}"
    if case.meta and case.meta.generation.mode.is_positive and "errors" in body:
        sentences = [sentence for found in body["errors"].values() for sentence in found]
        assert all(map(BEYOND_A_SCHEMA.search, sentences)), f"refused, though valid: {sentences}"
