"""What is left of a secret in the files, after it was deleted."""

from __future__ import annotations

from pathlib import Path

from tests.helpers.world import World

SECRET = "gone-but-not-yet-forgotten"


def traces(folder: Path) -> list[str]:
    """Return the names of the files that hold the secret."""
    found = (path for path in folder.iterdir() if path.is_file())
    return [path.name for path in found if SECRET.encode() in path.read_bytes()]


def write_and_delete(world: World) -> None:
    """Keep the secret in many rows of two tables, and let it go again."""
    ids = [world.made.user_id, world.make("users", email="second@example.com")["id"]]
    for number in range(40):
        world.post(world.body(description=f"{SECRET} {number} " + "x" * 5000))
        method = {"label": "Bot", "url": f"https://example.com/{SECRET}/{number}"}
        world.make(f"users/{ids[number % 2]}/contact-methods", **method)
    world.execute("UPDATE incidents SET description = NULL")
    world.execute("DELETE FROM contact_methods")
