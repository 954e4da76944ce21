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
from incident_service.codes import CODES
from tests.conftest import World
from tests.described import description
from tests.live.servers import COMMAND

Operation = tuple[str, str, Any]


def operations() -> Iterator[Operation]:
    for path, item in description()["paths"].items():
        for method, operation in item.items():
            if method != "parameters":
                yield path, method, operation


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
        timeout=30,
        check=True,
    )
    assert json.loads(printed.stdout) == description()
    assert not missing.parent.exists()


OTHERS = ("/healthz", "/readyz", "/metrics", "/openapi.json", "/status/<slug>.json")
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
        for name, field in found["properties"].items()
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
    assert set(CODES) - used == {"method_not_allowed"}
    assert set(description()["components"]["examples"]) == set(CODES)


def test_every_code_that_is_raised_has_its_status() -> None:
    raised = {error.code for error in kinds_of(errors.ServiceError)}
    for module in Path(errors.__file__).parent.rglob("*.py"):
        raised.update(re.findall(r'\bcode="(\w+)"', module.read_text(encoding="utf-8")))
    assert {"busy", "slug_taken"} < raised <= set(CODES)


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
    assert public == {"healthz", "readyz", "get_description", "public_status"}
    assert found["get_metrics"]["security"] == [{}, {"metricsToken": []}]
    unlimited = {name for name, operation in found.items() if "429" not in codes(operation)}
    assert unlimited == {"healthz", "readyz"}


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
