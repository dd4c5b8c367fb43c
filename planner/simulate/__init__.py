"""Requests one by one under real arrivals: tails that a mean cannot tell.

step_law      time of one iteration as tables
instance      engines, kinds of instances, fleets
kernel        the compiled event loop
assemble, run one run
outcome       quantiles, warm-up and saturation of a run
replicate     replications and confidence intervals
capacity      the largest rate that holds the service levels
sweep         many runs on local processes or a Ray cluster
deployments   step laws and engines from predictions
trace_fit     step laws from the log of a real server
cases         command-line cases, scenarios and plans as experiments
"""
