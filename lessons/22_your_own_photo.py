# %% [markdown]
# # 22. Your own photo
#
# All the parts are there. In this lesson you put them around a photo of your own: you colour it, at its full size and
# as sharp as it is, and then you ask what those colours are worth. Name the photo behind the lesson:
#
#     .venv/bin/python lessons/22_your_own_photo.py PHOTO
#
# It may be grey or in colour; of a colour photo the network gets the grey alone, and you can see how near it came.
# Without a name the lesson takes one of the 18 photos that come with the library.

# %%
import sys
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from PIL import Image

import tinycolor as tc
from tinycolor import figures
from tinycolor.color import lab_of, lab_to_bytes
from tinycolor.colorize import lay_under, predict_ab
from tinycolor.data.batches import Batches
from tinycolor.data.folder import find_photos
from tinycolor.data.lightness import split_photo
from tinycolor.data.shipped import FOLDER, attributions
from tinycolor.data.shrunk import crop, is_grey, shrink
from tinycolor.metrics import ab_mae

# %% [markdown]
# ## Some to learn from, some to judge by
#
# The 18 photos are all we have. Five of them the network will not get: they stand for the photos of the world. Which
# five? Not those that we like: a *hash* of each name decides, a sum over its letters that looks like chance, but comes
# out the same every time. `split(0.25)` keeps those whose hash is below a quarter of all hashes, here five.

# %%
learning, judging = find_photos(FOLDER, print).split(0.25)  # print: called with whatever is passed over, and why
seen = [tc.open_image(learning[n]) for n in range(len(learning))]
unseen = [tc.open_image(judging[n]) for n in range(len(judging))]
named = sys.argv[1:2] and not sys.argv[1].startswith("-")  # (a notebook puts words of its own there, with a dash)
path = Path(sys.argv[1]) if named else judging[2]
photo = tc.open_image(path)  # whatever kind of file it is: upright, (height, width, 3), whole numbers 0 to 255
has_colours = not is_grey(photo)
print(f"{len(seen)} photos to learn from, {len(unseen)} to judge by; yours: {path.name}, {photo.shape}")

assert (len(seen), len(unseen)) == (13, 5)

# %% [markdown]
# ## Some seconds of learning
#
# Lesson 10's network, lesson 10's five lines. The photos are shrunk until their shorter side has 45 dots. `Batches`
# then cuts pieces of 40x40 out of them, at random places, about every second one mirrored. A crop that has been moved a
# little is a new picture to the network, but it is the same mountain.

# %%
steps = 150
net = tc.networks.ColorUNet(widths=(16, 32, 64), size=40, seed=22)
batches = Batches([shrink(one, 45) for one in seen], size=40, batch=8, seed=22)
optimizer = tc.optim.Adam(net.parameters(), tc.optim.one_cycle(1e-2, steps))
for step in range(steps):
    x, target = split_photo(batches[step])  # (8, 40, 40, 1) and (8, 40, 40, 2)
    y, backward = net(x)
    loss, dy = tc.losses.mse(y, target)
    net.zero_grad()
    backward(dy)
    optimizer.step()
    if step in (0, 10, 50, 100, 149):
        print(f"step {step:3}: squared error {loss:.4f}")

# %% [markdown]
# ## Keep what it has learned
#
# A **checkpoint** is a file with the weights, and with how the network is built. Loaded anew, today or in ten years,
# it gives the same answers. (It holds nothing but text and numbers. Some kinds of checkpoint can run a program when
# they are opened; these can't.)

# %%
checkpoint = figures.FOLDER / "22_your_own_photo.safetensors"
checkpoint.parent.mkdir(parents=True, exist_ok=True)
tc.save_checkpoint(checkpoint, net)
trained, net = net, tc.load_checkpoint(checkpoint)
print(f"checkpoint: {checkpoint}, {checkpoint.stat().st_size:,} bytes")

assert np.array_equal(net.predict(x), trained.predict(x))

