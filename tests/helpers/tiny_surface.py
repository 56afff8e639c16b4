"""A study of the smallest models there are, far enough made that an exchange surface can stand beside it."""

from pathlib import Path
from random import Random

import pandas as pd
import yaml

from helpers.pipeline import ROOT
from tts_lib.common import paths, tables
from tts_lib.models import tokenizer
from tts_lib.models.scorer import Scorer
from tts_lib.models.tokenizer import TokenCodec
from tts_lib.questions.nano.corpus import Noise, pretraining_texts
from tts_lib.questions.nano.tables import Recipe, question_table
from tts_lib.questions.nano.world import END
from tts_lib.training import policies, sizes
from tts_lib.training.corpus import build_corpus
from tts_lib.training.loop import Trained, Training

N_QUESTIONS, N_TOKENS = 24, 80_000
SHAPES = {
    "base": {"n_layers": 1, "width": 24, "n_heads": 1, "width_mlp": 32},
    "x2": {"n_layers": 1, "width": 32, "n_heads": 1, "width_mlp": 48},
    "large": {"n_layers": 2, "width": 48, "n_heads": 2, "width_mlp": 64},
}


def settings() -> dict:
    """The smoke study's, with smaller models and a ladder."""
    found = yaml.safe_load((ROOT / "profiles/smoke.yaml").read_text())
    found["models"] = {name: SHAPES[name] for name in ("base", "large")}
    found["ladder"] = {"x2": SHAPES["x2"]}
    found["corpus"]["tokens"] = N_TOKENS
    found["problems"]["nano"] |= {"n_maps": 4, "n_values": 10, "subjects": {"chain": 1.0}, "n_val": 20, "n_train": 20}
    found["pretrain"] |= {"shards": 1, "batch_tokens": 1024}
    return found


def make() -> None:
    """Questions, corpus, base, large model and PRM in the working folder."""
    found = settings()
    Path("params.yaml").write_text(yaml.safe_dump(found))
    world, texts = found["problems"]["nano"], found["corpus"]
    counts = {"test": N_QUESTIONS, "val": 20, "train": 20}
    recipe = Recipe(
        found["seed"],
        world["n_maps"],
        world["n_values"],
        world["zipf_offset"],
        world["subjects"],
        world["hops"],
        counts,
    )
    recipe.save(paths.RECIPE)
    table = question_table(recipe.world(), "test", recipe.questions()["test"])
    tables.write_table(table, paths.problems("test"))
    train = question_table(recipe.world(), "train", recipe.questions()["train"])
    tables.write_table(train, paths.problems("train"))
    bins = [1 + number * 5 // N_QUESTIONS for number in range(N_QUESTIONS)]
    tables.write_table(table[["question_id"]].assign(oracle_bin=bins), paths.difficulty("test"))
    words = tokenizer.build(recipe.world().vocabulary)
    tables.write_text(words.to_str(), paths.TOKENIZER)
    noise = Noise(texts["wrong_guess"], texts["retry"], texts["astray"])
    stream = pretraining_texts(recipe.world(), recipe.mixture(), noise, set(table["problem"]), Random(0))
    corpus, validation, _ = build_corpus(stream, TokenCodec(words), N_TOKENS, 2000, 128)
    corpus.save(paths.CORPUS)
    validation.save(paths.CORPUS_VALIDATION)
    (end,) = words.encode(END).ids
    material, settled = sizes.Material(corpus, validation, words, end, 128), found["pretrain"]
    rates = {name: settled[name] for name in ("batch_tokens", "lr_muon", "lr_adamw", "shards")}
    training = Training(n_epochs=1, dropout=0.0, seed=found["seed"], n_evaluations=1, **rates)
    for name in ("base", "large"):
        goes = {len(corpus.tokens): paths.model(name)}
        sizes.make(material, SHAPES[name], training, goes, paths.CHECKPOINTS, name)
    scorer = Scorer.from_policy(policies.load_policy(paths.model("base")))
    untaught = Trained(dict(scorer.state_dict()), {"validation": [0.0]}, 1000)
    policies.save_verifier(paths.verifier("prm"), untaught, paths.model("base"), words, "PRM")
    n_params = material.shape(SHAPES["base"]).n_params_block
    records = {"model-base": {"n_params_block": n_params}, "problems": {"guess_rate": 1 / world["n_values"]}}
    records |= {"verifier": {"prm": {"n_tokens": 1000}, "label_tokens": 1000}}
    for name, record in records.items():
        tables.write_json(record, paths.metrics(name))
    tables.write_json({"study": {"questions": {"test": N_QUESTIONS}}}, paths.SUMMARY)
    tables.write_table(pd.DataFrame({"a": [1]}), paths.accuracy("test"))


def declared() -> dict:
    """The surface beside it, as a profile would say it; claims are those that are shipped."""
    shipped = yaml.safe_load((ROOT / "profiles/supplements/surface.yaml").read_text())
    tiny = {"sizes": {"half": {"n_layers": 1, "width": 8, "n_heads": 1, "width_mlp": 16}}, "ladder": ["x2"]}
    tiny |= {
        "own_prm": ["x2"],
        "corpus_shares": [0.5, 1.0],
        "seeds": {"base": [1]},
        "n_samples": 8,
        "n_questions": N_QUESTIONS,
    }
    return shipped | tiny
