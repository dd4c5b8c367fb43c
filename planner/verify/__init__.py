"""Predictions of a machine's own profile against whole models that were then run on it.

steps          time of a step from a profile's tables
verification   the record of predicted beside measured, and how far apart they are
"""