# %% [markdown]
# ## A large photo, a small network
#
# The network has learned from photos about 40 dots high. There a tree is a few dots wide, and so it will look for trees
# of a few dots. In your photo one may have hundreds. So it gets a small copy, and its answer is small: two sheets, a*
# and b*. They are stretched to the size of the photo, in straight lines from dot to dot (lesson 8's bilinear), and laid
# under the photo's own L*. Those three lines are `tc.colorize`.

# %%
small = shrink(photo, net.size)
ab = predict_ab(net, lab_of(small)[None, ..., :1])[0]  # (height, width, 2), small
coloured, _ = lay_under(photo, ab)  # stretched, joined, made paler where no screen can show it
print(f"photo {photo.shape[:2]}, its small copy {small.shape[:2]}, coloured {coloured.shape[:2]}")

assert coloured.shape == photo.shape
assert np.array_equal(coloured, tc.colorize(photo, net))

# %% [markdown]
# Keep the result: it is yours. And look how far L* has moved, of 100, where it moved most (in every tenth row). It is
# not quite 0 because pixels are whole numbers.

# %%
result = figures.FOLDER / "22_coloured.png"
Image.fromarray(coloured).save(result)
moved = abs(lab_of(coloured[::10])[..., 0] - lab_of(photo[::10])[..., 0]).max()
print(f"your photo in colour: {result}; its L* has moved by {moved:.2f} at most")

assert moved < 1

# %% [markdown]
# ## What is lost by small colours?
#
# Lesson 9 gave 256 dots one colour, and one had to search for the difference. Is it so here? Take one of the five whose
# colours we know, the pagoda. Each dot of a small sheet has to do for 73 of its dots. Now no network guesses: make its
# *own* a* and b* small, and stretch them again. And then do the same with L*, for comparison.

# %%
pagoda = unseen[4]
height, width, _ = pagoda.shape
tiny = shrink(pagoda, net.size)
own_colours, _ = lay_under(pagoda, lab_of(tiny)[..., 1:])
all_small = np.asarray(Image.fromarray(tiny).resize((width, height), Image.Resampling.BILINEAR))
true_lab = lab_of(pagoda)
small_height, small_width, _ = tiny.shape
print(f"the pagoda has {height}x{width} dots, its small copy {small_height}x{small_width}")
for name, picture in {"small a*b*": own_colours, "all small": all_small}.items():
    off = abs(lab_of(picture) - true_lab).mean((0, 1))
    print(f"{name:10}: off by {off[0]:4.1f} in L*, by {off[1:].mean():.1f} in a* and b*, on average")

assert abs(lab_of(own_colours) - true_lab)[..., 0].mean() < 0.3
assert abs(lab_of(all_small) - true_lab)[..., 0].mean() > 5
assert abs(lab_of(own_colours) - true_lab)[..., 1:].mean() < 4
assert round(height * width / (small_height * small_width)) == 73


# %%
def to_show(picture):
    """Return a picture small enough for a figure."""
    return shrink(picture, 400)


grey, _ = lay_under(to_show(photo), np.zeros((1, 1, 2), np.float32))
panels = {"your photo: its L*": grey, "coloured": to_show(coloured)}
if has_colours:
    panels["as it is"] = to_show(photo)
figure, axes = plt.subplots(2, 3, figsize=(11, 6.4), layout="constrained")
for axis, (title, picture) in zip(axes[0], panels.items(), strict=False):
    axis.imshow(picture)
    axis.set_title(title)
details = {"the pagoda": pagoda, "its a* and b* small, stretched": own_colours, "L* too": all_small}
for axis, (title, picture) in zip(axes[1], details.items(), strict=True):
    axis.imshow(picture[20:190, 60:315])
    axis.set_title(title)
for axis in axes.flat:
    axis.set_axis_off()
credits = attributions()
names = [path.name, judging[4].name]
figure.supxlabel("Photos: " + "; ".join(str(credits[name]) for name in names if name in credits), fontsize=9)
figures.save(figure, "22_your_own_photo")

