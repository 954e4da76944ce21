"""What the guide tells to paste works: each mapping and template with what its tool sends."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from typing import Any

import pytest
import yaml

from incident_service.inbound.formats import FORMATS, check_mapping
from tests.helpers.formats import links_of, read, read_one
from tests.helpers.guides import FOLDER, blocks, section_of

GUIDE = FOLDER / "monitoring.md"
MEDIA_TYPE = FOLDER / "zabbix-media-type.yaml"

GENERIC = ["Zabbix", "Sentry", "Datadog", "CloudWatch"]


def integration(tool: str) -> dict[str, Any]:
    """Return the integration that the guide tells to make for a tool."""
    body: dict[str, Any] = json.loads(blocks(GUIDE, tool, "json")[0])
    return body


def mapping(tool: str) -> dict[str, str]:
    found: dict[str, str] = integration(tool)["mapping"]
    return found


@pytest.mark.parametrize("tool", GENERIC)
def test_an_integration_can_be_made_as_it_stands_there(tool: str) -> None:
    assert integration(tool).keys() <= {"name", "kind", "mapping", "severityMap"}
    assert integration(tool)["kind"] == "generic"
    check_mapping(mapping(tool))


def test_every_kind_is_in_the_guide() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    assert [kind for kind in (*FORMATS, "heartbeat") if f"ind `{kind}`" not in text] == []


def test_every_yaml_block_is_yaml() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    found = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)]
    receivers = [one for each in found if "receivers" in each for one in each["receivers"]]
    senders = {key: value[0] for each in receivers for key, value in each.items() if key != "name"}
    assert senders.keys() == {"webhook_configs", "pagerduty_configs", "opsgenie_configs"}
    assert all(sender["send_resolved"] for sender in senders.values())


def problem(**changes: str) -> dict[str, str]:
    return {
        "eventid": "90210",
        "event_value": "1",
        "event_update_status": "0",
        "event_ack_status": "No",
        "event_nseverity": "5",
        "event_severity": "Disaster",
        "event_source": "0",
        "event_tags": "component:db, scope:capacity",
        "subject": "Disk is full",
        "message": "/var is 99 % full",
        "host_name": "db-2",
        "host_ip": "192.0.2.7",
        "trigger_id": "77",
        "trigger_url": "",
        "zabbix_url": "https://zabbix.example.com",
    } | changes


def test_zabbix() -> None:
    alert = read_one("generic", problem(), mapping("Zabbix"))
    assert (alert.action, alert.dedup_key, alert.title) == ("fire", "90210", "Disk is full")
    assert integration("Zabbix")["severityMap"][alert.severity] == "critical"
    assert alert.description == "/var is 99 % full"
    assert links_of(alert) == {
        "Link": "https://zabbix.example.com/tr_events.php?triggerid=77&eventid=90210"
    }
    over = read_one("generic", problem(event_value="0"), mapping("Zabbix"))
    assert (over.action, over.dedup_key) == ("resolve", "90210")


def test_zabbix_has_six_severities() -> None:
    assert set(integration("Zabbix")["severityMap"]) == set("012345")


def media_type() -> dict[str, Any]:
    (found,) = yaml.safe_load(MEDIA_TYPE.read_text("utf-8"))["zabbix_export"]["media_types"]
    assert isinstance(found, dict)
    return found


def test_the_media_type_has_the_values_that_the_mapping_reads() -> None:
    names = {parameter["name"] for parameter in media_type()["parameters"]}
    assert problem().keys() | {"url", "event_tags_json"} == names
    modes = {each["operation_mode"] for each in media_type()["message_templates"]}
    assert modes == {"PROBLEM", "RECOVERY"}


def run_script(answer: int = 202, **changes: str) -> dict[str, Any]:
    """Return what the media type's script does with a problem: `sent`, and `result` or `error`."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("There is no node here.")
    play = """
        const [script, value, status] = JSON.parse(require("fs").readFileSync(0, "utf8"));
        const seen = {};
        class HttpRequest {
            addHeader(header) { seen.header = header; }
            post(url, body) { seen.url = url; seen.sent = JSON.parse(body); return "answer"; }
            getStatus() { return status; }
        }
        try { seen.result = new Function("value", "HttpRequest", script)(value, HttpRequest); }
        catch (error) { seen.error = String(error); }
        console.log(JSON.stringify(seen));
    """
    value = json.dumps(problem(url="https://incidents.example.com/in/token", **changes))
    done = subprocess.run(
        [node, "-e", play],
        input=json.dumps([media_type()["script"], value, answer]),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    seen: dict[str, Any] = json.loads(done.stdout)
    return seen


TAGS = json.dumps([{"tag": "component", "value": "db"}, {"tag": "scope", "value": "capacity"}])


def test_the_media_type_sends_the_tags_as_attributes() -> None:
    seen = run_script(event_tags_json=TAGS)
    assert (seen["result"], seen["url"]) == ("OK", "https://incidents.example.com/in/token")
    assert seen["header"] == "Content-Type: application/json"
    assert "token" not in json.dumps(seen["sent"])
    alert = read_one("generic", seen["sent"], mapping("Zabbix"))
    assert (alert.dedup_key, alert.title) == ("90210", "Disk is full")
    assert alert.attributes == {
        "host": "db-2",
        "ip": "192.0.2.7",
        "component": "db",
        "scope": "capacity",
    }


def test_the_media_type_does_without_tags() -> None:
    seen = run_script(event_tags_json="{EVENT.TAGSJSON}")
    assert seen["sent"]["attributes"]["tags"] == "component:db, scope:capacity"


def test_the_media_type_sends_no_updates_of_a_problem() -> None:
    assert "sent" not in run_script(event_update_status="1", event_tags_json=TAGS)
    assert "sent" in run_script(event_update_status="1", event_value="0", event_tags_json=TAGS)


def test_the_media_type_fails_unless_the_alert_is_taken() -> None:
    seen = run_script(503, event_tags_json=TAGS)
    assert seen["error"] == "incident-service answered 503: answer"
    assert "error" in run_script(event_source="3", event_tags_json=TAGS)


def sentry(action: str, **data: Any) -> dict[str, Any]:
    actor = {"type": "application", "id": "sentry", "name": "Sentry"}
    return {"action": action, "installation": {"uuid": "u"}, "data": data, "actor": actor}


EVENT = {
    "event_id": "e1",
    "issue_id": "1170820242",
    "title": "ReferenceError: cart is not defined",
    "culprit": "checkout.js",
    "level": "fatal",
    "project": 4,
    "web_url": "https://sentry.example.com/organizations/shop/issues/1170820242/events/e1/",
    "tags": [["level", "fatal"]],
}
ISSUE = {
    "id": "1170820242",
    "title": "ReferenceError: cart is not defined",
    "culprit": "checkout.js",
    "level": "error",
    "project": {"id": "4", "slug": "shop"},
    "web_url": "https://sentry.example.com/organizations/shop/issues/1170820242/",
}
METRIC = {"id": "1170820242", "projects": ["shop"], "alert_rule": {"name": "Too many errors"}}


def test_sentry_issue_alerts() -> None:
    alert = read_one("generic", sentry("triggered", event=EVENT), mapping("Sentry"))
    assert (alert.action, alert.dedup_key, alert.severity) == ("fire", "1170820242", "fatal")
    assert alert.title == "ReferenceError: cart is not defined"
    assert links_of(alert) == {"Link": EVENT["web_url"]}


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        ("created", "fire"),
        ("unresolved", "fire"),
        ("resolved", "resolve"),
        ("archived", "resolve"),
        ("ignored", "resolve"),
    ],
)
def test_sentry_issues_are_the_same_alert_as_their_events(action: str, expected: str) -> None:
    alert = read_one("generic", sentry(action, issue=ISSUE), mapping("Sentry"))
    assert (alert.action, alert.dedup_key) == (expected, "1170820242")
    assert alert.attributes == {"component": "shop"}


