"""Tasks that end right or not: who tries, how often, and what that costs."""
