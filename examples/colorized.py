"""Four photos in grey, in the colours of a trained network, and as they are: the picture at the top of the README.

python examples/colorized.py out/run/best.safetensors
"""

import sys
from pathlib import Path

import numpy as np

import tinycolor as tc
from tinycolor.data.shipped import FOLDER
from tinycolor.demo.photos import strip
from tinycolor.evaluate import grey_photos
from tinycolor.files import write_whole

NAMES = (
    "lomiri-picosdeeuropa_by_Aitzol_Berasategi",
    "lomiri-aitzgorri_by_Aitzol_Berasategi",
    "sklearn-china",
    "lomiri-sunset_by_Aitzol_Berasategi",
)

network = tc.load_checkpoint(sys.argv[1], tc.networks.ColorUNet)
photos = [tc.open_image(FOLDER / f"{name}.jpg") for name in NAMES]
height = min(len(photo) for photo in photos)
photos = [photo[(len(photo) - height) // 2 :][:height] for photo in photos]
rows = [np.concatenate([grey_photos(photo[None])[0], tc.colorize(photo, network), photo]) for photo in photos]
path = Path("out/examples/colorized.jpg")
path.parent.mkdir(parents=True, exist_ok=True)
write_whole({path: strip(rows)})
print(path)
