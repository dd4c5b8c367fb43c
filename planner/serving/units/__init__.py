"""What one unit can carry under the limits of its classes: whole, or prefill and decode alone."""
