"""Numbers from the machine: steady timings of kernels that matter, at real ceilings.

clock, sampler, statistics   how one thing is timed until the number is steady
sweep, bench                 what is timed, in which order, within a budget
profile                      the record: machine, conditions, raw samples, verdicts
kernels                      what is measured, with exact flop and byte counts
backends                     who runs it: torch, onnxruntime ...
"""
