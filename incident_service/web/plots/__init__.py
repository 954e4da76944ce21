"""Plots as inline SVG, from plain values: pure functions (contract §11).

Across they are drawn in percent and downwards in pixels, so that they fit every screen while their
texts keep their size. How they look is in `console/plots.css`: an attribute `style` is forbidden.
"""
