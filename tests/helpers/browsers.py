"""A real browser, and tabs in it that must neither complain nor ask anyone else."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from axe_playwright_python.base import AXE_SCRIPT, AxeResults  # type: ignore[import-untyped]
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, sync_playwright

CHROMIUM = shutil.which("chromium-headless-shell") or shutil.which("chromium")
"""The one without windows takes half as long."""

REFUSED_FORM = "the server responded with a status of 400"


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run a browser."""
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"]) as browser,
    ):
        yield browser


@contextmanager
def tab(
    browser: Browser,
    port: int,
    *,
    missing: tuple[str, ...] = (),
    allowed: tuple[str, ...] = (),
    **options: Any,
) -> Iterator[Page]:
    """Open a tab of a fresh browser on the service at a port.

    Afterwards nothing may have failed or broken the pages' policy, and no other host been asked.
    `missing`: how addresses end that are asked for though nothing is there. `allowed`: other hosts.
    """
    base = f"http://127.0.0.1:{port}"
    context = browser.new_context(base_url=base, **options)
    asked: list[str] = []
    complaints: list[str] = []

    def complain(said: ConsoleMessage) -> None:
        is_expected = said.location["url"].endswith(missing)
        if not is_expected and REFUSED_FORM not in said.text:
            complaints.append(said.text)

    def complain_of_failure(request: Request) -> None:
        if request.failure != "net::ERR_ABORTED":  # a page that is left asks for nothing more
            complaints.append(request.url)

    context.on("request", lambda request: asked.append(request.url))
    context.on("requestfailed", complain_of_failure)
    context.on("weberror", lambda error: complaints.append(str(error.error)))
    context.on("console", complain)
    try:
        yield context.new_page()
    finally:
        context.close()
    assert complaints == [], complaints
    assert [url for url in asked if not url.startswith((f"{base}/", "data:", *allowed))] == []
    assert asked


def check_access(page: Page, *, only: Sequence[str] = (), but: Sequence[str] = ()) -> None:
    """Check the page by axe's rules. Its policy must be off: axe is a script of our own.

    `only`, `but`: the ids of rules to check alone, or not to check.
    """
    options = {
        "resultTypes": ["violations"],
        "rules": {rule: {"enabled": False} for rule in but},
        **({"runOnly": [*only]} if only else {}),
    }
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    found = AxeResults(page.evaluate("options => axe.run(options)", options))
    assert found.violations_count == 0, f"{page.url}\n{found.generate_report()}"


def words(page: Page) -> str:
    """Return what a person reads on the page."""
    return " ".join(page.locator("body").inner_text().split())


def sizes(page: Page) -> tuple[int, int]:
    """Return how wide the page is, and how wide the screen."""
    wide, screen = page.evaluate(
        "(({scrollWidth, clientWidth}) => [scrollWidth, clientWidth])(document.documentElement)"
    )
    return wide, screen
