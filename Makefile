# make demo   lets three networks learn and shows what they can       make test    everything CI checks but PyTorch
PYTHON ?= python3
BIN := .venv/bin
OUT := out
# Two workers with a thread each: with two each, four would spin on two cores, waiting for one another.
PYTEST := env OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist worksteal

.PHONY: demo lessons test wheel parity gpu-test gpu-bench soak lint bench clean

demo: .venv/base
	$(BIN)/tinycolor demo --out $(OUT)/demo

lessons: .venv/base
	for file in lessons/[0-9]*.py lessons/solutions/[0-9]*.py; do echo "== $$file"; $(BIN)/python $$file || exit 1; done

test: lint wheel
	$(PYTEST) -m "not slow and not parity"

# Compares with PyTorch, which is large and needed for nothing else. Only files that speak of parity are read.
parity: .venv/parity
	$(PYTEST) -m parity $$(grep -rl parity tests --include='test_*.py')

# These two need an NVIDIA GPU, and write tests/gpu_results.json; gpu-bench also the figures of lesson 20. CUDA12=1 for a
# driver that has no CUDA 13; then gpu-bench wants a PyTorch for CUDA 12, put into .venv beforehand.
gpu-test: .venv/dev
	$(BIN)/python -m pip install --quiet --editable ".[$(if $(CUDA12),cuda12,cuda13)]"
	$(BIN)/python -m pytest -m gpu --write-gpu-results tests/gpu tests/kernels

gpu-bench: .venv/parity
	mkdir -p $(OUT)
	$(BIN)/python -m pip install --quiet --editable ".[$(if $(CUDA12),cuda12,cuda13)]"
	$(BIN)/tinycolor bench --device gpu --json $(OUT)/gpu_bench.json
	$(BIN)/python tests/gpu/results.py $(OUT)/gpu_bench.json
	$(BIN)/python -m tinycolor.bench.gpu_feed
	$(BIN)/python lessons/20_on_the_gpu.py --record

soak: .venv/dev
	$(BIN)/python -m pytest -m slow

lint: .venv/dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

wheel: .venv/dev
	$(BIN)/python tests/smoke_wheel.py

# OPENBLAS_* variables hold NumPy to a slower kernel on some machines: without them here, and only here.
bench: .venv/parity
	mkdir -p $(OUT)
	env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE $(BIN)/tinycolor bench --json $(OUT)/bench.json

clean:
	rm -rf .venv $(OUT) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis

# Dependency groups need a pip of 2025 or later.
.venv/pip:
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	touch $@

.venv/base: .venv/pip pyproject.toml
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

.venv/dev: .venv/base
	$(BIN)/python -m pip install --quiet --group dev
	touch $@

.venv/parity: .venv/dev
	$(BIN)/python -m pip install --quiet --group parity
	touch $@
