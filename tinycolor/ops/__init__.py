"""Stateless maths: array in, array out; forward and backward side by side."""
