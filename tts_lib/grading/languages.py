r"""The words of other languages in which a solution says what its answer is, denies or doubts it, or asks again.

Languages are those of MGSM and the most spoken ones; in the unspaced ones a word has no end.
"""

ANSWER = (
    r"(?:end)?antwort|réponse|respuesta|risposta|resposta|(?:eind)?antwoord|svar|vastaus|odpowiedź|odpově[dď]|odpoveď"
    r"|răspuns|válasz|cevap|yanıt|jawaban|đáp (?:án|số)|jibu|ответ|відповідь|απάντηση|(?:ال)?جواب|(?:ال)?[إا]جابة"
    r"|(?:ה)?תשובה|उत्तर|উত্তর|คำตอบ|సమాధానం"
)
WHOSE = (
    r"(?:die|unsere|meine|la|ma|notre|mi|nuestra|il|a|minha|nossa|de|het|мой|наш|endgültige|finale?|richtige|korrekte"
    r"|bonne|correcte|окончательный|правильный|итоговый|son|doğru)"
)
WHICH = r"(?:final[ea]?|definitiv[ae]|définitive|correct[ae]|corretta|correta|akhir|cuối cùng|النهائية)"
IS = r"(?:ist|lautet|beträgt|est|es|è|é|is|är|er|jest|je|este|là|adalah|ni|равен|равна|равно|составляет|είναι|هو|هي|है)"
HENCE = r"(?:also|somit|daher|folglich|donc|ainsi|alors|entonces|por (?:lo )?tanto|quindi|dunque|portanto|então|dus)"
ANSWER_UNSPACED = (
    r"(?:(?:所以|因此|故|则|最终|最后|正确|标准|最終|最終的な|正しい|したがって,? ?|최종|따라서,?|그러므로) ?){0,2}"
    r"(?:答案|答え|正解|答|정답|답변|답)"
)
IS_UNSPACED = r"(?:(?:应该|应当|应|就|即)?(?:是|为|為|选|選)|は|은|는|이)"
NO = r"nicht|keine?|nie|pas|jamais|aucune?|no|non|não|niet|geen|inte|ikke|не|нет"
NO_UNSPACED = r"不(?!同)|没|沒|非|ない|ません|아니|아닙|않"
MAYBE = (
    r"vielleicht|möglicherweise|glaube|könnte|peut[- ]être|pourrait|quizás?|tal vez|podría|forse|potrebbe|talvez"
    r"|poderia|может|возможно|наверное"
)
MAYBE_UNSPACED = r"也许|可能|大概|かもしれ|おそらく|아마"
WRONG = (
    r"falsche|verkeerde|mauvaise|fausse|incorrect[ae]|equivocada|errónea|sbagliata|errata|errada"
    r"|неправильный|неверный"
)
IF = r"wenn|falls|ob|angenommen|si|supongamos|если|предположим"
IF_UNSPACED = r"如果|假设|假如|若|是否|もし|만약"
RESULT = (
    r"(?:results?|totals?|sum|solution|conclusion|(?:end)?ergebnis|summe|lösung|fazit|résultat|somme|resultado|suma"
    r"|solución|risultato|somma|soluzione|soma|solução|результат|итого|итог|结果|结论|总计|結果|結論|합계|결과)"
)
QUESTION = (
    r"frage|aufgabe|pregunta|problema|ejercicio|problème|exercice|domanda|esercizio|pergunta|exercício|вопрос|задача"
    r"|问题?|题目?|例题|問題?|質問|질문|문제"
)
SCALE = (
    r"(?:million(?:en|s)|milliarden?|milliards?|tausend|hundert|dutzend|halbe|mille|douzaines?|demie?|millon(?:es)?"
    r"|millón|mil|docenas?|medi[oa]|milion[ei]|miliard[oi]|mila|dozzin[ae]|mezz[oa]|milhão|milhões|bilh(?:ão|ões)"
    r"|dúzias?|mei[oa]|miljoen|тысяч\w?|миллион\w{0,3}|миллиард\w{0,3}|дюжин\w?|половин\w{1,2}|tusen|miljoner|tysi[ąę]c\w*|tisíc\w{0,2}|milion[uyůów]{0,2}|bin|milyon|milyar|juta|ribu|triệu|nghìn|ngàn|tỷ)\b"
    r"|(?:y|et|e|und)\s(?:medi[oa]|demie?|mezz[oa]|mei[oa]|halb\w?)\b|हज़ार|लाख|करोड़|พัน|ล้าน|ألف|مليون"
    r"|[万萬亿億兆千百十半]|分之|만|억|천|백"
)
UNSPACED = r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]"  # a sign of Japanese, Chinese or Korean
CHANGES_UNSPACED = r"[的以多余餘或和到至半]|倍数|左右|未満|超|または|約"
_OF_ASCII = ("ntwo", "spuesta", "sposta", "svar", "vastaus", "cevap", "jawaban", "jibu")
_OTHER = (
    "réponse odpow odpov răspuns válasz yanıt đáp ответ відповідь απάντηση جواب جابة תשובה उत्तर উত্তর คำตอบ సమాధానం"
    " 答 正解 답"
).split()


def speaks(text: str) -> bool:
    """Whether the word for an answer stands in the text."""
    text = text.lower()
    return any(word in text for word in _OF_ASCII) or (not text.isascii() and any(word in text for word in _OTHER))