# %% [markdown]
# The lower row: as sharp as it was. The eye finds edges by lightness, and that is all there. What suffers is what is
# both narrow and colourful: the rims of the roofs, and the lower roof, have faded. The upper row is as sharp as it was,
# too. But if the photo is ours, those are not the colours of mountains. So it isn't the small size that is wrong.
#
# ## What are the colours worth?
#
# Measure, as in lesson 10: how far are a* and b* off, on average, and how far is grey? For the photos that it has
# learned from, and for those that it has not.


# %%
def errors(picture):
    """Return how far a* and b* are off on the small copy of a photo: the network's, and those of grey."""
    lab = lab_of(shrink(picture, net.size))
    answer = predict_ab(net, lab[None, ..., :1])[0]
    return ab_mae(answer, lab[..., 1:]), ab_mae(np.zeros_like(answer), lab[..., 1:])


means = {}
for name, group in {"seen": seen, "not seen": unseen}.items():
    mine, of_grey = means[name] = np.mean([errors(one) for one in group], 0)
    print(f"{name:8}: {mine:4.1f} off, grey {of_grey:4.1f}; that is {mine / of_grey:.0%} of the error of grey")
if has_colours:
    mine, of_grey = errors(photo)
    print(f"yours   : {mine:4.1f} off, grey {of_grey:4.1f}")
    assert named or mine > of_grey  # our mountains would be better off grey

seen_share, unseen_share = (mine / of_grey for mine, of_grey in means.values())
assert seen_share < 0.6
assert unseen_share > 0.85

# %% [markdown]
# On what it has seen, the error is about half of that of grey. On the others it is about that of grey: by this measure
# the colours might as well have been left out. It has learned much of thirteen photos *by heart*. That is called
# **overfitting**: the rules that it has found, whatever they are, hold for these photos, and need not for others.
#
# So how well it colours what it has learned from says nothing about your photo. Look at the next figure: with the three
# left columns alone, you might have believed that it works.

# %%
shown = {learning[n].name: seen[n] for n in (2, 5, 8)} | {judging[n].name: unseen[n] for n in (2, 3, 0)}
figure, axes = plt.subplots(3, 6, figsize=(11, 6.2), layout="constrained")
for n, (column, picture) in enumerate(zip(axes.T, shown.values(), strict=True)):
    rows = [lay_under(picture, np.zeros((1, 1, 2), np.float32))[0], tc.colorize(picture, net), picture]
    for axis, one in zip(column, rows, strict=True):
        square = crop(one, min(one.shape[:2]))
        axis.imshow(shrink(square, 200))
        axis.set(xticks=[], yticks=[])
    mine, of_grey = errors(picture)
    column[0].set_title("seen" if n < 3 else "not seen", fontsize=11)
    column[1].set_xlabel(f"{mine:.1f} off, grey {of_grey:.1f}", fontsize=9)
for axis, name in zip(axes[:, 0], ["L*", "the network's\ncolours", "as it is"], strict=True):
    axis.set_ylabel(name, fontsize=11, rotation=0, ha="right", va="center")
authors = list(dict.fromkeys(str(credits[name]) for name in shown))  # each once
figure.supxlabel("Photos: " + "; ".join(authors[:3]) + ";\n" + "; ".join(authors[3:]), fontsize=8)
figures.save(figure, "22_seen_and_not_seen")

# %% [markdown]
# ## What would make it better
#
# **More photos**, first of all. What holds in two thousand photos is more likely to hold in yours. Any folder of colour
# photos will do; holidays, say, if it is a holiday that you want to colour. In a terminal:
#
#     .venv/bin/tinycolor train FOLDER --out RUN
#     .venv/bin/tinycolor colorize PHOTO --checkpoint RUN/best.safetensors --out COLOURED
#     .venv/bin/tinycolor evaluate OTHERS --checkpoint RUN/best.safetensors
#
# Again some photos are kept for judging, one in twenty. What to expect? The README tells of 2,039 photos of buildings,
# forests, mountains and the sea, and half an hour on two cores. On 480 others a* and b* were 6.74 off (`evaluate` calls
# that ab MAE), grey 8.45. That is 80 % of the error of grey; with thirteen photos we gained hardly anything. And the
# colours were paler than the true ones: lesson 10's mean.
#
# **Another question.** Ask for classes of colours (lesson 15, `--model zhang`), or let a second network judge (lesson
# 18, `--model pix2pix`): both bring strong colours back. Where they are wrong, they are strongly wrong. **The whole
# picture** (lesson 19, `--model iizuka`) may tell a room from a field. `examples/networks.md` compares them on those
# photos. These were small, and the networks learned for some minutes: the plain one still had the least error.
#
# **Or no network.** If you have a colour photo of such a place, lesson 14 needs no more than that one:
#
#     .venv/bin/tinycolor transfer PHOTO REFERENCE --out COLOURED.png

