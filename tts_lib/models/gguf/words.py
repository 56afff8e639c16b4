"""The tokenizer of a GGUF file, as a fast tokenizer: a byte-level BPE, whose splitting of text the file only names."""

from typing import Any

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors

from tts_lib.models.folder import FolderError
from tts_lib.models.gguf.reading import GgufFile

CONTROL, USER_DEFINED = 3, 4  # kinds of tokens that stand for themselves
SPLITS = {  # what the file calls the splitting of text before its pairs are merged
    "smollm": [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)],
    "gpt-2": [pre_tokenizers.ByteLevel(add_prefix_space=False)],
}


def tokenizer_of(file: GgufFile) -> Tokenizer:
    """The tokenizer of a file; a <bos> that its model was taught with stands before every text.

    Raises:
        FolderError: it is no byte-level BPE, or splits text in a way that is not known.
    """
    if (kind := file.said("tokenizer.ggml.model")) != "gpt2":
        raise FolderError(f"{file.path} has a tokenizer of the kind {kind!r}; allowed is 'gpt2', a byte-level BPE")
    if (split := file.said("tokenizer.ggml.pre")) not in SPLITS:
        raise FolderError(f"{file.path} splits text as {split!r} does; allowed is {' or '.join(SPLITS)}")
    tokens = file.said("tokenizer.ggml.tokens")
    pairs = [tuple(merge.split(" ")) for merge in file.said("tokenizer.ggml.merges")]
    tokenizer = Tokenizer(models.BPE({token: i for i, token in enumerate(tokens)}, pairs))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(SPLITS[split])  # pyright: ignore[reportAttributeAccessIssue]
    tokenizer.decoder = decoders.ByteLevel()  # pyright: ignore[reportAttributeAccessIssue]
    kinds = zip(tokens, file.said("tokenizer.ggml.token_type"), strict=True)
    special = [token for token, kind in kinds if kind in (CONTROL, USER_DEFINED)]
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in special])
    if file.said("tokenizer.ggml.add_bos_token", False):
        number = file.said("tokenizer.ggml.bos_token_id")
        first = tokens[number]
        tokenizer.post_processor = processors.TemplateProcessing(  # pyright: ignore[reportAttributeAccessIssue]
            single=[first, "$A"], pair=[first, "$A", f"{first}:1", "$B:1"], special_tokens=[(first, number)]
        )
    return tokenizer


def tokenizer_config(file: GgufFile, config: dict[str, Any]) -> dict[str, Any]:
    """The content of tokenizer_config.json, with the chat template if there is one."""
    tokens = file.said("tokenizer.ggml.tokens")
    named = {f"{name}_token": tokens[config[f"{name}_token_id"]] for name in ("bos", "eos", "pad")}
    template = file.said("tokenizer.chat_template", "")
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": config["max_position_embeddings"],
        "clean_up_tokenization_spaces": False,
        **named,
        **({"chat_template": template} if template else {}),
    }
