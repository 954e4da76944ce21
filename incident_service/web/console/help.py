"""The guides, to read in a browser: `/help` (contract §11)."""

from __future__ import annotations

from flask import Blueprint, Response

from incident_service.errors import NotFound
from incident_service.http import error_responses
from incident_service.web.console import guides, pages

# Without signing in: who cannot sign in needs them most.
blueprint = Blueprint("help", __name__, template_folder="../templates")
blueprint.before_request(pages.admit_anybody)
pages.protect(blueprint)


@blueprint.get("/help", strict_slashes=False)
def show_contents() -> str:
    """Show which guides there are, and what is in them."""
    return pages.render("help.html", guides=guides.get_all())


@blueprint.get("/help/all")
def show_all() -> str:
    """Show all guides on one page, which the browser can search."""
    return pages.render("guides.html", guides=guides.on_one_page())


@blueprint.get("/help/<name>")
def show(name: str) -> str:
    """Show one guide."""
    return pages.render("guide.html", guide=guides.get(name))


@blueprint.get("/help/<name>.yaml")
def download(name: str) -> Response:
    """Return a file that a guide links to."""
    file = f"{name}.yaml"
    response = Response(guides.attachment(file), mimetype="application/yaml")
    response.headers["Content-Disposition"] = f"attachment; filename={file}"
    return response


@blueprint.errorhandler(NotFound)
def _not_found(error: NotFound) -> Response | tuple[str, int]:
    if not error_responses.is_for_a_person():
        return error_responses.answer(error)
    return pages.render("help_missing.html", message=error.message), 404
