"""A plan as files to run: command lines, containers, manifests, router weights and a load test."""
