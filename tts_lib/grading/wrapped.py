r"""An answer that is a text around a value: ``<answer>42</answer>``, "**Final Answer:** 160 minutes", "答案：42".

Only what stands around the value goes: what is left says the same as before, its units and its "at least" too.
"""

import re

from tts_lib.grading import languages, messages
from tts_lib.grading.reading.number_words import CARDINALS

_MARK = re.compile(
    r"[A-Za-z]{2,}[ ,]|day\b|\d \(|^[∴→⇒]|[A-Za-z]:|\*\*|__|<[a-z<]|[^\x00-\u024f\u0370-\u03ff\u2000-\u22ff]"
    r"|^\$?[=-]?>|^\[A|[aA]ns|\d, [a-z]|[\d}]\$ \(|<[/|]|\\boxed|[a-z$]!|```"
)
_CALLED_OUT = re.compile(  # behind a formula, a word or before a picture: no factorial; and what quotes bold print
    r"^>\s+(?=\*\*)|(?:(?<=[^\\]\$)|(?<=[a-z]{2}))!\s*$|\s*!?\s*[\u2600-\u27bf\U0001f300-\U0001faff][\u2600-\u27bf\ufe0f\U0001f300-\U0001faff\s]*$"
)
_AROUND = re.compile(r"(?:[= ]*[{$])+([^{}]*?)(?:[. ]*[}$])+[. ]*")
_CALCULATED = re.compile(r"<<[^<>]{0,200}>>")
_TAG = re.compile(
    r"\s*(?:<(\w{0,10}ans(?:wer)?)>(.*)</\1>"
    r"|\[/?(?:ANSWER|answer)\](.*?)(?:\[/(?:ANSWER|answer)\])?|```(?:[a-z]+\n)?(.*?)```)\s*",
    re.DOTALL,
)
_BOLD = re.compile(r"(?<![\w)\]}])(\*\*|__)(?=\S)((?:(?!\1).)+?)(?<=\S)\1(?![\w(])")
_SIGN = r"(?:[\s*✅✔☑👉🎯📌•·∴→⇒\ufe0f]|#{1,6}\s|=>|->|\\to )"
_HENCE = (
    r"(?:(?:so|thus|hence|then|therefore|consequently|finally|overall"
    r"|in (?:conclusion|summary|total)|as a result)\b,? ?)"
)
_WHOSE = r"(?:the |my |our |a )?(?:(?:final|correct|required|desired|right|exact|best) ){0,2}"
_IS = (
    r"(?: ?[:=：]\s*|\s+(?:is|are|was|should be|must be|would be|will be|equals?|=)"
    r"(?: (?:therefore|thus|then|hence|simply|just|clearly|given by|equal to))?[:,]?\s+)"
)
_LABEL = re.compile(
    rf"{_SIGN}*{_HENCE}?{_WHOSE}(?:answers?|ans\.?|result|solution|option|choice){_SIGN}*{_IS}{_SIGN}*"
    rf"(?:the (?:final )?answer is:? )?"
    rf"|{_SIGN}*Ans\.\s+(?=[-\d$\\])",
    re.I,
)
_CONCLUSION = re.compile(rf"{_SIGN}*{_HENCE}(?:(?:we|i) (?:get|have|obtain|find)(?: that)? )?(?=\S)", re.I)
_SIGNS = re.compile(rf"{_SIGN}+(?=[-\d$\\(\w])")
_ABROAD = re.compile(
    rf"{_SIGN}*(?:(?:{languages.HENCE}),? )?(?:{languages.WHOSE} ){{0,2}}(?:{languages.ANSWER})(?: {languages.WHICH})?"
    rf"(?:\s?[:：=]\s*|\s{languages.IS}:?\s+)|{_SIGN}*{languages.ANSWER_UNSPACED}\s?"
    rf"(?:[:：]\s?|{languages.IS_UNSPACED}\s?[:：]?\s?)",
    re.I,
)
_BEHIND = re.compile(
    r"(?<=[\w)}\]$%]),? is (?:the|our|my)"
    r"(?: (?:only|final|correct|required|desired|smallest|largest|least|greatest)){0,2}"
    r"(?: (?:answer|solution|value|result|one|such [a-z]+|possible [a-z]+))?[.!]?$"
)
_NUMBER = rf"(\d{{1,3}}|{'|'.join(list(CARDINALS)[1:13])})"
_COUNTED = re.compile(
    rf"{_NUMBER}(?: [a-z]{{2,20}}){{0,2}}(?:,? ?\(|, (?=namely|i\.e)|: | ?[—–] )"
    rf"(?:(?:namely|i\.e\.|they are|the [a-z]+ are):?,? )?"
    r"(?:[a-z] ?(?:=|\\in|∈) ?)?(?P<list>-?[\d./]+(?:, ?(?:and )?-?[\d./]+| and -?[\d./]+)*)\)?\.?",
    re.I,
)
_CHANGING = (
    r"(?:least|most|more|less|fewer|than|not|never|no|half|twice|double|each|per|times|percent|negative|opposite|minus"
    r"|third|quarter|fifth|tenth|hundreds?|thousands?|millions?|billions?|or|if|unless|estimated?|about|nearly|almost|base|mod(?:ulo)?)"
)
_REMARK = re.compile(
    r"(?<=[\w}$]) \((?:rounded (?:to|up|down)|not -?\d|as (?:required|desired)|by [a-z]+|see [a-z]+)[^()]*\)$"
    r"|(?<=[\w}$)]) \((?:check|checked|verified|verification)\b.*\)\.?$"
    r"|(?<=[\w}$)])(?:[.;]\s*|\s+)(?:Check|Checking|Verification|Verify|Explanation|Reason):.*$"
    rf"|(?<=[\w}}$)]) \((?:an?|the|with|where|which|who|we|this|that|it)\b(?![^()]*\b{_CHANGING}\b)"
    r"(?: \d+)? [A-Za-z'’ -]*\)\.?$"
    r"|(?<=[a-z]), with (?:a total of )?\d+ [a-z]+\.?$"
    r"|,? (?:and|so|as) (?:we are|we're|we’re|this is|that is|that's) (?:done|finished|desired|required)\.?$"
    r"|, (?:attained|achieved|reached|occurring) [^.]*\.?$",
    re.DOTALL,
)
_ONE_VALUE = r"\$?(?:[a-z](?:_\d)? ?= ?)?-?(?:[\d./]+|\\d?frac\{[\d]+\}\{\d+\}|\d*\\?sqrt[({]\d+[)}])\$?"
_SPURIOUS = (
    r"(?:an? )?(?:rejected|discarded|extraneous|excluded|ignored|invalid|inadmissible|spurious|impossible|disregarded"
    r"|omitted|negative|outside (?:of )?(?:the )?(?:domain|range|interval)"
    r"|not (?:an? )?(?:valid|possible|allowed|acceptable|admissible|solution|in the (?:domain|range|interval)))"
)
_OTHER = (
    r"(?:the )?(?:other |negative |second |positive |smaller |larger |first ){0,2}(?:root|solution|value|one|answer)"
)
_WHY = r"(?: (?:solution|root|value|one))?(?:[,:]? (?:since|because|as|for|by)\b[^()]*)?"
_REJECTED = re.compile(
    rf"(?:[,;]| \(| (?:or|and|but)\b)(?: ?(?:but|while|and|or|since|as|because) )? ?(?:"
    rf"(?:(?P<one>{_ONE_VALUE})|{_OTHER}),? ?(?:(?:is|was|must be|are) (?:therefore )?|\((?:is )?){_SPURIOUS}{_WHY}"
    rf"|(?:we )?(?:must )?(?:reject|discard|exclude|ignore|disregard|rejecting|discarding|excluding|ignoring) "
    rf"(?:(?:{_OTHER} )?(?P<also>{_ONE_VALUE})|{_OTHER}){_WHY})\)?[\s.]*(?:\\quad[\s.]*)?$",
    re.I,
)
_REJECTED_FIRST = re.compile(rf"{_ONE_VALUE} \((?:is )?{_SPURIOUS}\)(?:,| or| and|;) (?:or |and )?(?={_ONE_VALUE}$)")
_LETTER = re.compile(r"\(?([A-J])\)?, (?!and\b|or\b|but\b|not\b|nor\b)[a-z]{2,} [^\d]*")
_TWICE = re.compile(rf"({'|'.join(CARDINALS)}) \((\d+)\)(?= [a-z]|$)", re.I)
_BOX = re.compile(r"(?<=[a-z:] )\$?\\(?:boxed|fbox)\{([^{}]{1,80})\}\$?")
_DAY = re.compile(
    r"(?:(?:it|this|that|the|that day|the (?:day|date|answer)(?: of the week)?|[A-Z][a-z]+ \d{1,2}(?:st|nd|rd|th)?)"
    r"(?:'s|’s)?"
    r"(?: (?:is|was|will be|falls|will fall|fell))?(?: on)? )?(?:an? )?((?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day)\.?",
    re.I,
)
_EXACTLY = re.compile(
    rf"(?:there (?:are|is) )?(?:exactly|precisely|a total of|in total,?) (?=\d|(?:{'|'.join(list(CARDINALS)[1:])})\b)",
    re.I,
)
_PAYS = re.compile(
    r"(?P<before>[A-Z][A-Za-z ,'’]{0,80}\b(?:pays?|paid|costs?|spends?|spent|earns?|earned|makes?|made|saves?"
    r"|saved|has|have|owes?|needs?|gets?|receives?))"
    r"(?: a total of)? "
    r"(?P<value>\\?\$\d[\d,]*(?:\.\d+)?|\d[\d,]*(?:\.\d+)? dollars)(?: (?:for|on|from|in|by) "
    r"(?:the|his|her|their|its|all|these|those|selling|total|this)\b[A-Za-z ]{0,60})?\.?",
)
_OTHERWISE = re.compile(
    r"\b(?:not|never|no|each|every|per|half|twice|double|triple|more|less|fewer|least|most"
    r"|than|if|only if|or|and|one|two|three"
    r"|four|five|six|ten|times|could|might|may|would"
    r"|wanted|fraction|percent|before|after|first|otherwise|instead|nearly|almost)\b|n['’]t\b",
    re.I,
)


