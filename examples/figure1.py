"""The survey's Figure 1, convolution layer calculation: python examples/figure1.py."""

from pathlib import Path

from tinycolor import figures
from tinycolor.data.shapes import CROSS
from tinycolor.demo.figure1 import PLACE, feature_maps, figure1

maps = feature_maps(CROSS)
print("The match of the falling line at every place of the cross:")
print(maps[..., 0].round(2))
print(f"At row {PLACE[0]}, column {PLACE[1]}, it fits perfectly: {maps[PLACE][0]:.2f}")
figures.save(figure1(), "figure1", Path("out/examples"))
