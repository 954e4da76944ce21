"""A test client that takes no answer which the API's description does not allow."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
from flask.testing import FlaskClient
from werkzeug.exceptions import MethodNotAllowed, NotFound
from werkzeug.routing import MapAdapter
from werkzeug.test import TestResponse

from incident_service.app import describe_api
from incident_service.names import camel_case

description = functools.cache(describe_api)

Operation = tuple[str, str, Any]


def operations() -> Iterator[Operation]:
    """Yield every operation of the description: its path, its method in lower case, itself."""
    for path, item in description()["paths"].items():
        for method, operation in item.items():
            if method != "parameters":
                yield path, method, operation


class DescribedClient(FlaskClient):
    """Flask's test client, for every test of the API."""

    def open(self, *args: Any, **options: Any) -> TestResponse:
        """Make a request; compare the answer with the description."""
        answer = super().open(*args, **options)
        response = _described_response(self.application.url_map.bind("localhost"), answer)
        if response is not None:
            check(answer, response)
        return answer


def _described_response(paths: MapAdapter, answer: TestResponse) -> Any:
    """Return what the description says of such an answer.

    It says nothing of the pages for people, nor of what a browser asks before a request.
    """
    request, status = answer.request, str(answer.status_code)
    try:
        rule, _ = paths.match(request.path, request.method, return_rule=True)
    except NotFound:
        return description()["components"]["responses"]["NotFound"]
    except MethodNotAllowed:
        return description()["components"]["responses"]["MethodNotAllowed"]
    path = re.sub(r"<(?:[^<>:]+:)?(\w+)>", lambda match: f"{{{camel_case(match[1])}}}", rule.rule)
    if path not in description()["paths"] or request.method == "OPTIONS":
        return None
    method = "get" if request.method == "HEAD" else request.method.lower()
    responses = description()["paths"][path][method]["responses"]
    assert status in responses, f"{request.method} {path} answers {status}: {answer.text}"
    return resolve(responses[status])


def resolve(described: Any) -> Any:
    """Return a part of the description, or what it refers to."""
    if "$ref" not in described:
        return described
    found = description()
    for step in described["$ref"].removeprefix("#/").split("/"):
        found = found[step]
    return found


def check(answer: Any, response: Any) -> None:
    """Fail unless the answer is as the response of the description says."""
    for name, header in response["headers"].items():
        assert name in answer.headers or not resolve(header).get("required"), name
    if "content" not in response or answer.request.method == "HEAD":
        assert answer.data == b""
        return
    content = response["content"][answer.headers["Content-Type"]]
    if not answer.is_json:
        return
    faults = [
        error.message
        for error in _validator(content["schema"].get("$ref")).iter_errors(answer.json)
    ]
    assert faults == [], (faults, answer.json)
    if answer.status_code >= 400:
        error = answer.json
        assert error["code"] in content["examples"], f"{error['code']}: {answer.request.url}"
        example = resolve(content["examples"][error["code"]])["value"]
        same = ("statusCode", "type")
        assert [error[name] for name in same] == [example[name] for name in same]
        assert error["statusCode"] == answer.status_code
        assert error["requestId"] == answer.headers["X-Request-Id"]
        assert ("errors" in error) == (error["code"] == "validation_error")


@functools.cache
def _validator(reference: str | None) -> Any:
    schema = {"$ref": reference} if reference else {}
    components = {"components": description()["components"]}
    return jsonschema_rs.Draft202012Validator({**schema, **components}, validate_formats=True)
