"""`VllmPolicy`: sampling through vLLM, one `generate` for each call of the protocol."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tts_lib.answers.protocols import FINISH_END, FINISH_LENGTH, FINISH_STEP, SampleRequest, Samples, Sampling
from tts_lib.common.errors import StudyError
from tts_lib.engines.checks import check_sample_requests, check_sampling, check_served_temperature
from tts_lib.engines.randomness import GOLDEN
from tts_lib.engines.vllm.engine import Engine, imported
from tts_lib.engines.vllm.settings import DEFAULT, VllmSettings
from tts_lib.models import folder as model_folder
from tts_lib.models.adapter import AdapterInfo, check_base
from tts_lib.models.folder import FolderError
from tts_lib.models.source import resolve

LORA_RANKS = (8, 16, 32, 64, 128, 256, 320, 512)  # sizes that vLLM reserves
SEED_BITS = np.uint64(2**63 - 1)  # vLLM's seeds are int64, and it takes -1 for none


class VllmPolicy(Engine):
    """A policy (`tts_lib.answers.protocols.Policy`) through vLLM.

    Each sample is one vLLM request with its own seed (vLLM would derive the seeds of n samples of one request from
    their number); prefix caching shares the prefix. A sample depends on its seed and on the prefix only, up to
    rounding: other neighbours in the batch, or a prefix found in the cache, may change the last bits of the logits, and
    where two tokens are as good as tied, the token. In fp32 on a CPU none of 1,000 samples changed with the order of
    the requests, with the batch or in a new engine. On another platform the same seed gives another sample.
    """

    def __init__(
        self,
        model: str | Path,
        revision: str | None = None,
        settings: VllmSettings = DEFAULT,
        *,
        adapter: Path | None = None,
        stop: str | None = None,
        end: str | None = None,
        progress: bool = False,
    ) -> None:
        """Load a policy.

        Args:
            model: a model folder, or the name of a Hugging Face model.
            revision: the commit of a Hugging Face model, 40 hexadecimal digits.
            settings: how vLLM runs it.
            adapter: folder of LoRA weights that are added to the model's.
            stop: text that closes a step; None: the newline token, which the models of this project have.
            end: text that ends a sample, which holds it (see `tts_lib.engines.ending`); None: the end token alone.
            progress: show a progress bar for each call.

        Raises:
            FolderError: the model or adapter lacks something, or the adapter belongs on another model.
            StudyError: see `resolve`; or vLLM is not installed or cannot load the model.
        """
        info = None if adapter is None else check_base(adapter, resolve(model, revision).folder)
        super().__init__(
            model,
            revision,
            settings,
            enable_prefix_caching=True,
            logprobs_mode="raw_logprobs",
            **({} if info is None else _lora_options(info)),
        )
        self.progress, self._stop, self._end, self._lora = progress, stop, end, None
        self._step_token = None if stop is not None else _newline_token(self.source.folder)
        if stop is not None:
            self.version += f":stop={stop!r}"
        if adapter is not None and info is not None:
            self._lora = imported("vllm.lora.request").LoRARequest("adapter", 1, str(adapter))
            self.version += f":adapter={info.hash}"

    def sample(self, requests: Sequence[SampleRequest], sampling: Sampling) -> list[Samples]:
        """Samples of each request, in one call of vLLM for all of them.

        Raises:
            ValueError: a setting or request out of range, or a temperature that vLLM would raise to 0.01.
            StudyError: no step can be recognised, or vLLM fails.
        """
        check_sampling(sampling)
        check_sample_requests(requests, self.vocab_size, self.window)
        check_served_temperature(sampling.temperature)
        if sampling.until == "step" and self._stop is None and self._step_token is None:
            raise StudyError(
                f"the tokenizer of {self.source.folder} has no token for the newline, so a step has no end; "
                "give the text that closes a step (stop)"
            )
        seeds = [seed for request in requests for seed in request.seeds]
        outputs = []
        if seeds:
            prefixes = [request.prefix for request in requests for _ in request.seeds]
            settings = [self._settings(sampling, seed) for seed in seeds]
            outputs = self.run("generate", prefixes, settings, use_tqdm=self.progress, lora_request=self._lora)
        drawn = iter(output.outputs[0] for output in outputs)
        return [self._joined([next(drawn) for _ in request.seeds], sampling.logprobs) for request in requests]

    def _settings(self, sampling: Sampling, seed: np.uint64) -> Any:
        by_text = sampling.until == "step" and self._stop is not None
        by_token = sampling.until == "step" and not by_text
        stops = [text for text in (self._stop if by_text else None, self._end) if text is not None]
        return self._vllm.SamplingParams(
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            max_tokens=sampling.max_tokens,
            seed=_int64_seed(seed),
            stop=stops or None,
            include_stop_str_in_output=True,
            stop_token_ids=[self._step_token] if by_token else None,
            detokenize=bool(stops),
            logprobs=0 if sampling.logprobs else None,  # the chosen token's only
            flat_logprobs=True,
        )

    def _joined(self, drawn: list[Any], logprobs: bool) -> Samples:
        """The samples of one request from the outputs of vLLM."""
        tokens = [np.array(output.token_ids, np.int32) for output in drawn]
        log_p = [np.array(output.logprobs.logprobs, np.float32) for output in drawn] if logprobs else []
        return Samples(
            tokens=np.concatenate([np.zeros(0, np.int32), *tokens]),
            offsets=np.cumsum([0, *map(len, tokens)], dtype=np.int64),
            finish=np.array([self._finish(output) for output in drawn], np.uint8),
            logprobs=np.concatenate([np.zeros(0, np.float32), *log_p]) if logprobs else None,
        )

    def _finish(self, output: Any) -> int:
        if output.finish_reason == "length":
            return FINISH_LENGTH
        if output.finish_reason != "stop":
            raise StudyError(f"vLLM ended a sample for the unknown reason {output.finish_reason!r}")
        # The reason is the text or token that stopped it; for the first of the model's end tokens there is none.
        is_step = output.stop_reason is not None and output.stop_reason in (self._stop, self._step_token)
        return FINISH_STEP if is_step else FINISH_END


def _int64_seed(seed: np.uint64) -> int:
    """Mix the bits of a seed: the generator of torch on a CPU looks at the lower 32 only.

    Two of 512 samples of a prefix then share their seed, and are the same sample, with probability 3e-5.
    """
    with np.errstate(over="ignore"):
        mixed = seed * GOLDEN
    return int((mixed ^ (mixed >> np.uint64(32))) & SEED_BITS)


def _newline_token(folder: Path) -> int | None:
    try:
        return model_folder.step_token(folder)
    except FolderError:
        return None


def _lora_options(adapter: AdapterInfo) -> dict[str, Any]:
    """What vLLM must know of LoRA weights before it loads the model."""
    fitting = [size for size in LORA_RANKS if adapter.rank <= size]
    if not fitting:
        raise FolderError(f"the adapter has rank {adapter.rank}; vLLM allows 1 to {LORA_RANKS[-1]}")
    return {"enable_lora": True, "max_lora_rank": fitting[0], "max_loras": 1}
