"""`python -m tonnage` is the command `tonnage`."""

from tonnage.cli import run

run()
