"""What to buy or rent, and why.

supply      what could be bought: candidates, rated under the limits, priced, posed as a problem
programme   the problem as plain numbers, its rows and columns
solve       the best mix: one period or many, least cost or least spend per task that ends right
tasks       tasks that end right or not: who tries, how often, what that costs
answer      a solved mix in the words of a plan
questions   what binds, what else, what moves the choice, what to measure, what to relax
fronts      cost against quality, latency and energy
records     what a plan says
plan        all of it: a scenario answered
"""
