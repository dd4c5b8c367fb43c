"""Time of one operation on one target: each law with its fit beside it."""
