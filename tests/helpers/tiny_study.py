"""A tiny study that has run as far as supplements need it: `make(folder)`, a nano world, seconds of training.

`as_checkpoint` makes of its base somebody's checkpoint, as a study of models that exist already sees it.
"""

import json
import shutil
from contextlib import ExitStack, chdir
from pathlib import Path
from random import Random
from typing import Any

import yaml
from numpy.random import default_rng
from tokenizers import Tokenizer

from helpers.pipeline import ROOT
from tts_lib.answers import pools
from tts_lib.answers.cached_policy import CachedPolicy
from tts_lib.answers.protocols import Sampling
from tts_lib.answers.question_table import QuestionTable
from tts_lib.answers.store.store import Store
from tts_lib.common import examples, paths, tables
from tts_lib.engines.opening import open_policy, open_verifier
from tts_lib.estimators.flops import pretraining_flops
from tts_lib.models import pointer, tokenizer
from tts_lib.models.llama import LlamaShape
from tts_lib.models.tokenizer import TokenCodec
from tts_lib.questions.nano.corpus import Noise, pretraining_texts
from tts_lib.questions.nano.tables import Recipe, guess_rate, question_table
from tts_lib.questions.nano.world import END
from tts_lib.report.supplements.improve import loop
from tts_lib.report.supplements.pools import Pools
from tts_lib.revisions import trajectories
from tts_lib.strategies.model_sizes import model_sizes
from tts_lib.study.asking import Asking
from tts_lib.study.config import loading
from tts_lib.training import policies
from tts_lib.training.corpus import build_corpus
from tts_lib.training.loop import Training
from tts_lib.verifiers import labels, rollouts, scoring

N_TRAIN, N_TEST = 40, 30
SHARED = {"batch_tokens": 1024, "lr_muon": 0.02, "lr_adamw": 0.005, "shards": 1, "checkpoint_seconds": 0.1}
MODELS = {"base": (2, 32, 1, 64), "large": (2, 48, 1, 96)}


def settings() -> dict[str, Any]:
    """Those of the smoke study, smaller."""
    made = yaml.safe_load((ROOT / "profiles/smoke.yaml").read_text(encoding="utf-8"))
    made["problems"]["nano"] |= {"n_values": 10, "n_train": N_TRAIN, "n_test": N_TEST, "n_val": 30, "hops": [1.0]}
    made["sampling"] |= {"max_tokens": 40}
    for name in ("base-train", "base-val", "base-test"):
        made["generate"][name] |= {"n_samples": 16}
        made["generate"][name].pop("beside", None)
    made["grid"] |= {"budgets": [1, 2, 4, 8, 16], "search_budgets": [4, 16]}
    made["difficulty"] |= {"n_samples": 16, "n_probe": [1, 4]}
    made["verifier"]["trained"] |= SHARED | {"samples": 4, "rollouts": 2, "epochs": 2, "validation_share": 0.2}
    made["revisions"] |= SHARED | {"epochs": 2, "validation_share": 0.2}
    made["compute_optimal"] |= {"n_bootstrap": 200}
    return made


def make(folder: Path, tokens: int = 150_000) -> Path:
    """The study of `settings` in a folder: questions, models, pools, PRM, scores and what is recorded of them."""
    made = settings()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "params.yaml").write_text(yaml.safe_dump(made, sort_keys=False))
    with chdir(folder):
        codec = _world(made["problems"]["nano"], tokens)
        for name in MODELS:
            _pretrained(name, made)
        with Store.open(paths.STORE, write=True) as store:
            _sampled_and_scored(made, codec, store)
        tables.write_json({"study": {"questions": {"test": N_TEST}}}, paths.SUMMARY)
    return folder


