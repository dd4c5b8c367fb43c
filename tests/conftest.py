"""One commit gives one answer: Hypothesis draws the same examples each time, unless asked to explore.

No example has a deadline: how long one takes is up to who else uses the machine.
"""

import os

from hypothesis import settings

settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.register_profile("explore", derandomize=False, deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))
