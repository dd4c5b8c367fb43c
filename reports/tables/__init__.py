"""Rows of the same numbers for the terminal, the PDF and the page: one builder per table."""