# %%
expected = 6.74 / 8.45
print(f"2,039 photos: {expected:.0%} of the error of grey; {len(seen)} photos: {unseen_share:.0%}")
assert round(100 * expected) == 80

# %% [markdown]
# ## What can go wrong with a photo of your own
#
# **It is brown.** Old prints often are. `tc.colorize` looks at L* alone, so the brown goes, and the network's colours
# come. (But don't let a network *learn* from brown photos. They count as photos in colour, and they teach brown. And an
# error measured on them says how near it came to brown.) Here the pagoda is browned:

# %%
postcard = shrink(pagoda, 200)
brown = np.zeros_like(lab_of(postcard)) + np.array([0, 10, 25], np.float32)
brown[..., 0] = lab_of(postcard)[..., 0]
sepia, _ = lab_to_bytes(brown)
difference = abs(tc.colorize(sepia, net).astype(int) - tc.colorize(postcard, net)).mean()
print(f"coloured from the brown one, and from the photo: {difference:.1f} of 255 apart on average")

assert not is_grey(sepia)
assert difference < 2

# %% [markdown]
# **It lies on its side.** Cameras often store a photo as they were held, and a note beside it: turn me. `open_image`
# heeds the note. Other programs may not; then the network sees a sky on the left.
#
# **It is huge.** Beside photo and result, colouring needs no more memory for a large photo than for a small one. Above
# 52 million dots `open_image` says no, in a sentence: shrink it first.

# %%
with tempfile.TemporaryDirectory() as folder:
    note = Image.Exif()
    note[0x0112] = 6  # "turn me a quarter to the right"
    Image.fromarray(postcard).save(Path(folder) / "turned.jpg", exif=note)
    turned = tc.open_image(Path(folder) / "turned.jpg")
    Image.new("1", (8000, 7000)).save(Path(folder) / "huge.png")
    try:
        tc.open_image(Path(folder) / "huge.png")
    except tc.ImageError as error:
        refused = error.reason
print(f"stored as {postcard.shape[:2]}, opened as {turned.shape[:2]}; the huge one: {refused}")

assert turned.shape[:2] == postcard.shape[1::-1]
assert "at most" in refused

# %% [markdown]
# **It has scratches.** A white scratch is lightness, and lightness is kept. Mend the scratches first, in any program
# for photos.

# %%
middle = postcard.shape[1] // 2
scratched = postcard.copy()
scratched[:, middle] = 255
print("the scratch, coloured:", np.unique(tc.colorize(scratched, net)[:, middle]))

assert tc.colorize(scratched, net)[:, middle].min() > 250

# %% [markdown]
# ## What you know now
#
# - A photo of any size: a small copy is asked, two small sheets of colour come, and they are laid under its own L*.
# - Stretched colours cost little. Wrong colours cost much.
# - Judge by photos that were never learned from, and beside grey. What was learned by heart looks good anyway.
# - Which side a photo is on is settled by its name, before anybody has looked.
# - More photos first. Then a better question.
#
# And one thing to wonder about: nobody knows any more which colour the dress in the oldest photo of your family had.
# No network can find out. What it paints there is what such dresses had in other photos. Is a picture with likely
# colours truer than a grey one? That is not for a number to say. There is no lesson 23: the rest is your own photos.
#
# **Now you**: `lessons/exercises/22_your_own_photo.py`. You lay small colours under a large L*, and split photos so
# that no network is flattered.

# %%
figures.show()
