"""Formats of the English language."""
