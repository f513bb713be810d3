"""Colour knows nothing of data, which is built on it."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import tinycolor

ROOT = Path(tinycolor.__file__).parent
MODULES = sorted((ROOT / "color").glob("*.py"))
# Without what tinycolor/__init__.py imports beforehand.
ALONE = """
import importlib, sys, types
sys.modules["tinycolor"] = package = types.ModuleType("tinycolor")
package.__path__ = [sys.argv[1]]
importlib.import_module(sys.argv[2])
print(*[name for name in sys.modules if name.startswith("tinycolor.data")])
"""


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_no_module_of_colour_imports_data(path):
    imported = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            imported += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            imported += [f"{node.module}.{alias.name}" for alias in node.names]
    assert not [name for name in imported if name.startswith("tinycolor.data")]


def test_welsh_can_be_imported_first_and_alone():
    command = [sys.executable, "-c", ALONE, str(ROOT), "tinycolor.color.welsh"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert not printed.strip()
