"""Layers: parameters, and closures over the stateless maths in ``ops``."""
