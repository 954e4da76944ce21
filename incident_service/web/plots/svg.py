"""Makes SVG elements; whatever they say or hold is escaped."""

from __future__ import annotations

from xml.etree import ElementTree

from markupsafe import Markup

Element = ElementTree.Element

Value = str | int | float


def picture(kind: str, id: str, height: float, title: str, description: str) -> Element:
    """Return an empty plot of a height in pixels, with what stands for it if it cannot be seen."""
    names = {"title": f"{id}-title", "desc": f"{id}-desc"}
    svg = ElementTree.Element(
        "svg",
        {
            "class": f"plot {kind}",
            "role": "img",
            "aria-labelledby": names["title"],
            "aria-describedby": names["desc"],
            "width": "100%",
            "height": _text(height),
        },
    )
    for tag, words in (("title", title), ("desc", description)):
        add(svg, tag, words, id=names[tag])
    return svg


def add(parent: Element, tag: str, words: str = "", **attributes: Value) -> Element:
    """Add an element and return it; an attribute's `_` stands for `-`, and `class_` for `class`."""
    named = {name.rstrip("_").replace("_", "-"): _text(of) for name, of in attributes.items()}
    child = ElementTree.SubElement(parent, tag, named)
    child.text = words or None
    return child


def percent(share: float) -> str:
    """Return a length of so many percent."""
    return f"{_text(share)}%"


def markup(svg: Element) -> Markup:
    """Return the element for a page, which takes out the characters that are forbidden in XML."""
    return Markup(ElementTree.tostring(svg, encoding="unicode"))  # ElementTree escapes texts


def _text(value: Value) -> str:
    return value if isinstance(value, str) else f"{value:.3f}".rstrip("0").rstrip(".")
