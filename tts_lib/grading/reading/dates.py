"""Dates, months and weekdays in one spelling, and times of the day in words; a part of `readings`."""

import re
from collections.abc import Sequence

from tts_lib.grading.reading.number_words import CARDINALS, with_digits

_MONTHS = "january february march april may june july august september october november december".split()
_WEEKDAYS = "monday tuesday wednesday thursday friday saturday sunday".split()
_NAME = (
    r"(?P<month>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
_WEEKDAY = r"(?P<weekday>mon|tues?|wed(?:nes)?|thu(?:rs?)?|fri|sat(?:ur)?|sun)(?:day|\.)?"
_DAY = r"(?:the )?(?P<day>\d{1,2}(?: ?(?:st|nd|rd|th))?|[a-z]+(?:-[a-z]+)?)"
_YEAR = r"(?P<year>\d{4})"
_DATES = [
    re.compile(rf"(?:{_WEEKDAY},? ?)?{pattern}", re.I)
    for pattern in (
        rf"{_NAME}(?: |(?<=\.)){_DAY}(?:,? ?{_YEAR})?",
        rf"{_DAY} (?:of )?{_NAME}(?:,? ?{_YEAR})?",
        rf"{_YEAR},? ?{_NAME} {_DAY}",
    )
]
_OF_PROGRAMS = re.compile(rf"{_YEAR}-(?P<number>0[1-9]|1[0-2])-(?P<day>0[1-9]|[12]\d|3[01])")
_MONTH = re.compile(rf"{_NAME}(?:,? {_YEAR})?", re.I)
_DAY_OF_WEEK = re.compile(_WEEKDAY, re.I)
_LAST = 31
_HOUR = rf"(?P<hour>\d{{1,2}}|{'|'.join(CARDINALS)})"
_CLOCK = re.compile(
    rf"(?:(?P<half>half past)|(?:an? )?(?P<quarter>quarter)(?: (?:past|after)| (?P<before>to|before|till))"
    r"|(?P<minutes>\d{1,2}|[a-z]+(?:-[a-z]+)?)"
    r"(?: past| minutes? (?:past|after)| minutes? (?P<ahead>to|before|till)))"
    rf" {_HOUR}(?P<rest> ?(?:[ap]\.? ?m\.?|in the (?:morning|afternoon|evening)))?",
    re.I,
)


def date(text: str) -> str:
    """ "march 5 2024" of March 5th, 2024, 5 Mar 2024 and 2024-03-05; "" of what is no date, month or weekday."""
    if found := _OF_PROGRAMS.fullmatch(text):
        return f"{_MONTHS[int(found['number']) - 1]} {int(found['day'])} {found['year']}"
    if not text[:1].isalnum() or (not text[-1].isalnum() and text[-1] != "."):
        return ""
    if text[0].isupper() and (found := _DAY_OF_WEEK.fullmatch(text)) and not text.isupper():
        return _whole(found["weekday"], _WEEKDAYS)
    if text[0].isupper() and (found := _MONTH.fullmatch(text)) and not text.isupper():
        return " ".join(filter(None, (_whole(found["month"], _MONTHS), found["year"])))
    if (found := next(filter(None, (pattern.fullmatch(text) for pattern in _DATES)), None)) is None:
        return ""
    day = re.sub(r"\D", "", with_digits(found["day"]))
    if not day or not 1 <= int(day) <= _LAST:
        return ""
    weekday = found["weekday"] and _whole(found["weekday"], _WEEKDAYS)
    return " ".join(filter(None, (weekday, _whole(found["month"], _MONTHS), str(int(day)), found["year"])))


def _whole(name: str, names: Sequence[str]) -> str:
    return next(one for one in names if one.startswith(name[:3].lower()))


def clock(text: str) -> str | None:
    """3:30 of "half past three", 2:50 of "ten minutes to three"; None of other texts."""
    if (found := _CLOCK.fullmatch(text)) is None:
        return None
    said = "30" if found["half"] else "15" if found["quarter"] else with_digits(found["minutes"])
    hour = int(CARDINALS.get(found["hour"].lower(), found["hour"]))
    if not said.isdecimal() or not 1 <= int(said) < 60 or not 1 <= hour <= 12:
        return None
    is_before = found["before"] or found["ahead"]
    minutes, hour = (60 - int(said), (hour - 2) % 12 + 1) if is_before else (int(said), hour)
    return f"{hour}:{minutes:02d}{found['rest'] or ''}"
