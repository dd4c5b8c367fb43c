"""What to buy or rent: money, candidates, capacity, the mix, the plan."""
