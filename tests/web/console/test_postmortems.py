"""Post-mortems in the console: read, written, kept in versions, taken away (contract §12)."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask.testing import FlaskClient

from incident_service import quickstart
from incident_service.people import users
from tests.helpers.console import as_member, fields_of, post, press, press_on, signed_in, text_of
from tests.helpers.world import World

PAGE = "/incidents/1/postmortem"
EDIT = f"{PAGE}/edit"
TEMPLATE = "/settings/postmortem-template"


@pytest.fixture
def incident(world: World) -> str:
    """An incident that is resolved."""
    id: str = world.post().json["data"]["id"]
    world.call("POST", f"incidents/{id}/resolve")
    return id


def save(world: World, incident: str, body: str = "# Learned\n", **more: Any) -> None:
    answer = world.call("PUT", f"incidents/{incident}/postmortem", {"body": body, **more})
    assert answer.status_code == 200, answer.json


def saved(world: World, incident: str) -> dict[str, Any]:
    found: dict[str, Any] = world.call("GET", f"incidents/{incident}/postmortem").json["data"]
    return found


def test_a_resolved_incident_asks_for_one_and_then_leads_to_it(world: World, incident: str) -> None:
    browser = as_member(world)
    assert f'<a href="{EDIT}">Write the post-mortem</a>' in browser.get("/incidents/1").text
    assert "There is no post-mortem yet." in browser.get(PAGE).text
    for status in ("draft", "published"):
        save(world, incident, status=status)
        page = browser.get("/incidents/1").text
        assert f'<a href="{PAGE}">Read the post-mortem</a>' in page
        assert f"Read the post-mortem {status}" in text_of(page)


def test_an_open_incident_has_none_yet(world: World) -> None:
    world.post()
    browser = signed_in(world)
    assert "post-mortem" not in browser.get("/incidents/1").text
    assert "once the incident is resolved" in browser.get(PAGE).text
    answer = browser.get(EDIT)
    assert answer.headers["Location"] == "/incidents/1"
    assert "once the incident is resolved" in browser.get("/incidents/1").text


def test_a_new_one_starts_from_the_template_with_who_writes_it(world: World, incident: str) -> None:
    world.call("PUT", "postmortem-template", {"body": "# {{number}}\n\nWhy?\n"})
    browser = as_member(world)
    fields = fields_of(browser.get(EDIT).text)
    assert fields["body"] == ["# 1\n\nWhy?\n"]
    assert fields["status"] == ["draft"]
    assert fields["authorIds"] == ["", "mia"]
    answer = press(browser, EDIT, "Save", body="# 1\r\n\r\nBecause.\r\n", status="published")
    assert answer.headers["Location"] == PAGE
    found = saved(world, incident)
    assert (found["body"], found["status"]) == ("# 1\n\nBecause.\n", "published")
    assert found["authorIds"] == ["mia"]
    text = text_of(browser.get(PAGE).text)
    assert "The post-mortem is saved." in text
    assert "published By Mia Member. Version 1, saved" in text
    assert "Because." in text


def test_it_is_shown_as_markdown_below_the_heading_of_the_page(world: World, incident: str) -> None:
    save(world, incident, "# Main\n\n**Why** [a](https://a.b) <script>x</script>\n")
    page = signed_in(world).get(PAGE).text
    assert '<h2 id="text-main">Main</h2>' in page
    assert "<strong>Why</strong>" in page
    assert '<a href="https://a.b" rel="nofollow noopener noreferrer">a</a>' in page
    assert "&lt;script&gt;" in page
    assert page.count("<h1") == 1


def test_every_version_can_be_read(world: World, incident: str) -> None:
    for n in range(1, 24):
        save(world, incident, f"Text {n}.")
    browser = signed_in(world)
    page = browser.get(PAGE).text
    numbers = re.findall(rf'href="{PAGE}/versions/(\d+)"', page)
    (more,) = re.findall(r'href="([^"]*cursor=[^"]*)"', page)
    numbers += re.findall(rf'href="{PAGE}/versions/(\d+)"', browser.get(more).text)
    assert numbers == [str(n) for n in range(23, 0, -1)]
    old = browser.get(f"{PAGE}/versions/2")
    assert "Text 2." in old.text
    assert f'<a class="button secondary" href="{PAGE}">Back to the latest</a>' in old.text
    assert browser.get(f"{PAGE}/versions/24").status_code == 404


def test_a_preview_shows_what_was_typed_and_saves_nothing(world: World, incident: str) -> None:
    browser = signed_in(world)
    page = press(browser, EDIT, "Preview", body="# Typed\n\n*now*\n")
    assert page.status_code == 200
    assert "<em>now</em>" in page.text
    assert fields_of(page.text)["body"] == ["# Typed\n\n*now*\n"]
    assert world.rows("SELECT * FROM postmortem_versions") == []
    assert press_on(browser, page.text, EDIT, "Save").status_code == 303
    assert saved(world, incident)["body"] == "# Typed\n\n*now*\n"


def test_the_timeline_is_taken_in_behind_what_was_typed(world: World, incident: str) -> None:
    browser = signed_in(world)
    page = press(browser, EDIT, "Insert the timeline", body="Typed.\n", status="published")
    assert page.status_code == 200
    fields = fields_of(page.text)
    (body,) = fields["body"]
    assert body.startswith("Typed.\n\n## Timeline\n\n- **")
    assert fields["status"] == ["published"]
    timeline = world.call("GET", f"incidents/{incident}/timeline.md").text
    assert body.partition("## Timeline")[2] == timeline.partition("## Timeline")[2]
    assert world.rows("SELECT * FROM postmortem_versions") == []


def test_what_is_wrong_is_said_beside_its_field(world: World, incident: str) -> None:
    browser = signed_in(world)
    page = press(browser, EDIT, "Save", body=" ", status="published")
    assert page.status_code == 400
    assert '<a href="#f-body">Text</a>' in page.text
    assert fields_of(page.text)["status"] == ["published"]
    page = press(browser, EDIT, "Save", body="a" * 100_001)
    assert "Longer than maximum length 100000" in text_of(page.text)
    assert world.rows("SELECT * FROM postmortem_versions") == []


@pytest.mark.parametrize("is_new", [True, False])
def test_who_comes_second_is_told_so(world: World, incident: str, is_new: bool) -> None:
    if not is_new:
        save(world, incident, "Before.")
    browser = signed_in(world)
    opened = browser.get(EDIT).text
    save(world, incident, "Meanwhile.")
    previewed = press_on(browser, opened, EDIT, "Preview", body="Mine.").text
    page = press_on(browser, previewed, EDIT, "Save")
    assert page.status_code == 400
    assert "it was changed since you opened this page" in page.text
    assert fields_of(page.text)["body"] == ["Mine."]
    assert saved(world, incident)["body"] == "Meanwhile."
    assert press_on(browser, page.text, EDIT, "Save").status_code == 303
    assert saved(world, incident)["body"] == "Mine."


def test_an_author_who_is_gone_stays_one(world: World, incident: str) -> None:
    as_member(world)
    save(world, incident, authorIds=["mia", world.made.user_id])
    world.call("DELETE", "users/mia")
    browser = signed_in(world)
    assert press(browser, EDIT, "Save", body="More.").status_code == 303
    assert saved(world, incident)["authorIds"] == ["mia", world.made.user_id]
    assert "By Mia Member" in text_of(browser.get(PAGE).text)


def test_a_member_of_a_large_organization_types_an_author_s_name(
    world: World, incident: str
) -> None:
    for n in range(25):
        world.database.write(
            world.made.org_id,
            users.create,
            org_id=world.made.org_id,
            email=f"u{n}@example.com",
            first_name=f"Person{n}",
            last_name="P",
            role="org:member",
            id=f"u{n}",
        )
    browser = as_member(world)
    page = press(browser, EDIT, "Add", body="Typed.", authorIdsTyped="u7@example.com")
    assert fields_of(page.text)["authorIds"] == ["", "mia", "u7"]
    assert fields_of(page.text)["body"] == ["Typed."]
    press_on(browser, page.text, EDIT, "Save")
    assert saved(world, incident)["authorIds"] == ["mia", "u7"]


def test_it_is_taken_away_as_markdown(world: World, incident: str) -> None:
    save(world, incident, "# A\n\n*b*\n")
    answer = signed_in(world).get(f"{PAGE}.md")
    assert answer.text == "# A\n\n*b*\n"
    assert answer.headers["Content-Type"] == "text/markdown; charset=utf-8"
    assert answer.headers["Content-Disposition"] == "attachment; filename=postmortem-1.md"


def test_it_is_taken_away_as_a_page_that_needs_nothing_else(world: World, incident: str) -> None:
    save(world, incident, "# A\n\n*b* ![c](https://a.b/c.png) <img src=x>\n")
    answer = signed_in(world).get(f"{PAGE}.html")
    assert answer.headers["Content-Disposition"] == "attachment; filename=postmortem-1.html"
    assert "<em>b</em>" in answer.text
    assert re.findall(r"<(script|link|img|form|nav)\b", answer.text) == []
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]+)"', answer.text)
    assert re.fullmatch(r"default-src 'none'; style-src 'sha256-[\w+/=]+'", policy)


def test_without_one_there_is_no_file(world: World, incident: str) -> None:
    browser = signed_in(world)
    assert [browser.get(f"{PAGE}.{kind}").status_code for kind in ("md", "html")] == [404, 404]


def test_another_organization_s_is_not_found(
    world: World, other_org: quickstart.Provisioned, incident: str
) -> None:
    save(world, incident)
    browser = signed_in(world, other_org.user_id, other_org.org_id)
    for path in (PAGE, EDIT, f"{PAGE}.md", f"{PAGE}.html", f"{PAGE}/versions/1"):
        assert browser.get(path).status_code == 404, path


def default(browser: FlaskClient) -> str:
    return fields_of(browser.get(TEMPLATE).text)["body"][0]


def test_admins_change_the_template_and_go_back(world: World) -> None:
    browser = signed_in(world)
    own = default(browser)
    assert own.startswith("# Incident {{number}}")
    assert "Back to the default" not in browser.get(TEMPLATE).text
    assert press(browser, TEMPLATE, "Save", body="Ours {{title}}").headers["Location"] == TEMPLATE
    assert world.call("GET", "postmortem-template").json["data"]["body"] == "Ours {{title}}"
    assert press(browser, TEMPLATE, "Use the default").headers["Location"] == TEMPLATE
    assert default(browser) == own


def test_members_read_the_template(world: World) -> None:
    browser = as_member(world)
    assert "Only admins can change this." in browser.get(TEMPLATE).text
    answer = post(browser, TEMPLATE, {"body": "x"})
    assert answer.status_code == 403
    assert world.call("GET", "postmortem-template").json["data"]["isDefault"]


def test_a_template_that_changed_meanwhile_is_not_replaced_unseen(world: World) -> None:
    browser = signed_in(world)
    opened = browser.get(TEMPLATE).text
    world.call("PUT", "postmortem-template", {"body": "Theirs"})
    page = press_on(browser, opened, TEMPLATE, "Save", body="Mine")
    assert page.status_code == 400
    assert world.call("GET", "postmortem-template").json["data"]["body"] == "Theirs"
