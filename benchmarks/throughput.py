"""Generated tokens per second and core: the native engine against `transformers` generate, on the same models.

    python benchmarks/throughput.py models/base models/large --prompts data/problems-test.parquet --output out.json

Without folders, two random models of the study's sizes are made. Both engines sample the same number
of solutions for the same prompts, at the same temperature and with the same stop rule; only tokens up
to and including the end token count. `transformers` gets the batch size that is best for it. The
figures are per second of wall time and, for a machine that does other things too, per second of
processor time. The share of the peak is what the tokens' matrix products would take if each sample were
computed alone: the native engine computes what samples share once, so that it may exceed 100%.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

MALLOC = {  # without these, page faults make torch several times slower
    "MALLOC_MMAP_THRESHOLD_": "4294967296",
    "MALLOC_TRIM_THRESHOLD_": "4294967296",
    "MALLOC_TOP_PAD_": "268435456",
}
RANDOM_MODELS = {"base": (4, 64, 2, 128), "large": (5, 192, 6, 544)}  # layers, width, heads, MLP width
VOCAB, WINDOW = 131, 128
BATCH_SIZES = (64, 256, 1024, 4096)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path, help="model folders; default: two random models")
    parser.add_argument("--prompts", type=Path, help="Parquet table with a column `problem`; default: random tokens")
    parser.add_argument("--n-prompts", type=int, default=200)
    parser.add_argument("--n-samples", type=int, default=64)
    parser.add_argument("--max-tokens", type=int, default=64)
    parser.add_argument("--temperature", type=float, default=0.8)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--peer-prompts", type=int, help="prompts that transformers serves; default: all of them")
    parser.add_argument("--output", type=Path, default=Path("throughput.json"))
    options = parser.parse_args()
    if any(os.environ.get(name) != value for name, value in MALLOC.items()):
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | MALLOC)

    import torch

    torch.set_num_threads(options.threads)
    result = {"threads": options.threads, "peak_gflops_per_core": peak() / options.threads, "models": {}}
    print(f"matrix products: {result['peak_gflops_per_core']:.0f} GFLOP/s per core")
    with tempfile.TemporaryDirectory() as scratch:
        random = {Path(scratch) / name: sizes for name, sizes in RANDOM_MODELS.items()}
        for folder in options.folders or [random_model(path, *sizes) for path, sizes in random.items()]:
            result["models"][folder.name] = compare(folder, options, result["peak_gflops_per_core"])
    options.output.write_text(json.dumps(result, indent=2) + "\n")


def compare(folder: Path, options: argparse.Namespace, peak_gflops: float) -> dict:
    """All figures of one model; rates are per core."""
    from tts_lib.models.folder import read_config

    config = read_config(folder)
    prompts = read_prompts(folder, options)
    flops = flops_per_token(config, float(np.mean([len(prompt) for prompt in prompts])) + options.max_tokens / 2)
    native = native_rates(folder, prompts, options)
    n_peer = options.peer_prompts or len(prompts)
    tries = {}
    for batch_size in BATCH_SIZES:
        n_tried = min(len(prompts), max(1, batch_size // options.n_samples))
        tries[batch_size] = generate_rates(folder, prompts[:n_tried], options, batch_size)
        print(f"{folder.name}: transformers, batch {batch_size}: {tries[batch_size]['per_cpu_second']:,.0f} tokens/s")
    best = max(tries, key=lambda batch_size: tries[batch_size]["per_cpu_second"])
    peer = generate_rates(folder, prompts[:n_peer], options, best)
    row = {
        "native": native,
        "transformers": peer | {"batch_size": best, "prompts": n_peer},
        "transformers_by_batch_size": tries,
        "flops_per_token": flops,
        "native_share_of_peak": native["per_cpu_second"] * flops / 1e9 / peak_gflops,
        "ratio": native["per_second"] / peer["per_second"],
        "ratio_of_cpu_seconds": native["per_cpu_second"] / peer["per_cpu_second"],
    }
    print(
        f"{folder.name}: native {native['per_second']:,.0f} tokens/s per core ({native['per_cpu_second']:,.0f} per "
        f"processor second, {row['native_share_of_peak']:.0%} of the peak if none were shared), "
        f"transformers {peer['per_second']:,.0f} "
        f"({peer['per_cpu_second']:,.0f}): {row['ratio']:.1f}x ({row['ratio_of_cpu_seconds']:.1f}x)"
    )
    return row


def native_rates(folder: Path, prompts: list[np.ndarray], options: argparse.Namespace, n_repeats: int = 3) -> dict:
    """The best of some runs over all prompts, after one that loads the compiled code."""
    from tts_lib.answers.protocols import SampleRequest, Sampling
    from tts_lib.engines.native.engine import NativePolicy

    policy = NativePolicy(folder, n_threads=options.threads)
    seeds = np.random.default_rng(0).integers(0, 2**63, (len(prompts), options.n_samples)).astype(np.uint64)
    requests = [SampleRequest(prompt, mine) for prompt, mine in zip(prompts, seeds, strict=True)]
    sampling = Sampling(options.temperature, 1.0, options.max_tokens, "end")
    policy.sample(requests[:1], sampling)
    runs = []
    for _ in range(n_repeats):
        with Stopwatch() as watch:
            n_tokens = sum(len(samples.tokens) for samples in policy.sample(requests, sampling))
        runs.append(watch.rates(n_tokens, options.threads))
    return max(runs, key=lambda run: run["per_cpu_second"])


def generate_rates(folder: Path, prompts: list[np.ndarray], options: argparse.Namespace, batch_size: int) -> dict:
    """`transformers` generate over all samples of these prompts."""
    import torch
    import transformers

    model: Any = transformers.AutoModelForCausalLM.from_pretrained(folder)
    end = model.config.eos_token_id
    rows = [prompt for prompt in prompts for _ in range(options.n_samples)]
    torch.manual_seed(0)
    n_tokens = 0
    with Stopwatch() as watch:
        for start in range(0, len(rows), batch_size):
            batch = rows[start : start + batch_size]
            longest = max(len(row) for row in batch)
            tokens = torch.full((len(batch), longest), end)
            mask = torch.zeros_like(tokens)
            for i, row in enumerate(batch):
                tokens[i, longest - len(row) :] = torch.from_numpy(row.astype(np.int64))
                mask[i, longest - len(row) :] = 1
            out = model.generate(
                tokens,
                attention_mask=mask,
                do_sample=True,
                temperature=options.temperature,
                top_k=0,
                top_p=1.0,
                max_new_tokens=options.max_tokens,
                pad_token_id=end,
            )[:, longest:]
            ended = (out == end).int()
            n_tokens += int((ended.cumsum(1) - ended == 0).sum())  # up to and including the first end token
    return watch.rates(n_tokens, options.threads)


class Stopwatch:
    """Wall and processor seconds of a block."""

    def __enter__(self) -> "Stopwatch":
        self.wall, self.cpu = -time.perf_counter(), -time.process_time()
        return self

    def __exit__(self, *error: object) -> None:
        self.wall += time.perf_counter()
        self.cpu += time.process_time()

    def rates(self, n_tokens: int, n_threads: int) -> dict:
        return {
            "tokens": n_tokens,
            "seconds": self.wall,
            "per_second": n_tokens / self.wall / n_threads,
            "per_cpu_second": n_tokens / self.cpu,
        }


def flops_per_token(config, n_positions: float) -> float:
    """2 per weight of the matrices, and 4 per position, layer and channel of attention."""
    block = 4 * config.width**2 + 3 * config.width * config.width_mlp
    attention = 4 * config.n_layers * n_positions * config.width
    return 2 * (config.n_layers * block + config.vocab_size * config.width) + attention


def peak(size: int = 1024, n_repeats: int = 30) -> float:
    """GFLOP/s of the machine's fp32 matrix product on the threads in use, best of some."""
    import torch

    a, b = torch.randn(size, size), torch.randn(size, size)
    fastest = np.inf
    for _ in range(n_repeats):
        with Stopwatch() as watch:
            torch.mm(a, b)
        fastest = min(fastest, watch.wall)
    return 2 * size**3 / fastest / 1e9


