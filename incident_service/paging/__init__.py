"""Paging: what is due, and delivering it (contract §8)."""
