"""Predictions moved by measured points of the user's own."""
