"""Reads a plot as a browser does: elements, and their places in percent and in pixels."""

from __future__ import annotations

from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from markupsafe import Markup


def parsed(plot: Markup) -> Element:
    """Return the plot's root; it is well-formed, is told in words, and has no style of its own."""
    root = ElementTree.fromstring(plot)
    ids = {element.get("id") for element in root.iter()}
    assert {root.get("aria-labelledby"), root.get("aria-describedby")} <= ids
    assert root.get("role") == "img"
    assert not [element for element in root.iter() if element.get("style")]
    return root


def of_class(root: Element, name: str) -> list[Element]:
    """Return the elements of a class, in order."""
    return [element for element in root.iter() if name in (element.get("class") or "").split()]


def number(element: Element, name: str) -> float:
    """Return an attribute in percent or pixels; 0 if it is left out."""
    return float((element.get(name) or "0").removesuffix("%"))
