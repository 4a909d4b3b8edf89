# SPDX-License-Identifier: Apache-2.0
# Every target first brings .venv up to date with pyproject.toml and constraints.txt.
#   make check [HEURISTIC=FILE.py:CLASS|NAME] [MODEL=...] [BUDGET=...] [DEVICE=...]
#   make test  [ARGS="--thorough"] [JOBS=2]
#   make parity SIMRD=dtr-prototype/simrd   an unmodified simrd, row by row beside ours
#   TORCH=cpu or TORCH=cuda on any of them insists on that build of PyTorch.

PYTHON ?= python3
JOBS ?= 2
VENV := .venv
BIN := $(VENV)/bin
# Threads that spin while they wait slow a shared machine down many times.
export OMP_WAIT_POLICY ?= PASSIVE
export TORCH

.PHONY: parity check test mutants lint notebooks bench reproduce format claims venv clean

check: venv
	$(BIN)/python -m proofs_tests.check \
	  $(if $(HEURISTIC),--heuristic "$(HEURISTIC)") $(if $(MODEL),--model "$(MODEL)") \
	  $(if $(BUDGET),--budget "$(BUDGET)") $(if $(DEVICE),--device "$(DEVICE)")

test: venv
	$(BIN)/pytest proofs_tests -n $(JOBS) --dist worksteal $(ARGS)

mutants: venv
	$(BIN)/python -m proofs_tests.mutants.matrix --jobs $(JOBS)

lint: venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports --no-cache

notebooks: venv
	$(BIN)/python -m proofs_tests.notebooks.execution

reproduce: venv
	$(BIN)/python -m benchmarks.reproduce $(ARGS)

bench: venv
	$(BIN)/python -m benchmarks.overhead
	$(BIN)/python -m benchmarks.checkpoint
	$(BIN)/python -m benchmarks.simulation

parity: venv
	$(BIN)/python -m benchmarks.simrd $(SIMRD) $(ARGS)

format: venv
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

claims: venv
	$(BIN)/python -m proofs_tests.claims --write README.md

venv:
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) not found: install Python 3.11 or newer, or set PYTHON=..."; exit 1; }
	@$(PYTHON) tools/setup_venv.py $(VENV)

clean:
	rm -rf $(VENV) .pytest_cache .ruff_cache .hypothesis
