"""The API's description: whole, valid, and the same wherever it is read (contract §9).

That it is true, every test of the API checks: see `described`.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator, validate

from incident_service import errors
from incident_service.http.error_codes import CODES
from tests.helpers.described import description, operations
from tests.helpers.servers import COMMAND, GENEROUS
from tests.helpers.things import Things
from tests.helpers.world import World


def codes(operation: Any) -> dict[str, list[str]]:
    """Return by status the codes that an operation documents."""
    found = {}
    for status, response in operation["responses"].items():
        if "$ref" in response:
            name = response["$ref"].rpartition("/")[2]
            response = description()["components"]["responses"][name]
        found[status] = list(
            response.get("content", {}).get("application/json", {}).get("examples", {})
        )
    return {status: found for status, found in found.items() if status >= "400"}


def test_it_is_valid() -> None:
    validate(description(), cls=OpenAPIV31SpecValidator)
    assert description()["openapi"].startswith("3.1.")


def test_it_is_served_without_a_key_and_printed_without_a_database(
    world: World, tmp_path: Path
) -> None:
    served = world.client.get("/openapi.json")
    assert served.json == description()
    missing = tmp_path / "missing" / "x.db"
    printed = subprocess.run(
        [*COMMAND, "openapi"],
        env={**os.environ, "INCIDENT_SERVICE_DATABASE": str(missing)},
        cwd=tmp_path,
        capture_output=True,
        timeout=GENEROUS,
        check=True,
    )
    assert json.loads(printed.stdout) == description()
    assert not missing.parent.exists()


OTHERS = ("/healthz", "/readyz", "/metrics", "/openapi.json", "/status/<slug>.json", "/in/<token>")
"""What programs ask for outside `/v1`; the rest is for people."""


def test_every_route_of_the_api_is_in_it(world: World) -> None:
    described = {(world_path(path), method.upper()) for path, method, _ in operations()}
    served = {
        (world_path(rule.rule), method)
        for rule in world.app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if rule.rule.startswith("/v1/") or rule.rule in OTHERS
    }
    assert described == served


def world_path(path: str) -> str:
    """Return a path with its parameters unnamed."""
    return re.sub(r"<[^>]*>|\{[^}]*\}", "*", path)


def test_everything_is_described() -> None:
    undescribed = [
        f"{schema}.{name}"
        for schema, found in description()["components"]["schemas"].items()
        for name, field in found.get("properties", {"itself": found}).items()
        if not field.get("description", "").endswith(".")
    ]
    for path, item in description()["paths"].items():
        parameters = [p for part in item.values() for p in of_path_or_operation(part)]
        undescribed += [f"{path}: {p}" for p in parameters if not ("$ref" in p or p["description"])]
    assert undescribed == []
    assert re.findall(r"\w+Schema\b", json.dumps(description())) == []
    assert [path for path, _, operation in operations() if not operation["summary"]] == []


def of_path_or_operation(part: Any) -> Any:
    return part if isinstance(part, list) else part.get("parameters", [])


def test_every_error_code_has_its_place() -> None:
    used = {
        code for *_, operation in operations() for at in codes(operation).values() for code in at
    }
    assert set(CODES) == used
    assert set(description()["components"]["examples"]) == set(CODES)


OF_PAGES = {"shifts_changed"}
"""Codes that no call of the API raises: a swap of two shifts is a page's."""


def test_every_code_that_is_raised_has_its_status() -> None:
    raised = {error.code for error in kinds_of(errors.ServiceError)}
    for module in Path(errors.__file__).parent.rglob("*.py"):
        raised.update(re.findall(r'\bcode="(\w+)"', module.read_text(encoding="utf-8")))
    assert {"busy", "slug_taken"} < raised
    assert raised - OF_PAGES <= set(CODES)


def kinds_of(error: type[errors.ServiceError]) -> Iterator[type[errors.ServiceError]]:
    yield error
    for kind in error.__subclasses__():
        yield from kinds_of(kind)


def test_what_follows_from_the_kind_of_a_call() -> None:
    found = {operation["operationId"]: operation for *_, operation in operations()}
    assert codes(found["delete_user"]) == {
        "400": ["validation_error", "invalid_request"],
        "401": ["not_authorized"],
        "403": ["forbidden"],
        "404": ["not_found"],
        "409": ["user_in_use", "last_admin"],
        "414": ["uri_too_long"],
        "429": ["rate_limited"],
        "431": ["headers_too_large"],
        "500": ["server_error"],
        "503": ["busy", "storage_full", "not_ready"],
    }
    assert {"413", "415"} <= set(codes(found["open_incident"]))
    assert "403" not in codes(found["open_incident"])
    assert "403" in codes(found["create_contact_method"])
    assert "404" not in codes(found["list_users"])
    assert {"401", "429"}.isdisjoint(codes(found["readyz"]))
    public = {name for name, operation in found.items() if operation["security"] == []}
    assert public == {
        "healthz",
        "readyz",
        "get_description",
        "public_status",
        "receive_alerts",
        "receive_sign",
    }
    assert found["get_metrics"]["security"] == [{}, {"metricsToken": []}]
    unlimited = {name for name, operation in found.items() if "429" not in codes(operation)}
    of_tools = {name for name in found if name.startswith("receive_")}
    assert unlimited == {"healthz", "readyz", *of_tools}


