"""From steps to service.

placement, situation   where a deployment stands, and cases as arrays
step                   time of a step: its work at the ceilings of a target, and what an engine makes of it
steady_state           closed loops and offline batches; open_load for requests at random
predict                cases in, answers with intervals out
units                  what one unit can carry under limits, whole or as halves
anchors                predictions moved by measured points
fitting                engine coefficients from published measurements
"""