def _world(nano_settings: dict[str, Any], tokens: int) -> TokenCodec:
    sizes = {split: nano_settings[f"n_{split}"] for split in ("test", "val", "train")}
    shape = (nano_settings[name] for name in ("n_maps", "n_values", "zipf_offset", "subjects", "hops"))
    recipe = Recipe(0, *shape, sizes)
    world, taken = recipe.world(), set[str]()
    recipe.save(paths.RECIPE)
    for split, questions in recipe.questions().items():
        table = question_table(world, split, questions)
        taken |= set(table["problem"])
        tables.write_table(table, paths.problems(split))
    built = tokenizer.build(world.vocabulary)
    tables.write_text(built.to_str(), paths.TOKENIZER)
    texts = pretraining_texts(world, recipe.mixture(), Noise(0.15, 0.5, 0.3), taken, Random(0), 0.0)
    corpus, validation, _ = build_corpus(texts, TokenCodec(built), tokens, 3000, 128)
    corpus.save(paths.CORPUS)
    validation.save(paths.CORPUS_VALIDATION)
    tables.write_json({"guess_rate": guess_rate(world, table)}, paths.metrics("problems"))
    return TokenCodec(built)


def _pretrained(name: str, made: dict[str, Any]) -> None:
    built = Tokenizer.from_file(str(paths.TOKENIZER))
    layers, width, heads, mlp = MODELS[name]
    shape = LlamaShape(built.get_vocab_size(), layers, width, heads, mlp, made["pretrain"]["max_length"])
    training = Training(1, 2048, 0.02, 0.005, 0.0, 2, 0, n_evaluations=2)
    corpus, validation = (examples.Examples.load(path) for path in (paths.CORPUS, paths.CORPUS_VALIDATION))
    trained = policies.pretrain(shape, corpus, validation, training, paths.CHECKPOINTS, name)
    end = built.token_to_id(END)
    policies.save_policy(paths.model(name), trained, shape, built, end, name)
    record = {"n_params_block": shape.n_params_block, "n_tokens": trained.n_tokens}
    record["flops"] = pretraining_flops(shape.n_params_block, trained.n_tokens)
    tables.write_json(record, paths.metrics(f"model-{name}"))


def _sampled_and_scored(made: dict[str, Any], codec: TokenCodec, store: Store) -> None:
    sampling = Sampling(made["sampling"]["temperature"], 1.0, made["sampling"]["max_tokens"], until="end")
    policy = CachedPolicy(open_policy(paths.model("base"), made["engine"]), store)
    asked = {split: QuestionTable(tables.read_table(paths.problems(split)), codec) for split in ("train", "test")}
    drawn = {split: pools.sample_pool(policy, of, 16, sampling, (0, "base")) for split, of in asked.items()}
    for split, pool in drawn.items():
        tables.write_table(pool, paths.pool("base", split))
    first = drawn["train"][drawn["train"]["sample"] < 4]
    labelled, n_tokens = rollouts.label_steps(policy, asked["train"], first, 2, sampling, (0, "base"))
    solutions = first.merge(labelled, on=["question_id", "sample"])
    held = solutions["question_id"].isin(examples.held_out(asked["train"].table["question_id"].tolist(), 0.2))
    parts = [labels.prm_examples(asked["train"].table, solutions[rows], codec) for rows in (~held, held)]
    training = Training(4, 1024, 0.005, 0.002, 0.0, 1, 0, n_evaluations=4)
    trained = policies.train_verifier(paths.model("base"), *parts, training, paths.CHECKPOINTS, "prm")
    built = Tokenizer.from_file(str(paths.TOKENIZER))
    policies.save_verifier(paths.verifier("prm"), trained, paths.model("base"), built, "prm")
    record = {"prm": {"n_tokens": trained.n_tokens}, "label_tokens": n_tokens}
    tables.write_json(record, paths.metrics("verifier"))
    prm = open_verifier(paths.verifier("prm"), made["engine"])
    scores, _ = scoring.score_pool({"prm": prm}, asked["test"], drawn["test"])
    tables.write_table(scores, paths.scores("test"))
    tables.write_table(scores, paths.accuracy("test"))


