"""The time of one step: its operations at the ceilings of a target, and what an engine makes of them."""
