"""What a better answer costs: fronts of cost against quality, latency and energy."""