@pytest.mark.parametrize("name", ["get_description", "public_status"])
def test_what_can_be_kept_says_so(name: str) -> None:
    (operation,) = (found for *_, found in operations() if found["operationId"] == name)
    assert {"$ref": "#/components/parameters/If-None-Match"} in operation["parameters"]
    for status in ("200", "304"):
        assert {"ETag", "Cache-Control"} <= operation["responses"][status]["headers"].keys()


def test_a_client_that_has_it_is_told_so(world: World) -> None:
    first = world.client.get("/openapi.json")
    headers = {"If-None-Match": first.headers["ETag"]}
    again = world.client.get("/openapi.json", headers=headers)
    assert (again.status_code, again.data) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]


def test_what_is_made_leads_to_what_can_be_done_with_it() -> None:
    found = {operation["operationId"]: operation for *_, operation in operations()}
    links = found["create_policy_layer"]["responses"]["201"]["links"]
    assert links == {
        name: {
            "operationId": name,
            "parameters": {"id": "$request.path.id", "layerId": "$response.body#/data/id"},
        }
        for name in ("change_policy_layer", "delete_policy_layer")
    }


@pytest.mark.parametrize(
    ("schema", "required", "nullable"),
    [("Incident", "ownerId", True), ("Incident", "title", False), ("OpenIncident", "title", False)],
)
def test_fields_are_required_and_nullable(schema: str, required: str, nullable: bool) -> None:
    found = description()["components"]["schemas"][schema]
    assert required in found["required"]
    assert ("null" in found["properties"][required]["type"]) == nullable


def test_unknown_fields_are_refused_in_requests_alone() -> None:
    schemas = description()["components"]["schemas"]
    assert schemas["OpenIncident"]["additionalProperties"] is False
    assert "additionalProperties" not in schemas["Incident"]


def parts(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every object of the description, with its place."""
    if isinstance(value, dict):
        yield place, value
        for name, nested in value.items():
            yield from parts(nested, f"{place}/{name}")
    elif isinstance(value, list):
        for n, nested in enumerate(value):
            yield from parts(nested, f"{place}/{n}")


def test_every_enumeration_is_there_once_and_has_a_name() -> None:
    found = {
        place: part["enum"]
        for place, part in parts(description())
        if isinstance(part.get("enum"), list) and len(part["enum"]) > 1
    }
    assert [place for place in found if not re.fullmatch(r"/components/schemas/\w+", place)] == []
    assert len({frozenset(values) for values in found.values()}) == len(found)
    assert [place for place, values in found.items() if None in values] == []
    assert {"/components/schemas/Severity", "/components/schemas/Role"} < found.keys()
    used = set(re.findall(r'"#(/components/schemas/\w+)"', json.dumps(description())))
    assert found.keys() <= used


def test_null_stands_beside_what_is_named_elsewhere() -> None:
    schemas = description()["components"]["schemas"]
    change = dict(schemas["Update"]["properties"]["statusChange"])
    assert change.pop("description")
    assert change == {"anyOf": [{"$ref": "#/components/schemas/IncidentStatus"}, {"type": "null"}]}
    assert schemas["Incident"]["properties"]["ownerId"]["type"] == ["string", "null"]


def test_tags_have_one_spelling() -> None:
    tags = {tag["name"] for tag in description()["tags"]}
    assert {tag for *_, operation in operations() for tag in operation["tags"]} == tags
    assert [tag for tag in tags if not re.fullmatch("[a-z]+(_[a-z]+)*", tag)] == []


BODIES = [
    (path, method, operation["requestBody"]["content"]["application/json"])
    for path, method, operation in operations()
    if "requestBody" in operation and operation["security"] == [{"apiKey": []}]
]


@pytest.mark.parametrize(
    ("path", "method", "content"), BODIES, ids=[f"{method} {path}" for path, method, _ in BODIES]
)
def test_every_body_has_an_example_that_is_accepted(
    world: World, path: str, method: str, content: Any
) -> None:
    things = Things.made(world)
    body = things.body(content["example"], path)
    answer = world.call(method.upper(), things.path(path), body)
    assert answer.status_code in (200, 201), answer.json
