"""One training as far as it has come: its place in the data, its loss curve, and the file it goes on from after a kill.

A run has a folder of its own, named by all that its result depends on. There lies its state while it is under way, and
when it has ended its result: a run found finished is not done again, one found unfinished goes on to the weights that
it would have had.
"""

import math
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from tts_lib.common.errors import StudyError
from tts_lib.common.files import WriteError, alone, replacing_file

RESUME = "resume.safetensors"
STEM = "stem.safetensors"
LOCK = "run.lock"
CURVE = ("step", "tokens", "loss", "validation")
SLOTS = ("step", "exp_avg", "exp_avg_sq")  # of AdamW, for each parameter

Curve = dict[str, list[float]]
Groups = dict[str, dict[str, Tensor]]


def completed(folder: Path, name: str, title: str, train: Callable[[], None]) -> Path:
    """The file `name` that holds the result of the folder's run; `train` is to write it, unless it is there.

    Another study that is training the same run is waited for, and what it found taken.

    Args:
        title: says to those who wait what is trained.

    Raises:
        WriteError: disk full, no permission, ...
    """
    result = folder / name
    if not result.exists():
        with alone(folder / LOCK, title):
            if not result.exists():
                for path in folder.glob(".*"):
                    if path.is_file():  # half-written when an earlier process was killed: no other file here is hidden
                        path.unlink()
                train()
    (folder / RESUME).unlink(missing_ok=True)
    return result


