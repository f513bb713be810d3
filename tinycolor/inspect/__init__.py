"""Magnifying glasses: look into a network without changing it.

==================  ===============================================================================
summary             what a network is made of, layer by layer: shapes, parameters, memory
remembered          what a ``backward`` holds on to until it is used
receptive_field     how many input pixels one output pixel can see
explain             the arithmetic of one single output number, as text and as a figure
==================  ===============================================================================
"""

from tinycolor.inspect.arithmetic import Explanation, explain
from tinycolor.inspect.field import receptive_field
from tinycolor.inspect.memory import Remembered, remembered
from tinycolor.inspect.overview import Summary, summary

__all__ = ["Explanation", "Remembered", "Summary", "explain", "receptive_field", "remembered", "summary"]
