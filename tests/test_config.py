"""Settings: what stops the start, and that one list of them is the whole truth."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from incident_service.config import PREFIX, VARIABLES, Settings
from incident_service.errors import InvalidSetting

ROOT = Path(__file__).parents[1]

GUIDES = [ROOT / "README.md", *(ROOT / "incident_service" / "docs").glob("*.md")]

ROW = re.compile(rf"^\| `({PREFIX}\w+)` \| ([^|]*) \|", re.MULTILINE)


@pytest.mark.parametrize("variable", VARIABLES)
def test_a_misspelt_variable_is_named_with_the_nearest_setting(variable: str) -> None:
    name = variable.removeprefix(PREFIX)
    swapped = name[:-2] + name[-1] + name[-2]
    for misspelt in {name[:-1], name + "S", swapped, name.lower(), name.replace("_", "")} - {name}:
        for value in ("", "1"):
            with pytest.raises(InvalidSetting) as caught:
                Settings.from_environ({PREFIX + misspelt: value})
            assert caught.value.message == (
                f"{PREFIX}{misspelt} is not a setting. Did you mean {variable}?"
            )
    with pytest.raises(InvalidSetting, match=f"^{variable.lower()} is not a setting"):
        Settings.from_environ({variable.lower(): "1"})


def test_every_setting_can_be_chosen() -> None:
    chosen = {
        "database": "/x.db", "host": "::1", "port": "1", "workers": "1", "threads": "1",
        "base_url": "https://x.example", "log_level": "ERROR", "write_timeout": "1",
        "allowed_notification_schemes": "slack", "delivery_networks": "public",
        "smtp_url": "smtp://x?from=a@b", "webhook_secret": "a", "metrics_token": "a",
        "oidc_issuer": "https://id.example.com", "oidc_client_id": "a", "oidc_client_secret": "a",
        "rate_limit_key": "1/second", "rate_limit_address": "1/second",
        "rate_limit_public": "none", "trusted_proxies": "1", "retention_days": "30",
    }  # fmt: skip
    settings = Settings.from_environ({PREFIX + name.upper(): it for name, it in chosen.items()})
    assert chosen.keys() == {field.name for field in dataclasses.fields(Settings)}
    for field in dataclasses.fields(Settings):
        assert getattr(settings, field.name) != field.default


def test_secrets_are_not_printed() -> None:
    settings = Settings(
        smtp_url="smtp://u:s3cret@x",
        webhook_secret="s3cret",
        metrics_token="s3cret",
        oidc_client_secret="s3cret",
    )
    assert "s3cret" not in repr(settings)


OIDC = {
    f"{PREFIX}OIDC_ISSUER": "https://id.example.com/",
    f"{PREFIX}OIDC_CLIENT_ID": "incident-service",
    f"{PREFIX}OIDC_CLIENT_SECRET": "s3cret",
}


@pytest.mark.parametrize("variable", OIDC)
def test_openid_connect_is_set_as_a_whole(variable: str) -> None:
    others = {name: text for name, text in OIDC.items() if name != variable}
    for given in (others, {**others, variable: ""}):
        with pytest.raises(InvalidSetting, match=f"^{variable} is missing") as caught:
            Settings.from_environ(given)
        assert "s3cret" not in caught.value.message


@pytest.mark.parametrize(
    "issuer",
    [
        "http://id.example.com",
        "http://127.0.0.1.example.com",
        "https://user:s3cret@id.example.com",
        "https://id.example.com?tenant=1",
        "https://id.example.com#1",
        "ftp://id.example.com",
        "id.example.com",
    ],
)
def test_an_issuer_is_an_https_url(issuer: str) -> None:
    with pytest.raises(InvalidSetting, match=f"^{PREFIX}OIDC_ISSUER: ") as caught:
        Settings.from_environ({**OIDC, f"{PREFIX}OIDC_ISSUER": issuer})
    assert "s3cret" not in caught.value.message


@pytest.mark.parametrize(
    "issuer", ["http://localhost:9400", "http://127.0.0.1:9400/x", "http://[::1]:9400"]
)
def test_an_issuer_on_this_machine_may_speak_http(issuer: str) -> None:
    settings = Settings.from_environ({**OIDC, f"{PREFIX}OIDC_ISSUER": issuer})
    assert settings.oidc_issuer == issuer


@pytest.mark.parametrize("name", ["OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET"])
@pytest.mark.parametrize("text", ["\u00fc", "a b", "a\n", "a" * 1001])
def test_the_client_is_known_by_ascii_text(name: str, text: str) -> None:
    with pytest.raises(InvalidSetting) as caught:
        Settings.from_environ({**OIDC, PREFIX + name: text})
    assert caught.value.message == f"{PREFIX}{name}: Must be 1 to 1000 ASCII characters."


@pytest.mark.parametrize("days", ["29", "0", "-365", "36501", "30.5", "a year", "1e3"])
def test_history_is_kept_for_a_month_at_least_and_for_whole_days(days: str) -> None:
    with pytest.raises(InvalidSetting, match=f"^{PREFIX}RETENTION_DAYS: [^\n]+$"):
        Settings.from_environ({f"{PREFIX}RETENTION_DAYS": days})


def test_history_is_kept_for_good_unless_it_is_said_for_how_long() -> None:
    kept = [
        Settings.from_environ({f"{PREFIX}RETENTION_DAYS": days}).retention_days
        for days in ("", "30", "36500")
    ]
    assert kept == [None, 30, 36500]


def test_the_guide_lists_the_settings_and_their_defaults() -> None:
    rows = dict(row for guide in GUIDES for row in ROW.findall(guide.read_text(encoding="utf-8")))
    assert rows.keys() == VARIABLES.keys()
    defaults = {field.name: field.default for field in dataclasses.fields(Settings)}
    for variable, cell in rows.items():
        default = defaults[VARIABLES[variable]]
        if cell.startswith("`"):
            assert cell == f"`{default:g}`" if isinstance(default, float) else f"`{default}`"
        else:
            assert default in ("", None) or VARIABLES[variable] in (
                "workers",
                "allowed_notification_schemes",
            )
