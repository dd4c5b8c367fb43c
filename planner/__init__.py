"""Decisions from numbers.

deployment, prediction   what is run where; what it will do, and how that is known
laws                     time of one operation: each law with its fit beside it
serving                  steps to service: memory, step time, engines, steady state
fleet                    money, candidates, capacity, the mix (MILP), the plan
"""
