"""Is the nano world that params.yaml names one to study in: `python benchmarks/world.py` (40 minutes on 2 cores).

Trains the base on it, the other sizes of `ladder` and `models.large`, the base on fewer and on more tokens and with
other seeds of world and weights, and for each seed of the base a PRM as `verifier.trained` says, and says
what a world must meet beside what was found:

1. smooth: greedy accuracy over sizes and over tokens rises without a step of more than 15 points;
2. room at both ends: the base's pass@1 at its best temperature is 25-45%, its easiest fifth of the questions at least
   75%, its hardest at most 8%; the large model's greedy accuracy is 55-80%; no subject is at 0 or 100% for the base;
3. verifying is easier than generating, for every seed: the PRM's weighted vote over 64 samples is at least 4 points
   above their majority, and at most 1% of the answers are right by chance, with a step that is wrong;
4. stable: over seeds, pass@1 and the weighted vote have a standard deviation of at most 3 points;
and whether every base checks its guesses honestly (`pretrain.dishonest`). All of it on validation questions.
With --short (8 minutes) the base and the smallest model of the ladder only, one seed, without a PRM; the mark reader,
a verifier without a model that believes what the steps say, stands in both tables.
"""

import argparse
import json
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from random import Random

import numpy as np
import pandas as pd

from tts_lib.answers import grid as grids
from tts_lib.answers import pools
from tts_lib.answers.protocols import Sampling
from tts_lib.answers.question_table import QuestionTable
from tts_lib.common import examples, rng
from tts_lib.common.examples import Examples
from tts_lib.engines.native.engine import NativePolicy, NativeVerifier
from tts_lib.estimators import subsets
from tts_lib.models import tokenizer
from tts_lib.models.tokenizer import TokenCodec
from tts_lib.questions.nano.corpus import Noise, pretraining_texts
from tts_lib.questions.nano.tables import Recipe, honesty, question_table, right_and_read
from tts_lib.questions.nano.world import END
from tts_lib.study.config import loading
from tts_lib.study.config.nano import Shape
from tts_lib.study.config.study import Study
from tts_lib.training import policies, sizes
from tts_lib.training.corpus import build_corpus
from tts_lib.training.loop import Training
from tts_lib.verifiers import labels, rollouts, scoring

N_QUESTIONS = 400  # of validation
N_SAMPLES = 64
TEMPERATURES = (0.3, 0.5, 0.8)
TOKEN_SHARES = (0.5, 0.7, 1.4, 2.0)  # of corpus.tokens
N_SEEDS = 3
CORES = 2
BASE, LARGE = "base", "large"
HONESTY = ("untrue_images", "misses_as_hits")


@dataclass(frozen=True)
class Run:
    """One model of the table: what it is called, its sizes, its corpus and its seed."""

    name: str
    shape: Shape
    tokens: int
    seed: int
    has_prm: bool = False


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--params", type=Path, default=Path("params.yaml"), help="the study whose world is measured")
    parser.add_argument("--short", action="store_true", help="the base and the smallest of the ladder, one seed")
    parser.add_argument("--output", type=Path, default=Path("world.json"))
    options = parser.parse_args()
    study = loading.load(options.params)
    with tempfile.TemporaryDirectory() as scratch, ThreadPoolExecutor(CORES) as cores:  # trainings are processes
        waiting = [cores.submit(measured, study, run, Path(scratch) / run.name) for run in runs(study, options.short)]
        rows = [each.result() for each in waiting]
    options.output.write_text(json.dumps(rows, indent=2) + "\n")
    print(pd.DataFrame(rows).drop(columns=["quintiles", "subjects"]).set_index("model").T.round(3).to_string())
    print("\n".join(f"{'met  ' if met else 'FAILS'} {what}" for what, met in judged(rows)))


def runs(study: Study, short: bool) -> list[Run]:
    """The longest first, so that both cores are busy to the end."""
    assert study.corpus
    tokens, shape = study.corpus.tokens, study.models["base"]
    ladder = [Run(name, each, tokens, study.seed) for name, each in study.ladder.items()]
    if short:
        return [*ladder[:1], Run(BASE, shape, tokens, study.seed)]
    seeds = [
        Run(f"{BASE}, seed {seed}", shape, tokens, seed, True) for seed in range(study.seed + 1, study.seed + N_SEEDS)
    ]
    other = [Run(f"{BASE}, {share:g}x tokens", shape, round(share * tokens), study.seed) for share in TOKEN_SHARES]
    large = Run(LARGE, study.models["large"], tokens, study.seed)
    found = [large, Run(BASE, shape, tokens, study.seed, True), *ladder, *seeds, *other]
    return sorted(found, key=lambda run: run.tokens * run.shape.width * (2 + run.has_prm), reverse=True)


