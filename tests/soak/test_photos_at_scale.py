"""What a very large photo and a folder of many cost."""

import json
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

import tinycolor as tc
from tinycolor.data.batches import Batches
from tinycolor.data.folder import find_photos
from tinycolor.data.lightness import split_photo
from tinycolor.data.shrunk import photos_to_crop
from tinycolor.training.loop import train

from test_soak import note

pytestmark = pytest.mark.slow

# In a process of its own, because the most memory that a process ever took only grows.
COLORIZE = """
import json, resource, sys
import numpy as np
import tinycolor as tc

def most():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

network, rng = tc.networks.ColorUNet(), np.random.default_rng(0)
tc.colorize(rng.integers(0, 256, (64, 64, 3), dtype=np.uint8), network)
photo = np.empty(json.loads(sys.argv[1]), np.uint8)
for row in photo:
    row[...] = rng.integers(0, 256, row.shape, dtype=np.uint8)
before = most()
picture = tc.colorize(photo, network)
print(json.dumps((most() - before - picture.nbytes) / 2**20))
"""


def test_a_photo_of_40_megapixels_takes_little_memory_beside_itself_and_the_result():
    beside = {}
    for name, shape in {"colour": [5000, 8000, 3], "grey": [5000, 8000]}.items():
        command = [sys.executable, "-c", COLORIZE, json.dumps(shape)]
        beside[name] = round(json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout))
    note("colorize, 40 megapixels", megabytes_beside_input_and_output=beside)
    assert max(beside.values()) < 256


@pytest.fixture
def photos(tmp_path):
    rng = np.random.default_rng(0)
    for number in range(300):
        blobs = Image.fromarray(rng.integers(0, 256, (12, 16, 3), dtype=np.uint8))
        blobs.resize((512, 384), Image.Resampling.BICUBIC).save(tmp_path / f"{number}.jpg", quality=90)
    return find_photos(tmp_path, print)


def test_photos_from_a_folder_come_as_fast_as_one_batch_again_and_again(photos):
    """A figure, no assertion: it only means something on a machine that does nothing else."""
    batches = Batches(photos_to_crop(photos, 64), size=64, batch=16, seed=0)
    epoch, network = batches.steps_per_epoch, tc.networks.ColorUNet()
    optimizer = tc.optim.Adam(network.parameters())
    fixed = split_photo(batches[0])

    def seconds(source):
        started = time.perf_counter(), time.process_time()
        losses = list(train(network, optimizer, source, tc.losses.mse))
        assert len(losses) == epoch
        return np.array([time.perf_counter() - started[0], time.process_time() - started[1]])

    first = seconds(batches.ahead(range(epoch), split_photo))
    from_folder, from_memory = np.zeros(2), np.zeros(2)
    for number in range(1, 5):
        from_folder += seconds(batches.ahead(range(number * epoch, (number + 1) * epoch), split_photo))
        from_memory += seconds(fixed for _ in range(epoch))
    images = 4 * epoch * batches.batch
    note(
        "training, photos from a folder and one batch in memory",
        images_per_second_from_folder=round(images / from_folder[0], 1),
        images_per_second_from_memory=round(images / from_memory[0], 1),
        images_per_second_in_the_first_epoch=round(epoch * batches.batch / first[0], 1),
        share=round(from_memory[0] / from_folder[0], 3),
        share_of_processor_time=round(from_memory[1] / from_folder[1], 3),
    )
