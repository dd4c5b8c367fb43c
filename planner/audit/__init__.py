"""What runs already, held against a load: headroom, waste, what breaks next and when."""