def unwrapped(answer: str) -> str:
    """The answer without the text around it; other answers as they are."""
    if not _MARK.search(answer):
        return answer
    plain = _peeled(_CALLED_OUT.sub("", (messages.message(answer) if "<" in answer else answer) or answer))
    plain = _BOX.sub(r"\1", plain) if r"\boxed" in plain or r"\fbox" in plain else plain
    plain = _CALCULATED.sub("", plain) if "<<" in plain else plain
    if tag := _TAG.fullmatch(plain):
        plain = (tag[2] or tag[3] or tag[4] or "").strip()
    if "**" in plain or "__" in plain:
        plain = _BOLD.sub(r"\2", plain)
    for begins in (_LABEL, _ABROAD, _CONCLUSION, _SIGNS):
        if (found := begins.match(plain)) and found.end() < len(plain):
            plain = plain[found.end() :]
            break
    plain = _without_rejected(_REMARK.sub("", _BEHIND.sub("", plain)))
    if letter := _LETTER.fullmatch(plain):
        return letter[1]
    if (twice := _TWICE.match(plain)) and str(CARDINALS[twice[1].lower()]) == twice[2]:
        plain = twice[2] + plain[twice.end() :]
    if counted := _COUNTED.fullmatch(plain):
        listed = len(re.findall(r"-?[\d./]+", counted["list"].rstrip(".")))
        number = counted[1].lower()
        plain = number if str(CARDINALS.get(number, number)) == str(listed) and listed > 1 else plain
    if day := _DAY.fullmatch(plain):
        return day[1]
    if (paid := _PAYS.fullmatch(plain)) and not _OTHERWISE.search(plain):
        return paid["value"]
    said = _EXACTLY.sub("", plain, count=1)
    return answer if not said or said == _peeled(answer) else said


def _without_rejected(answer: str) -> str:
    """x = 5 of "x = 5 (x = -5 is rejected since x > 0)" and of "x = 5, x = -5 (rejected)"."""
    answer = _REJECTED_FIRST.sub("", answer)
    if (found := _REJECTED.search(answer)) is None or not (before := answer[: found.start()].strip()):
        return answer
    name = re.compile(r"[a-z](?:_\d)? ?= ?|[$ ]")
    rejected = name.sub("", found["one"] or found["also"] or "")
    kept = re.split("[,;]|or|and", name.sub("", before))
    return answer if rejected and any(part.endswith(rejected) for part in kept) else before


def _peeled(answer: str) -> str:
    """A text without the braces and dollars around all of it, the spaces and the stops at its end."""
    plain = answer.strip(" ").removeprefix("= ")
    if around := _AROUND.fullmatch(plain):
        plain = around[1].strip(" ")
    return plain