def measured(study: Study, run: Run, folder: Path) -> dict:
    """A row of the table."""
    recipe, corpus, validation, codec = made(study, run)
    settings = study.pretrain
    assert settings
    rates = settings.model_dump(include={"batch_tokens", "lr_muon", "lr_adamw"})
    training = Training(n_epochs=1, dropout=0.0, shards=1, seed=run.seed, **rates)
    words = tokenizer.build(recipe.world().vocabulary)
    material = sizes.Material(corpus, validation, words, codec.encode([END])[0].item(), settings.max_length)
    place = folder / "model"
    goes = {len(corpus.tokens): place}
    (trained,) = sizes.make(material, dict(run.shape), training, goes, folder / "checkpoints", run.name)
    row = {"model": run.name, "parameters": material.shape(dict(run.shape)).n_params_block, "tokens": run.tokens}
    row["loss"] = trained.curve["validation"][-1]
    return row | answered(study, run, recipe, folder, codec)


def made(study: Study, run: Run) -> tuple[Recipe, Examples, Examples, TokenCodec]:
    """The recipe, corpus, validation corpus and codec of a run, as notebook 1 makes them."""
    p, c = study.problems["nano"], study.corpus
    assert c and study.pretrain
    sizes = {"test": p.n_test, "val": N_QUESTIONS, "train": p.n_train}
    recipe = Recipe(
        run.seed, p.n_maps, p.n_values, p.zipf_offset, {**p.subjects}, p.hops, sizes, p.fact_octaves
    )  # fmt: skip
    taken = {q.problem for q in recipe.by_id().values()}
    noise = Noise(c.wrong_guess, c.retry, c.astray, c.careless)
    mixture = recipe.corpus_mixture(c.subjects, c.hops, c.fact_octaves)
    random = Random(int(rng.derive_seed("corpus", run.seed)))
    codec = TokenCodec(tokenizer.build(recipe.world().vocabulary))
    texts = pretraining_texts(recipe.world(), mixture, noise, taken, random, c.checks)
    corpus, validation, _ = build_corpus(texts, codec, run.tokens, c.validation_tokens, study.pretrain.max_length)
    return recipe, corpus, validation, codec


def answered(study: Study, run: Run, recipe: Recipe, folder: Path, codec: TokenCodec) -> dict:
    """What the model answers to the validation questions."""
    assert study.sampling
    policy, world, questions = NativePolicy(folder / "model", n_threads=1), recipe.world(), recipe.questions()["val"]
    table = question_table(world, "val", questions)
    asked, by_id = QuestionTable(table, codec), recipe.by_id()
    most, ids, key = study.sampling.max_tokens, table["question_id"].tolist(), (run.seed, "base")
    greedy = pools.sample_pool(policy, asked, 1, Sampling(0.0, 1.0, most, "end"), key)
    row: dict = {"greedy": float((greedy["verdict"] == "correct").mean())}
    for temperature in TEMPERATURES:
        pool = pools.sample_pool(policy, asked, N_SAMPLES, Sampling(temperature, 1.0, most, "end"), key)
        row[f"pass@1, T {temperature}"] = float((pool["verdict"] == "correct").mean())
        if row[f"pass@1, T {temperature}"] == max(row.get(f"pass@1, T {t}", 0.0) for t in TEMPERATURES):
            rate = grids.grid(pool, ids).correct.mean(axis=1)
            row["quintiles"] = [float(part.mean()) for part in np.array_split(np.sort(rate)[::-1], 5)]
            row["subjects"] = pd.Series(rate).groupby(table["subject"].to_numpy()).mean().to_dict()
    pool = pools.sample_pool(policy, asked, N_SAMPLES, _sampling(study), key)
    grid, right = grids.grid(pool, ids), (pool["verdict"] == "correct").to_numpy()
    row["pass@1"] = float(right.mean())
    truly, reads = right_and_read(world, by_id, pool)
    weights: dict = {"majority": None, "marks": grid.spread(reads + 1e-3)}
    if run.has_prm:
        prm = NativeVerifier(trained_prm(study, run, recipe, folder, codec), n_threads=1)
        scores = scoring.aggregated(scoring.step_scores(prm, asked, pool))["last"]
        weights["prm"] = grid.spread(scores.astype(float))
    votes = subsets.vote(grid.correct, grid.answers, weights, [N_SAMPLES], rng.generator("world", run.seed))
    row |= {f"{name}@{N_SAMPLES}": float(vote.accuracy.mean()) for name, vote in votes.items()}
    row[f"any@{N_SAMPLES}"] = float(grid.correct.any(axis=1).mean())
    row[f"any@{N_SAMPLES}, every step right"] = float(grid.spread(truly & right).any(axis=1).mean())
    row["right by chance"] = float((right & ~truly).mean())
    row["no answer"] = float((pool["verdict"] == "no_answer").mean())
    honest = honesty(world, pool["text"]).set_index("map").loc["all"]
    return row | {name: float(honest[name]) for name in HONESTY}


