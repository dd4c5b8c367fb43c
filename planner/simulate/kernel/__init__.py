"""The compiled event loop: the only home of numba. Import it inside functions, never at the top of a module.

jit      compile, and keep what was compiled under the hash of these sources
world    everything a run knows, as named tuples of flat arrays
heaps    binary heaps inside those arrays
tally    histograms, sums and time integrals
steptime the step law, and how many equal-batch steps can be taken at once
queues   requests in flight: pool, waiting lines, running lists
engine   one iteration of one instance: admit, preempt, step, finish
prefixes cached prefixes of finished requests
routing  which instance an arrival goes to
outages  instances that fail, return, start and drain
loop     the clock
"""
