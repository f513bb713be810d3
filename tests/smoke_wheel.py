"""Build the wheel, install it into a fresh environment, and use it far from the checkout."""

import subprocess
import sys
import tempfile
import venv
import zipfile
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
USE = """
import numpy as np, tinycolor as tc
layer = tc.Conv2d(1, 2, 3, padding=1)
y, backward = layer(np.ones((1, 5, 5, 1), np.float32))
assert y.shape == (1, 5, 5, 2) and backward(y).shape == (1, 5, 5, 1)
assert "site-packages" in tc.__file__, tc.__file__
"""


def run(*command: str | Path, cwd: Path) -> None:
    subprocess.run([str(part) for part in command], cwd=cwd, check=True, stdout=subprocess.DEVNULL)


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run(sys.executable, "-m", "build", "--wheel", "--outdir", folder, cwd=CHECKOUT)
        (wheel,) = folder.glob("*.whl")
        strangers = [n for n in zipfile.ZipFile(wheel).namelist() if not n.startswith(("tinycolor/", "tinycolor_nn-"))]
        assert not strangers, f"the wheel holds {strangers}, expected the package alone"
        venv.create(folder / "env", with_pip=True)
        python = folder / "env/bin/python"
        run(python, "-m", "pip", "install", "--quiet", wheel, cwd=folder)
        run(python, "-c", USE, cwd=folder)
        command = folder / "env/bin/tinycolor"
        (photos,) = (folder / "env").glob("lib/*/site-packages/tinycolor/data/shipped")
        run(command, "train", photos, "--out", "run", "--size", "16", "--batch", "2", "--steps", "2", cwd=folder)
        assert (folder / "run/index.html").stat().st_size > 100_000
        run(command, "colorize", photos, "--checkpoint", "run/best.safetensors", "--out", "coloured", cwd=folder)
        assert len(list((folder / "coloured").glob("*.png"))) == len(list(photos.glob("*.jpg"))) == 18
        print(f"wheel {wheel.name}: installed and used outside the checkout")


if __name__ == "__main__":
    main()