@pytest.mark.parametrize(
    ("action", "expected"), [("critical", "fire"), ("warning", "fire"), ("resolved", "resolve")]
)
def test_sentry_metric_alerts_are_not_issues(action: str, expected: str) -> None:
    body = sentry(
        action,
        metric_alert=METRIC,
        description_title=f"{action}: Too many errors",
        description_text="1000 events in the last 10 minutes",
        web_url="https://sentry.example.com/alerts/7/",
    )
    alert = read_one("generic", body, mapping("Sentry"))
    assert (alert.action, alert.severity) == (expected, action)
    assert alert.dedup_key == "metric-1170820242"
    assert alert.description == "1000 events in the last 10 minutes"


@pytest.mark.parametrize(
    "body",
    [sentry("assigned", issue=ISSUE), sentry("created", installation={}), {"action": "created"}],
)
def test_other_events_of_sentry_open_nothing(body: dict[str, Any]) -> None:
    reading = read("generic", body, mapping("Sentry"))
    assert (reading.alerts, reading.remarks) == ((), ("alerts: The list is empty.",))


def datadog(**values: str) -> dict[str, Any]:
    """Return the payload of the guide with the values in place, the others empty."""
    payload = blocks(GUIDE, "Datadog", "json")[1]
    filled = re.sub(r"\$([A-Z_]+)(\[\w+\])?", lambda name: values.get(name[1], ""), payload)
    body: dict[str, Any] = json.loads(filled)
    return body


