import re
import shutil
from pathlib import Path

import tinycolor as tc
from tinycolor.data.shipped import shipped_photos

README = (Path(__file__).parent.parent / "README.md").read_text()


def test_the_readme_s_code_runs_and_learns_what_it_says(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "out/run").mkdir(parents=True)
    tc.save_checkpoint("out/run/best.safetensors", tc.networks.ColorUNet())
    shutil.copy(shipped_photos()[0], "OLD.jpg")
    scope = {}
    with tc.lanes(2):  # puts back the number of lanes, which the last block sets
        for block in re.findall(r"```python\n(.*?)```", README, re.DOTALL):
            exec(compile(block, "README.md", "exec"), scope)
    printed = capsys.readouterr().out
    error, loss = (float(number) for number in re.findall(r"(?:error|loss) ([\d.e+-]+)", printed))
    assert tc.open_image("coloured.png").shape == tc.open_image("OLD.jpg").shape
    assert error < 1e-6
    assert loss < 1e-4
    assert abs(scope["layer"].weight.data[1, 1, :, 0] - 1 / 3).max() < 0.01


def test_every_file_the_readme_points_to_exists():
    root = Path(__file__).parent.parent
    targets = [target for target in re.findall(r"\]\(([^)#]+)\)", README) if "://" not in target]
    assert len(targets) > 10
    assert [target for target in targets if not (root / target).exists()] == []
