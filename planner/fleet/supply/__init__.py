"""What could be bought: candidates, rated under the limits, priced, and posed as a problem."""
