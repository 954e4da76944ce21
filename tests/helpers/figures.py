"""The figures of `/metrics`, read as Prometheus reads them."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

Figures = dict[tuple[str, tuple[str, ...]], float]


def parse(text: str) -> Figures:
    """Return each sample's value by its name and the values of its labels, in the labels' order."""
    return {
        (sample.name, tuple(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
