"""What of a sampled text is its author's message: the first turn of the model, without what it thought beforehand."""

import re

_PROMPT = re.compile(
    r"(?:<\|im_start\|>|<\|start_header_id\|>|<start_of_turn>|<\|start\|>)(?:system|developer|user)\b"
    r"|<\|(?:system|user)\|>|<｜User｜>|\[INST\]"
)
_REPLY = re.compile(
    r"<\|im_start\|>assistant\b|<\|start_header_id\|>assistant<\|end_header_id\|>|<start_of_turn>model\b"
    r"|<\|start\|>assistant\b|<\|assistant\|>|<｜Assistant｜>|\[/INST\]"
)
_TURN_END = re.compile(
    r"<\|(?!end_of_thought)(?:im_(?:end|sep)|end_?of_?\w{1,20}|eo[a-z](?:_id)?|return|pad|sep)\|>"
    r"|<\|end\|>(?!<\|start\|>assistant)|<｜end▁of▁sentence｜>|<end_of_\w{1,20}>|<\[?(?:eo[a-z]|pad|unk)\]?>|</s>"
    r"|<extra_id_\d{1,3}>|\[(?:EO[A-Z]|PAD)\]|\[end of text\]",
    re.IGNORECASE,
)
_BEGINNINGS = re.compile(rf"(?:\s|<s>|<bos>|<\|begin_of_text\|>|<｜begin▁of▁sentence｜>|{_TURN_END.pattern})+", re.I)
_NAMES = "think|thinking|thoughts?|reasoning|scratchpad"
_THINKS = re.compile(
    rf"<(?:\w{{1,12}}:)?(?:{_NAMES})>|<\|begin_of_thought\|>|\[THINK\]|◁think▷|<\|channel\|>analysis<\|message\|>",
    re.IGNORECASE,
)
_HAS_THOUGHT = re.compile(
    rf"</(?:\w{{1,12}}:)?(?:{_NAMES})>|<\|end_of_thought\|>|\[/THINK\]|◁/think▷|<\|channel\|>final<\|message\|>|assistantfinal",
    re.IGNORECASE,
)


def message(text: str) -> str | None:
    """The message of the text's first turn; None if the text broke off while its author was still thinking.

    A recorded conversation, which begins with the prompt's turn, counts from its last reply. An end-of-turn token or
    the beginning of another turn ends the message. What stands before the end of a thinking section is a draft.
    """
    if beginning := _BEGINNINGS.match(text):
        text = text[beginning.end() :]
    replies = list(_REPLY.finditer(text))
    if replies and _PROMPT.match(text):
        text = text[replies[-1].end() :]
    elif replies and replies[0].start() == 0:
        text = text[replies[0].end() :]
    ends = [found.start() for pattern in (_TURN_END, _PROMPT) if (found := pattern.search(text))]
    text = text[: min(ends, default=len(text))]
    drafts = _HAS_THOUGHT.split(text)
    while len(drafts) > 1 and not drafts[-1].strip():  # it thought again behind what it said
        said, *thought = _THINKS.split(drafts.pop(-2), maxsplit=1)
        drafts[-1] = said if thought else ""
    return None if _THINKS.search(drafts[-1]) else drafts[-1]
