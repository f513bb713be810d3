"""The survey's Figure 2, fully connected layer: python examples/figure2.py."""

from pathlib import Path

import numpy as np

from tinycolor import figures
from tinycolor.data.shapes import CIRCLE, CROSS
from tinycolor.demo.figure2 import figure2, learn_to_vote, pooled
from tinycolor.layers.activation import Sigmoid

votes = learn_to_vote()
for name, picture in (("cross", CROSS), ("circle", CIRCLE)):
    cross, circle = Sigmoid().predict(votes.predict(pooled(picture[np.newaxis]).reshape(1, 12)))[0]
    print(f"The {name} gets the votes: cross {cross:.2f}, circle {circle:.2f}")
figures.save(figure2(), "figure2", Path("out/examples"))
