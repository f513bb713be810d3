"""Training: teach a network from pictures, keep what it learned, and go on where a run was stopped."""
