"""`python -m tts_lib.questions.facts FOLDER`: the question files of the facts, and their data card."""

import json
import sys
from collections import Counter
from pathlib import Path

from tts_lib.common.files import write_atomically
from tts_lib.questions.facts.questions import MOST, Question, files
from tts_lib.questions.facts.world import RELATIONS, facts, table

SEED = 0


def main(folder: Path) -> None:
    made = files(SEED)
    for split, questions in made.items():
        lines = "".join(json.dumps(question, ensure_ascii=False) + "\n" for question in questions)
        write_atomically(folder / f"{split}.jsonl", lines.encode())
    write_atomically(folder / "DATA_CARD.md", card(made).encode())


def card(made: dict[str, list[Question]]) -> str:
    """The data card in Markdown, of the questions of each file."""
    n_facts = sum(1 for name in RELATIONS for _ in facts(name))
    n_things = {name: len(table(name)) for name in ("countries", "works", "elements")}
    counted = [
        f"| {split} | {len(questions):,} | {_counts(questions, 'level')} | {_counts(questions, 'subject')} "
        f"| {Counter(question['answer'] for question in questions).most_common(1)[0][1] / len(questions):.1%} |"
        for split, questions in made.items()
    ]
    example = next(question for question in made["test"] if question["level"] == 3)
    return f"""# Chains of facts about the world

Questions in English of one to three hops through {n_facts} facts about {n_things["countries"]} countries,
{n_things["works"]} works with their makers and {n_things["elements"]} chemical elements: what pretraining left in a
small language model, as chains that can be checked sentence by sentence. Written for this study; made by
`python -m tts_lib.questions.facts` from three tables (`tts_lib/questions/facts/*.csv`). Licence: this project's.

> {example["problem"]}
>
> {str(example["solution"]).replace(chr(10), chr(10) + "> ")}

- **What is in it**: facts that neither age nor are disputed. Left out are currencies, languages and capitals that
  change, are several or are contested, and where makers came from if two countries claim them.
- **Answers**: names, symbols and numbers. A gold lists every spelling that counts, separated by `|`; case, accents and
  a leading article do not matter. No answer is that of more than {MOST:.0%} of a file's questions.
- **Split** by what a question is about (`group`): a country goes with its capital, its sights, and the works and people
  that came from it, so that no thing that a test question goes through occurs in training, nor a validation question's
  in training. Kinds of values are shared (many countries speak Spanish).
- **Steps**: one sentence a hop, then "The answer is …". `tts_lib.questions.facts.checking` says of each whether it is
  true.
- **Not for**: what a model knows of the world as a whole. The facts are few, well known and seen from Europe.

| file | questions | by hops | by subject | most frequent answer |
|---|---|---|---|---|
{chr(10).join(counted)}
"""


def _counts(questions: list[Question], column: str) -> str:
    counts = Counter(question[column] for question in questions)
    return ", ".join(f"{value}: {counts[value]}" for value in sorted(counts, key=str))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
