"""The best mix: of one period or many, by cost or per task that ends right, whole units or halves."""
