import re
from pathlib import Path

import tinycolor as tc

README = (Path(__file__).parent.parent / "README.md").read_text()


def test_the_readme_s_code_runs_and_learns_what_it_says(capsys):
    scope = {}
    with tc.lanes(2):  # puts back the number of lanes, which the last block sets
        for block in re.findall(r"```python\n(.*?)```", README, re.DOTALL):
            exec(compile(block, "README.md", "exec"), scope)
    printed = capsys.readouterr().out
    error, loss = (float(number) for number in re.findall(r"(?:error|loss) ([\d.e+-]+)", printed))
    assert error < 1e-6
    assert loss < 1e-4
    assert abs(scope["layer"].weight.data[1, 1, :, 0] - 1 / 3).max() < 0.01


def test_every_file_the_readme_points_to_exists():
    root = Path(__file__).parent.parent
    targets = [target for target in re.findall(r"\]\(([^)#]+)\)", README) if "://" not in target]
    assert len(targets) > 10
    assert [target for target in targets if not (root / target).exists()] == []