class Run:
    """Counts steps, keeps the loss curve, and writes both down with the tensors of model and optimizer.

    Attributes:
        n_steps: steps done.
        n_tokens: tokens seen in them.
        curve: CURVE, one value for each evaluation: steps done, tokens seen, training loss since the last one,
            validation loss; losses in nats per unit of weight.
    """

    def __init__(
        self, folder: Path, title: str, parameters: Mapping[str, Tensor], adamw: torch.optim.AdamW, rates: str
    ):
        """A run at its start.

        Args:
            folder: where it has its file; its name says whose file that is.
            title: says in messages what is trained.
            parameters: what is trained, by name.
            adamw: the optimizer of all of them, or of some.
            rates: names the settings to lower when the loss is no number.
        """
        self.n_steps = self.n_tokens = 0
        self.curve: Curve = {name: [] for name in CURVE}
        self._folder, self._title, self._rates = folder, title, rates
        self._parameters, self._adamw = parameters, adamw
        self._loss = self._weight = 0.0  # sums since the last evaluation
        self._written_at = time.monotonic()

    def count(self, loss: float, weight: float, n_tokens: int) -> None:
        """Take note of a step: its loss (nats) and the weight of its tokens, both summed.

        Raises:
            StudyError: the loss is not finite.
        """
        self.n_steps += 1
        self.n_tokens += n_tokens
        self._must_be_finite(f"the loss of step {self.n_steps}", loss)
        self._loss += loss
        self._weight += weight

    def evaluated(self, loss: float, weight: float) -> bool:
        """Take note of a validation, summed alike, and say whether its loss is the lowest so far.

        Raises:
            StudyError: the loss is not finite, or no token has weight.
        """
        if not weight:
            raise StudyError(f"{self._title}: validation has no token with weight; give more examples")
        validation = loss / weight
        self._must_be_finite(f"the validation loss after step {self.n_steps}", validation)
        is_lowest = validation < min(self.curve["validation"], default=math.inf)
        values = (self.n_steps, self.n_tokens, self._loss / self._weight, validation)
        for name, value in zip(CURVE, values, strict=True):
            self.curve[name].append(float(value))
        self._loss = self._weight = 0.0
        return is_lowest

    def is_due(self, seconds: float) -> bool:
        """Whether the state was last written longer ago than that."""
        return time.monotonic() - self._written_at > seconds

    def leave_stem(self, **more: Mapping[str, Tensor]) -> None:
        """Write the state, unless it was, for a run that goes on from here."""
        if not (self._folder / STEM).exists():
            self._write(self._folder / STEM, more)

    def write(self, **more: Mapping[str, Tensor]) -> None:
        """Write the state, with whatever else the training needs to go on.

        Raises:
            WriteError: see `write_tensors`.
        """
        self._write(self._folder / RESUME, more)
        self._written_at = time.monotonic()

    def _write(self, path: Path, more: Mapping[str, Mapping[str, Tensor]]) -> None:
        slots = {
            f"{slot}.{name}": value
            for name, p in self._parameters.items()
            for slot, value in self._adamw.state.get(p, {}).items()
        }
        place = {"steps": self.n_steps, "tokens": self.n_tokens, "loss": self._loss, "weight": self._weight}
        groups = {
            "model": self._parameters,
            "adamw": slots,
            "curve": {name: torch.tensor(values, dtype=torch.float64) for name, values in self.curve.items()},
            "place": {name: torch.tensor(value, dtype=torch.float64) for name, value in place.items()},
            **more,
        }
        state = {f"{group}.{name}": tensor for group, named in groups.items() for name, tensor in named.items()}
        write_tensors(path, state, _owner(path))

    def take_up(self, stem: Path | None = None) -> Groups:
        """Go on from the state that an earlier process wrote, if one did; what it wrote more is returned by group.

        Args:
            stem: what a shorter run of the same settings left, to begin with.

        Raises:
            StudyError: the file is damaged, or of another run.
        """
        groups: Groups = defaultdict(dict)
        path = next((each for each in (self._folder / RESUME, stem) if each is not None and each.exists()), None)
        if path is None:
            return groups
        for key, tensor in read_tensors(path, _owner(path)).items():
            group, _, name = key.partition(".")
            groups[group][name] = tensor
        try:
            self._put_back(groups.pop("model"), groups.pop("adamw"))
            curve, place = groups.pop("curve"), {name: value.item() for name, value in groups.pop("place").items()}
            self.curve = {name: curve[name].tolist() for name in CURVE}
            self.n_steps, self.n_tokens = int(place["steps"]), int(place["tokens"])
            self._loss, self._weight = place["loss"], place["weight"]
        except (LookupError, ValueError, RuntimeError) as error:
            raise damaged(path) from error
        return groups

    def _put_back(self, weights: dict[str, Tensor], slots: dict[str, Tensor]) -> None:
        if {n: t.shape for n, t in weights.items()} != {n: p.shape for n, p in self._parameters.items()}:
            raise ValueError("parameters of another model")
        with torch.no_grad():
            for name, p in self._parameters.items():
                p.copy_(weights[name])
        names = {p: name for name, p in self._parameters.items()}
        of_adamw = [names[p] for group in self._adamw.param_groups for p in group["params"]]
        state = {
            i: {slot: slots[f"{slot}.{name}"] for slot in SLOTS}
            for i, name in enumerate(of_adamw)
            if f"step.{name}" in slots  # a parameter without a gradient so far has none
        }
        self._adamw.load_state_dict(self._adamw.state_dict() | {"state": state})

    def _must_be_finite(self, what: str, value: float) -> None:
        if not math.isfinite(value):
            raise StudyError(f"{self._title}: {what} is {value}; lower {self._rates}")


def _owner(path: Path) -> dict[str, str]:
    """Whose state a file is: the run's that its folder is named for."""
    return {"run": path.parent.name}


def write_tensors(path: Path, tensors: Mapping[str, Tensor], owner: dict[str, str] | None = None) -> None:
    """Write a safetensors file, whole or not at all, and flushed.

    Raises:
        WriteError: disk full, no permission, ...
    """
    try:
        with replacing_file(path) as temporary:
            save_file({name: tensor.detach().contiguous() for name, tensor in tensors.items()}, temporary, owner)
    except SafetensorError as error:  # what the file system said is in its text
        raise WriteError(f"cannot write {path}: {error}; free space on the disk, and run again") from error


def read_tensors(path: Path, owner: dict[str, str] | None = None) -> dict[str, Tensor]:
    """What `write_tensors` wrote.

    Raises:
        StudyError: the file is damaged, or of another owner.
    """
    try:
        with safe_open(path, "pt") as file:
            if file.metadata() == owner:
                return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise damaged(path) from error
    raise damaged(path)


def damaged(path: Path) -> StudyError:
    """What to say of a run's file that cannot be used."""
    return StudyError(
        f"{path} is damaged, or of another run or version; delete its folder, and the training starts afresh"
    )