def _sampling(study: Study) -> Sampling:
    assert study.sampling
    return Sampling(study.sampling.temperature, study.sampling.top_p, study.sampling.max_tokens, "end")


def trained_prm(study: Study, run: Run, recipe: Recipe, folder: Path, codec: TokenCodec) -> Path:
    """The folder of a PRM, trained as notebook 4 trains it."""
    assert study.verifier and study.verifier.trained
    settings = study.verifier.trained
    policy, sampling = NativePolicy(folder / "model", n_threads=1), _sampling(study)
    train = question_table(recipe.world(), "train", recipe.questions()["train"])
    known = QuestionTable(train, codec)
    first = pools.sample_pool(policy, known, settings.samples, sampling, (run.seed, "base"))
    labelled, _ = rollouts.label_steps(policy, known, first, settings.rollouts, sampling, (run.seed, "base"))
    solutions = first.merge(labelled, on=["question_id", "sample"])
    held_out = examples.held_out(train["question_id"].tolist(), settings.validation_share)
    is_held_out = solutions["question_id"].isin(held_out)
    parts = [labels.prm_examples(train, part, codec) for part in (solutions[~is_held_out], solutions[is_held_out])]
    rates = settings.model_dump(include={"batch_tokens", "lr_muon", "lr_adamw", "dropout"})
    training = Training(n_epochs=settings.epochs, shards=1, seed=run.seed, **rates)
    trained = policies.train_verifier(folder / "model", *parts, training, folder / "checkpoints", f"PRM of {run.name}")
    words = tokenizer.build(recipe.world().vocabulary)
    policies.save_verifier(folder / "prm", trained, folder / "model", words, run.name)
    return folder / "prm"


def judged(rows: list[dict]) -> list[tuple[str, bool]]:
    """What a world must meet, beside what was found, and whether it is met; what was not measured is left out."""
    (base,) = (row for row in rows if row["model"] == BASE)
    seeds = [row for row in rows if row["tokens"] == base["tokens"] and row["parameters"] == base["parameters"]]
    sizes = [base, *(row for row in rows if row["parameters"] != base["parameters"])]
    tokens = [base, *(row for row in rows if row["tokens"] != base["tokens"])]
    best = max(base[f"pass@1, T {t}"] for t in TEMPERATURES)
    axes = (("parameters", sizes), ("tokens", tokens))
    steps = [_at_most(f"1. largest step over {axis}", _step(on, axis), 0.15) for axis, on in axes if len(on) > 1]
    found = [
        *steps,
        _at_least("2. pass@1 of the base", best, 0.25),
        _at_most("2. pass@1 of the base", best, 0.45),
        _at_least("2. easiest fifth of the base", base["quintiles"][0], 0.75),
        _at_most("2. hardest fifth of the base", base["quintiles"][-1], 0.08),
        _at_least("2. subject the base is worst at", min(base["subjects"].values()), 0.01),
        _at_most("2. subject the base is best at", max(base["subjects"].values()), 0.99),
        _at_most("3. answers right by chance, most of the seeds", max(row["right by chance"] for row in seeds), 0.01),
    ]
    for row in rows:
        if row["model"] == LARGE:
            found += [
                _at_least("2. large, greedy", row["greedy"], 0.55),
                _at_most("2. large, greedy", row["greedy"], 0.8),
            ]
    if all("prm@64" in row for row in seeds):
        gain = min(row["prm@64"] - row["majority@64"] for row in seeds)
        found.append(_at_least("3. PRM's vote over majority, least of the seeds", gain, 0.04))
    for name in ("pass@1", "prm@64"):
        if len(seeds) > 1:
            spread = float(np.std([row[name] for row in seeds], ddof=1))
            found.append(_at_most(f"4. standard deviation of {name} over the seeds", spread, 0.03))
    found += [_at_most(f"gate: {name}", max(row[name] for row in seeds), 0.01) for name in HONESTY]
    return found


def _step(rows: list[dict], axis: str) -> float:
    """The largest rise of greedy accuracy between neighbours."""
    ordered = sorted(rows, key=lambda row: row[axis])
    return max((b["greedy"] - a["greedy"] for a, b in pairwise(ordered)), default=0.0)


def _at_most(what: str, value: float, bound: float) -> tuple[str, bool]:
    return f"{what}: {value:.1%}, at most {bound:.0%}", value <= bound


def _at_least(what: str, value: float, bound: float) -> tuple[str, bool]:
    return f"{what}: {value:.1%}, at least {bound:.0%}", value >= bound


if __name__ == "__main__":
    main()
