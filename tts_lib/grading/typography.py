r"""Mathematics typed in Unicode, as the LaTeX that means the same: √3 is ``\sqrt{3}``, x² is ``x^{2}``, １２ is 12.

Every character keeps its one meaning; those that cannot be seen mean nothing and go first.
"""

import re
import unicodedata

_SIGNS = {
    sign: f"\\{command} "
    for sign, command in (
        pair.split("=")
        for pair in """
        ×=times ⨯=times ✕=times ✖=times ⨉=times ╳=times ⋅=cdot ·=cdot ∙=cdot •=cdot ∗=cdot ±=pm ∓=mp ∞=infty ∪=cup
        ⋃=cup ∩=cap ⋂=cap ∈=in ∉=notin ≤=le ≥=ge ⩽=le ⩾=ge ≦=le ≧=ge ≠=ne ≈=approx ≃=approx ≅=cong ≡=equiv ∅=emptyset
        Ø=emptyset ⌀=emptyset ∖=setminus ⟨=langle ⟩=rangle ⌊=lfloor ⌋=rfloor ⌈=lceil ⌉=rceil →=to ⟶=to ⇒=Rightarrow
        ⟹=Rightarrow ∧=land ∨=lor ¬=neg ∠=angle △=triangle ∆=Delta ∑=sum ∏=prod ∫=int ⊂=subset ⊆=subseteq ⊥=perp
        ∂=partial ∇=nabla ∘=circ ∀=forall ∃=exists ⊇=supseteq ⊃=supset ⊖=ominus ⊕=oplus ⊗=otimes
        ∥=parallel α=alpha β=beta γ=gamma δ=delta ε=epsilon ϵ=epsilon ζ=zeta η=eta θ=theta ϑ=theta ι=iota κ=kappa
        λ=lambda μ=mu ν=nu ξ=xi π=pi ρ=rho σ=sigma τ=tau υ=upsilon φ=phi ϕ=phi
        χ=chi ψ=psi ω=omega ↦=mapsto Γ=Gamma Δ=Delta Θ=Theta Λ=Lambda Ξ=Xi Π=Pi Σ=Sigma Φ=Phi Ψ=Psi Ω=Omega
        """.split()
    )
}
_SIGNS |= {
    "÷": "/",
    "⁄": "/",
    "∕": "/",
    "∶": ":",
    "∣": "|",
    "‖": r"\|",
    "、": ",",
    "。": ".",
    "′": "'",
    "’": "'",
    "‘": "'",
}
_SIGNS |= {"°": r"^\circ ", "−": "-", "‐": "-", "‑": "-", "…": r"\ldots ", "⋯": r"\ldots ", "〈": r"\langle "}
_SIGNS |= {"〉": r"\rangle ", "“": '"', "”": '"', "【": "[", "】": "]", "\u0305": r"\overline "}
_SETS = {"ℝ": "R", "ℤ": "Z", "ℕ": "N", "ℚ": "Q", "ℂ": "C"}
_BEFORE_FOLDING = str.maketrans(
    {"º": "°", "˚": "°", "…": r"\ldots ", "ⅇ": "e", "ⅈ": "i"} | {k: rf"\mathbb{{{v}}}" for k, v in _SETS.items()}
)
_AFTER_FOLDING = str.maketrans(_SIGNS)
_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿⁱˣʸᵃᵇᵏᵐᵀ", "0123456789+-=()nixyabkmT")
_LOWERED = str.maketrans("₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₐₑₒₓₙₖₘᵢⱼ", "0123456789+-=()aeoxnkmij")
_RAISED_RUN = re.compile("[" + "".join(map(chr, _RAISED)) + "]+")
_LOWERED_RUN = re.compile("[" + "".join(map(chr, _LOWERED)) + "]+")
_HAT_OVER, _BAR_OVER = re.compile("([a-zA-Z])\u0302"), re.compile("([a-zA-Z])[\u0304\u0305]")
_LINE_OVER = re.compile("(\\d)\u0305")
_LINES_OVER = re.compile(r"\\overline\{(\d+)\}(?=\\overline\{\d+\})\\overline\{(\d+)\}")
_DASH = re.compile("[‒–—―]")
_RANGE = re.compile("(?<=\\d)[‒–—―](?=\\d)")
_DEGREES = re.compile("(?<=\\d) ?∘")
_ROOT = re.compile(r"([√∛∜]) ?(\d+(?:\.\d+)?|[a-zA-Z]|\\(?!left|[bB]ig)[a-zA-Z]+)?")
_ROOTS = {"√": r"\sqrt", "∛": r"\sqrt[3]", "∜": r"\sqrt[4]"}


def visible(text: str) -> str:
    """The text without the characters that nobody sees."""
    return text if text.isascii() else "".join(sign for sign in text if unicodedata.category(sign) != "Cf")


def latex(text: str) -> str:
    """Return the text, of what can be seen, with every mathematical character of Unicode in ASCII and LaTeX."""
    if text.isascii():
        return text
    text = "".join(map(_fraction, text))
    text = _RAISED_RUN.sub(lambda run: f"^{{{run[0].translate(_RAISED)}}}", text)
    text = _LOWERED_RUN.sub(lambda run: f"_{{{run[0].translate(_LOWERED)}}}", text)
    text = _DEGREES.sub(r"^\\circ ", text)
    text = _HAT_OVER.sub(r"\\hat{\1}", _BAR_OVER.sub(r"\\overline{\1}", text))
    text = _LINE_OVER.sub(r"\\overline{\1}", text)
    while (joined := _LINES_OVER.sub(r"\\overline{\1\2}", text)) != text:
        text = joined
    text = unicodedata.normalize("NFKC", text.translate(_BEFORE_FOLDING))
    if not _RANGE.search(text):  # 3–5 is a range and no difference
        text = _DASH.sub("-", text)
    return _ROOT.sub(_root, text.translate(_AFTER_FOLDING))


def _fraction(sign: str) -> str:
    r"""½ as ``\frac{1}{2}``; other characters as they are."""
    kind, *codes = unicodedata.decomposition(sign).split() or [""]
    if kind != "<fraction>" or "2044" not in codes:
        return sign
    above, _, below = "".join(chr(int(code, 16)) for code in codes).partition("\u2044")
    return rf"\frac{{{above}}}{{{below}}}" if below else sign


def _root(root: re.Match[str]) -> str:
    return _ROOTS[root[1]] + (f"{{{root[2]}}}" if root[2] else "")