def with_revisions(folder: Path) -> Path:
    """The study with a revision model: its base in a longer window. A checkpoint's is an adapter, and its PRM, which
    reads text, is tuned as well.
    """
    with chdir(folder), ExitStack() as stack:
        study, made = loading.load(), paths.model("revision-edit_distance")
        if study.pretrain:
            assert study.revisions
            shutil.copytree(paths.model("base"), made)
            config = json.loads((made / "config.json").read_text())
            config["max_position_embeddings"] = study.window[study.revisions.start].max_length
            (made / "config.json").write_text(json.dumps(config))
            verifier = tables.read_json(paths.metrics("verifier")) | {"first_error": {"threshold": 0.3}}
            tables.write_json(verifier, paths.metrics("verifier"))
        else:
            learner = loop.learner(study)
            codec = TokenCodec.from_folder(paths.model("base"))
            train = QuestionTable(tables.read_table(paths.problems("train")), codec)
            pool = tables.read_table(paths.pool("base", "train"))
            built = trajectories.build(pool, "edit_distance", default_rng(0), 1)
            learned, held_out = (trajectories.examples(built[i::2], train, learner.end_tokens) for i in (0, 1))
            learner.policy(learned, held_out, made, "revising")
            pools = Pools.of(Asking.open(study, stack), N_TEST)
            base = loop.Taught("base", 0, paths.model("base"))
            tuned = loop.Loop(pools, learner, model_sizes(), 1, 4, 4).retrained(base)
            assert tuned
            shutil.rmtree(paths.verifier("prm"))
            shutil.copytree(tuned[0], paths.verifier("prm"))
    return folder


def as_checkpoint(study: Path, folder: Path) -> Path:
    """The same questions and samples, in a study whose models are somebody's checkpoints: its base, with an adapter."""
    shutil.copytree(study, folder, ignore=shutil.ignore_patterns(".tts_store", "corpus", "studies", "supplements"))
    made = yaml.safe_load((folder / "params.yaml").read_text())
    for name in ("problems", "corpus", "models", "pretrain", "ladder", "window"):
        made.pop(name, None)
    where = {"pretraining_tokens": 2e5, "step": "\n"}
    made["checkpoints"] = {name: {"folder": f"taken/{name}", **where} for name in MODELS}
    questions = {"folder": "taken", "test": "test.jsonl", "train": "train.jsonl", "prompt": {"kind": "plain"}}
    made["questions"] = {"nano": questions | {"n_train": N_TRAIN, "n_val": 30, "n_test": N_TEST}}
    made["engine"] = {"kind": "reference", "device": "cpu", "batch_size": 256}
    tuning = {"adapter": {"rank": 4, "alpha": 8.0, "layers": "all"}, "epochs": 2, "batch_size": 16, "lr": 0.005}
    tuning |= {"micro_tokens": 4096, "warmup_share": 0.0, "schedule": "constant", "dropout": 0.0, "clip_norm": 1.0}
    tuning |= {"gradient_checkpointing": False, "checkpoints": 1, "checkpoint_seconds": 0.001}
    template = {"opening": "{problem}", "step": "{step}{marker}", "between": "", "marker": "\n", "tokenised": "pieces"}
    tuned = {"pool": "base-train", "samples": 4, "rollouts": 2, "validation_share": 0.2, "template": template}
    tuned |= {"max_length": 128, "device": "cpu", "batch_size": 64, "tuning": tuning | {"adapter": None}}
    made["verifier"] = {"tuned": tuned}
    made["revisions"] = {"kind": "tuned", "start": "base", "max_history": 1, "max_length": 128, "n_chains": 2}
    made["revisions"] |= {"validation_share": 0.2, "device": "cpu", "tuning": tuning}
    made["pairings"] = {"edit_distance": {"learns_from": "pools/base-train", "attempts": 4}}
    one = {"kind": "tuned", "validation_share": 0.2, "device": "cpu", "batch_size": 32, "tuning": tuning}
    made["revision_verifier"] = {"edit_distance": one}
    made["difficulty"]["predictors"] = {"texts": {"pool": "base-train", "reads": "data/scores"}}
    (folder / "params.yaml").write_text(yaml.safe_dump(made, sort_keys=False))
    with chdir(folder):
        for name in MODELS:
            shutil.move(paths.model(name), Path("taken") / name)
            pointer.make(paths.model(name), {"folder": f"taken/{name}"}, step="\n")
    return folder
