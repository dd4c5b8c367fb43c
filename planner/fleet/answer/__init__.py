"""A solved mix in the words of a plan: units, what users feel, how sure it is, what a task costs."""