def read_prompts(folder: Path, options: argparse.Namespace) -> list[np.ndarray]:
    """Token ids of the prompts; random ones of 12 to 30 tokens without a table."""
    if options.prompts is None:
        rng = np.random.default_rng(1)
        return [rng.integers(2, VOCAB, rng.integers(12, 31)).astype(np.int32) for _ in range(options.n_prompts)]
    import pandas as pd
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    texts = pd.read_parquet(options.prompts)["problem"].head(options.n_prompts)
    return [np.array(tokenizer.encode(text).ids, np.int32) for text in texts]


def random_model(folder: Path, n_layers: int, width: int, n_heads: int, width_mlp: int) -> Path:
    """A folder with random weights; its samples end with probability 1/131 a token."""
    from tokenizers import Tokenizer, models

    from tts_lib.models.folder import ModelConfig, write

    config = ModelConfig(VOCAB, n_layers, width, n_heads, width_mlp, WINDOW, 10_000.0, 1e-5, 1, False)
    rng = np.random.default_rng(0)
    state = {
        name: np.ones(shape, np.float32) if len(shape) == 1 else rng.normal(0, 0.02, shape).astype(np.float32)
        for name, shape in config.tensor_shapes().items()
    }
    words = {"\n": 0, "<end>": 1} | {f"t{i}": i for i in range(2, VOCAB)}
    write(folder, config, state, Tokenizer(models.WordLevel(words, unk_token="<end>")), "# A random model\n")
    return folder


if __name__ == "__main__":
    main()
