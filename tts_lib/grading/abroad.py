r"""Amounts as other countries write them, and quotients with a remainder: ``42元``, ``R$ 5``, ``5 R 3``."""

import re

_MAY_BE = re.compile(
    r"\d ?[\u3040-\u9fff\uac00-\ud7afа-я]|\d ?d[óo]lares|[A-Z]\\?\$"
    r"|\d,? ?(?:\\text\{ ?|\()?(?:with |and )?(?:a )?[rR]"
)
_REMAINDER = re.compile(
    r"(\d+),? ?(?:\\text\{ ?|\()?(?:with |and )?(?:an? )?(?:[rR]\.?|rem(?:ainder)?\.?(?: of)?)(?: ?\})? ?(\d+)\)?\}?\.?"
    r"|(\d+) ?余 ?(\d+)|\{?quotient:? (\d+),? (?:and )?remainder:? (\d+)\}?",
    re.I,
)
_UNITS = {
    word: unit
    for unit, words in (
        entry.split(": ")
        for entry in (
            "yuan: 元 块;dollars: 美元 dólares dolares;euros: 欧元;yen: 円;won: 원;minutes: 分钟 分鐘;hours: 小时 小時"
            ";seconds: 秒;days: 天 日;years: 年;cm: 厘米;m: 米;km: 公里;kg: 千克 公斤;rubles: руб рублей рубля рубль"
        ).split(";")
    )
    for word in words.split()
}
_COUNTERS = "个個人只本名次岁歳台张件条位枚冊匹"
_AMOUNT = re.compile(
    rf"(-?\d[\d,]*(?:\.\d+)?) ?(?:({'|'.join(sorted(_UNITS, key=len, reverse=True))})"
    rf"|([{_COUNTERS}])[\u4e00-\u9fff]{{0,3}})[.。]?"
)
_CHANGES = re.compile("[的以多余餘或和到至半分之倍]")
_DOLLARS = {"US": "USD", "R": "BRL", "A": "AUD", "AU": "AUD", "C": "CAD", "CA": "CAD", "HK": "HKD", "NT": "TWD"}
_DOLLARS |= {"S": "SGD", "NZ": "NZD"}
_BEFORE = re.compile(rf"({'|'.join(sorted(_DOLLARS, key=len, reverse=True))})\\?\$ ?(\d[\d,]*(?:\.\d+)?)\.?")


def at_home(text: str) -> str:
    """The amount as it is written in English; other texts as they are."""
    if not _MAY_BE.search(text):
        return text
    plain = text.strip(" $=.")
    plain = plain[1:-1].strip() if plain.startswith("{") else plain  # in a colour
    if left := _REMAINDER.fullmatch(plain):
        quotient, remainder = (number for number in left.groups() if number)
        return f"{quotient} remainder {remainder}"
    if amount := _AMOUNT.fullmatch(plain.removeprefix("人民币")):
        if amount[2]:
            return rf"{amount[1]}\text{{ {_UNITS[amount[2]]}}}"
        return amount[1] if not _CHANGES.search(plain) else text
    if money := _BEFORE.fullmatch(plain):
        return rf"{money[2]}\text{{ {_DOLLARS[money[1]]}}}"
    return text