def test_datadog() -> None:
    body = datadog(
        EVENT_TITLE="[P2] [Triggered] Queue is long",
        TEXT_ONLY_MSG="2,000 wait",
        ALERT_TRANSITION="Triggered",
        ALERT_TYPE="error",
        ALERT_PRIORITY="P2",
        ALERT_CYCLE_KEY="8018",
        AGGREG_KEY="agg",
        LINK="https://app.datadoghq.com/event/1",
        HOSTNAME="web-1",
    )
    alert = read_one("generic", body, mapping("Datadog"))
    assert (alert.action, alert.dedup_key, alert.severity) == ("fire", "8018", "P2")
    assert (alert.title, alert.description) == ("[P2] [Triggered] Queue is long", "2,000 wait")
    assert alert.attributes == {"host": "web-1"}
    assert links_of(alert) == {"Link": "https://app.datadoghq.com/event/1"}


@pytest.mark.parametrize(
    ("transition", "action"),
    [
        ("Re-Triggered", "fire"),
        ("Warn", "fire"),
        ("No Data", "fire"),
        ("Renotify", "fire"),
        ("Recovered", "resolve"),
    ],
)
def test_transitions_of_datadog(transition: str, action: str) -> None:
    body = datadog(ALERT_TRANSITION=transition, AGGREG_KEY="agg", ALERT_TYPE="warning")
    alert = read_one("generic", body, mapping("Datadog"))
    assert (alert.action, alert.dedup_key, alert.severity) == (action, "agg", "warning")


ARN = "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:cpu-high"


def alarm(state: str) -> dict[str, Any]:
    return {
        "AlarmName": "cpu-high",
        "AlarmDescription": None,
        "AlarmArn": ARN,
        "NewStateValue": state,
        "NewStateReason": "Threshold Crossed: 1 datapoint was greater than 90.",
        "OldStateValue": "OK",
        "Region": "EU (Ireland)",
        "Trigger": {"MetricName": "CPUUtilization", "Dimensions": [{"name": "a", "value": "b"}]},
    }


def sns(message: Any, type_: str = "Notification") -> dict[str, Any]:
    text = message if isinstance(message, str) else json.dumps(message)
    return {"Type": type_, "MessageId": "m", "Subject": "ALARM", "Message": text}


@pytest.mark.parametrize(("state", "action"), [("ALARM", "fire"), ("OK", "resolve")])
def test_cloudwatch(state: str, action: str) -> None:
    alert = read_one("generic", sns(alarm(state)), mapping("CloudWatch"))
    assert (alert.action, alert.dedup_key, alert.title) == (action, ARN, "cpu-high")
    assert alert.description == "Threshold Crossed: 1 datapoint was greater than 90."
    assert "cpu-high" in links_of(alert)["Link"]
    assert read_one("generic", alarm(state), mapping("CloudWatch")) == alert


@pytest.mark.parametrize(
    "body",
    [
        sns(alarm("INSUFFICIENT_DATA")),
        sns("You have chosen to subscribe to the topic.", "SubscriptionConfirmation"),
        sns("not an alarm"),
        sns([1, 2]),
    ],
)
def test_other_messages_of_sns_open_nothing(body: dict[str, Any]) -> None:
    assert read("generic", body, mapping("CloudWatch")).alerts == ()


@pytest.mark.parametrize("name", ["Nightly backup", 'The "big" one', "バックアップ"])
def test_healthchecks(name: str) -> None:
    (template,) = blocks(GUIDE, "Healthchecks", "text")
    values = {
        "$NAME_JSON": json.dumps(name),
        "$STATUS": "down",
        "$CODE": "3f1a9b52-0000-4000-8000-000000000001",
        "$TAGS": "prod component:Backups",
        "$NOW": "2026-11-25T03:10:00+00:00",
    }
    for variable, value in values.items():
        assert variable in template
        template = template.replace(variable, value)
    alert = read_one("healthchecks", json.loads(template))
    assert (alert.action, alert.title, alert.dedup_key) == ("fire", name, values["$CODE"])
    assert alert.attributes["component"] == "Backups"


def test_lines_of_scripts_need_no_mapping() -> None:
    lines = re.findall(r"--data '(.*)'", section_of(GUIDE, "Your own scripts"))
    opened, over = (read_one("generic", json.loads(line)) for line in lines)
    assert (opened.action, over.action) == ("fire", "resolve")
    assert opened.dedup_key == over.dedup_key
    assert opened.severity == "critical"
