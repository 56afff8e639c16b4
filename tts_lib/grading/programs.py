r"""What Python, sympy and numpy print, as the LaTeX that means the same: ``Rational(1, 3)`` is ``\frac{1}{3}``.

It is read by Python's own grammar, and only where a name or a sign in it is theirs alone; what has another name in it
stays as it is.
"""

import ast
import re
from collections.abc import Callable, Iterable, Sequence

from tts_lib.grading.limits import is_readable

_OF_SETS = "Interval|Union|Intersection|Complement|FiniteSet|EmptySet|ImageSet|frozenset|set"
_OF_NUMBERS = r"Rational|Fraction|Integer|Float|Decimal|mp[fc]|complex|float|(?:u?int|float|complex)\d+|Abs|cbrt"
_OF_STATEMENTS = "Eq|Ne|Lt|Le|Gt|Ge|And|Or|Poly|Piecewise|Tuple|Point|Point2D|Point3D|Sum|Product"
_OF_MATRICES = "Matrix|(?:Im|M)utable(?:Dense)?Matrix|array|matrix|eye|tensor"
_OF_FUNCTIONS = "ceiling|ceil|floor|factorial|binomial|comb|perm|root|real_root|Mod|Max|Min"
_CALL = rf"(?:{_OF_SETS}|{_OF_NUMBERS}|{_OF_STATEMENTS}|{_OF_MATRICES}|{_OF_FUNCTIONS})(?:\.[A-Za-z]{{4,5}})?\("
_MARK = re.compile(
    rf"(?<![\w\\.])(?:(?:np|numpy|math|cmath|sp|sympy|mpmath|S)\.[a-zA-Z]|{_CALL}|EmptySet\b|Reals\b)"
    r"|(?<!\\)\{ ?(?:[a-z]\w{0,9}|[\"'][A-Za-z_ ]{1,20}[\"']|-?\d+(?=[^{}]*,)) ?: ?"  # a dictionary
    r"|\) ?[&|] ?\(|(?<![\w\\])log\([^(),]+, ?[^(),]+\)|(?<![\w\\])S\.[A-Z]"
    r"|^[-+*/\d.e() ,\[\]{}=$j]*\dj[-+*/\d.e() ,\[\]{}$j]*$"  # 6+9j
    r"|\*(?:mu|nu|xi|chi|psi)\b|\b(?:mu|nu|xi|chi|psi)\*"
    r"|^(?=.*\bI\b)(?=.*\d)(?:[-+*/\d.() ,\[\]{}=$]|\b(?:sqrt|pi|exp|I)\b)*$"
)
_NAMED = re.compile(r"(\{*)([A-Za-z]\w?(?:\([a-z]\))?) ?=(?!=) ?")
_AROUND = re.compile(r"^(\{*) *= *|[. ]+(\}+)$")
_ROWS_WITHOUT_COMMAS = re.compile(r"[{ $]*\[[-+\d.e \[\]]*\d[. ] *[-\d\[][-+\d.e \[\]]*\][} $]*")
_COLUMN = re.compile(r"[{ $]*\[(?: ?\[ ?-?[\d.e-]+ ?\] ?){2,}\][} $]*")
_ROWS_BY_SEMICOLONS = re.compile(r"[{ $]*\[([-\d./, ]*;[-\d./, ;]*)\][} $]*")
_UNION = re.compile(r"\\cup ?|(?<=\)) U (?=[A-Z(\[{])")
_GREEK = "alpha beta gamma delta epsilon zeta eta theta kappa lambda mu nu xi rho sigma tau phi chi psi omega".split()
_NAMES = {name: rf"\{name}" for name in [*_GREEK, *(name.capitalize() for name in _GREEK), "pi"]}
_NAMES |= dict.fromkeys(("oo", "inf", "infinity", "Infinity"), r"\infty") | {"I": "i", "j": "i", "E": "e", "e": "e"}
_NAMES |= {"lamda": r"\lambda", "Reals": r"\mathbb{R}", "Integers": r"\mathbb{Z}", "Naturals": r"\mathbb{N}"}
_NAMES |= {"Rationals": r"\mathbb{Q}", "Complexes": r"\mathbb{C}", "EmptySet": r"\emptyset", "Half": r"\frac{1}{2}"}
_NAMES |= {"Pi": r"\pi", "NegativeInfinity": r"-\infty"}
_MODULES = frozenset("np numpy math cmath sp sympy mpmath S".split())
_VARIABLE = re.compile(r"_?([A-Za-z])(?:_?(\d{1,2}))?")
_SIGNS = {ast.Lt: "<", ast.Gt: ">", ast.LtE: r"\le ", ast.GtE: r"\ge ", ast.Eq: "=", ast.NotEq: r"\ne "}
_RELATIONS = {"Eq": "=", "Ne": r"\ne ", "Lt": "<", "Le": r"\le ", "Gt": ">", "Ge": r"\ge "}
_STATEMENT = re.compile(r"(?<!_\{\w)[=<>]|\\(?:le|ge|ne|cup|cap|lor|land|mathbb|emptyset)(?![a-z])")
_SMOOTH = "sin cos tan cot sec csc sinh cosh tanh coth sech csch".split()
_FUNCTIONS = {name: name for name in [*_SMOOTH, "gcd", "lcm", "max", "min"]} | {"Max": "max", "Min": "min"}
_FUNCTIONS |= {f"{prefix}{name}": f"arc{name}" for name in _SMOOTH for prefix in ("a", "arc")}
_ITSELF = re.compile(
    r"Integer|Float|Decimal|mpf|u?int\d*|float\d*|complex\d+|Poly|S|list|print|sympify|nsimplify|simplify|tensor"
)
_ANSWERS = frozenset("answer final_answer result solution value ans".split())
_ENDS = {"Interval": "[]", "open": "()", "Lopen": "(]", "Ropen": "[)"}
_MOST_COPIES = 10  # of one root
_BARE_POINT = re.compile(r"\.(?!\d)")  # of numpy's 3.


def as_latex(text: str) -> str:
    """The text with what programs print as LaTeX; other texts as they are."""
    if not _MARK.search(text) or not is_readable(text):
        return _as_rows(text) if "[" in text else text
    code = _AROUND.sub(r"\1\2", text.replace("$", "").strip("` .")).replace("^", "**")
    code = _UNION.sub("|", code).replace(r"\cap", "&").replace("\\", "\\\\")
    braces, name = named.groups() if (named := _NAMED.match(code)) else ("", "")
    try:
        code = code[named.end() : len(code) - len(braces)] if named else code
        shown = _Printed(re.sub(r"\blambda\b", "lamda", code)).latex()
    except (SyntaxError, ValueError, LookupError, RecursionError, MemoryError):
        return text
    return f"{name}={shown}" if name else shown


def _as_rows(text: str) -> str:
    """numpy's ``[[1 2] [3 4]]`` with the commas that it leaves out; ``[1 2; 3 4]`` as a matrix; ``[]`` as nothing."""
    if text.strip("{ $}") == "[]":
        return r"\emptyset "
    if _ROWS_WITHOUT_COMMAS.fullmatch(text) or _COLUMN.fullmatch(text):
        return _with_commas(text)
    if (table := _ROWS_BY_SEMICOLONS.fullmatch(text)) is None:
        return text
    rows = [re.split(r"[, ]+", row.strip()) for row in table[1].split(";")]
    is_table = len({len(row) for row in rows}) == 1 and len(rows[0]) > 1
    return pmatrix(rows) if is_table else text


def pmatrix(rows: Iterable[Iterable[str]]) -> str:
    """Rows of entries as LaTeX."""
    return rf"\begin{{pmatrix}}{(chr(92) * 2).join(map('&'.join, rows))}\end{{pmatrix}}"


def _with_commas(rows: str) -> str:
    """numpy's ``[[1 2] [3 4]]`` with the commas that it leaves out."""
    rows = re.sub(r"\s+(?=\])|(?<=\[)\s+|(?<=\d)\.(?=[\s\]])", "", rows)
    return re.sub(r"(?<=[\d.])\s+(?=[-\d])|(?<=\])\s*(?=\[)", ",", rows)


class _Printed:
    """An expression of Python; a `LookupError` or `ValueError` says that it is none of those that are known."""

    def __init__(self, code: str) -> None:
        self._code = code

    def latex(self) -> str:
        body = ast.parse(self._code, mode="eval").body
        while isinstance(body, ast.Set) and len(body.elts) == 1:  # in braces of TeX
            (body,) = body.elts
        return self._of(body)

    def _of(self, node: ast.expr) -> str:
        return _KINDS[type(node)](self, node)

    def _all(self, nodes: Sequence[ast.expr], by: str = ",") -> str:
        return by.join(map(self._of, nodes))

    def constant(self, node: ast.Constant) -> str:
        if isinstance(node.value, str):
            sign, bare = ("-" if node.value.startswith("-") else ""), node.value.lstrip("+-")
            return sign + (_NAMES[bare] if bare in ("inf", "infinity", "Infinity") else bare)
        if isinstance(node.value, bool):
            return rf"\text{{{node.value}}}"
        written = _BARE_POINT.sub("", self._code[node.col_offset : node.end_col_offset].replace("_", ""))
        return f"{written[:-1]}i" if isinstance(node.value, complex) else written

    def name(self, node: ast.Name) -> str:
        if node.id in _NAMES:
            return _NAMES[node.id]
        if (variable := _VARIABLE.fullmatch(node.id)) is None:
            raise LookupError(node.id)
        return f"{variable[1]}_{{{variable[2]}}}" if variable[2] else variable[1]

    def attribute(self, node: ast.Attribute) -> str:
        return self.name(ast.Name(_attribute(node)))

    def negative(self, node: ast.UnaryOp) -> str:
        sign = {ast.USub: "-", ast.UAdd: ""}[type(node.op)]
        return sign + self._operand(node.operand, ast.Add, ast.Sub)

    def operation(self, node: ast.BinOp) -> str:
        if isinstance(node.op, (ast.BitOr, ast.BitAnd)):
            return self._joined([node.left, node.right], isinstance(node.op, ast.BitOr))
        if _STATEMENT.search(result := self._arithmetic(type(node.op), node.left, node.right)):
            raise ValueError("an operation on statements or sets")
        return result

    def _arithmetic(self, kind: type[ast.operator], left: ast.expr, right: ast.expr) -> str:
        if kind is ast.Div:
            return rf"\frac{{{self._of(left)}}}{{{self._of(right)}}}"
        if kind is ast.Pow:
            base = self._of(left) if isinstance(left, (ast.Name, ast.Constant)) else f"({self._of(left)})"
            return f"{base}^{{{self._of(right)}}}"
        if kind in (ast.Add, ast.Sub):
            return f"{self._of(left)}{'+' if kind is ast.Add else '-'}{self._operand(right, ast.Add, ast.Sub)}"
        if kind is not ast.Mult:
            raise LookupError("another operation")
        return rf"{self._operand(left, ast.Add, ast.Sub)}\cdot {self._operand(right, ast.Add, ast.Sub)}"

    def _operand(self, node: ast.expr, *kinds: type) -> str:
        """An operand, in brackets if it is an operation of these kinds or has a sign of its own."""
        is_loose = isinstance(node, ast.UnaryOp) or (isinstance(node, ast.BinOp) and type(node.op) in kinds)
        is_loose |= isinstance(node, ast.Constant) and isinstance(node.value, complex)
        return f"({self._of(node)})" if is_loose else self._of(node)

    def _joined(self, nodes: Sequence[ast.expr], is_any: bool) -> str:
        parts = [part for part in map(self._of, nodes) if part]
        are_sets = all(part[0] in "([" or part.startswith((r"\{", r"\mathbb", r"\emptyset")) for part in parts)
        if not is_any and any(r"\lor" in part for part in parts):
            raise ValueError("alternatives in a condition")
        sign = ("cup" if is_any else "cap") if are_sets else ("lor" if is_any else "land")
        return f"\\{sign} ".join(parts)

    def either(self, node: ast.BoolOp) -> str:
        return self._joined(node.values, isinstance(node.op, ast.Or))

    def comparison(self, node: ast.Compare) -> str:
        """A chain of relations; nothing where a side is infinite, as sympy writes of all that is finite."""
        sides = [self._of(side) for side in (node.left, *node.comparators)]
        signs = [_SIGNS[type(sign)] for sign in node.ops]
        if len(sides) == 2 and any(side.endswith("infty") for side in sides):
            return ""
        return sides[0] + "".join(map("".join, zip(signs, sides[1:], strict=True)))

    def list(self, node: ast.List) -> str:
        if node.elts and all(isinstance(item, ast.Dict) for item in node.elts):
            return self._all(node.elts, r"\lor ")
        return f"[{self._all(node.elts)}]"

    def tuple(self, node: ast.Tuple) -> str:
        return f"({self._all(node.elts)})"

    def set(self, node: ast.Set) -> str:
        return rf"\{{{self._all(node.elts)}\}}"

    def dictionary(self, node: ast.Dict) -> str:
        r"""``{x: 3, y: 1}`` as names, ``{"answer": 42}`` as 42, ``{2: 2, 3: 1}`` as roots, each so often."""
        keys = [key.value if isinstance(key, ast.Constant) else None for key in node.keys]
        if any(isinstance(value, ast.Compare) for value in node.values):
            raise ValueError("a set given by a condition")
        if len(keys) == 1 and str(keys[0]).lower().replace(" ", "_") in _ANSWERS:
            return self._of(node.values[0])
        names = [self._of(key) for key in node.keys if key is not None]
        values = list(map(self._of, node.values))
        if not any(isinstance(key, str) or isinstance(node.keys[i], ast.Name) for i, key in enumerate(keys)):
            if not all(value.isdecimal() and int(value) <= _MOST_COPIES for value in values):
                raise ValueError("roots without their numbers")
            return ",".join(name for name, n in zip(names, values, strict=True) for _ in range(int(n)))
        if not all(map(re.compile(r"[A-Za-z](?:_\{\d+\})?|\\[a-z]+").fullmatch, names)):
            raise ValueError("names of other kinds")
        return ",".join(map("=".join, zip(names, values, strict=True)))

    def call(self, node: ast.Call) -> str:
        name, given = _attribute(node.func), node.args
        if name in _ENDS:
            return self._interval(name, node)
        if _ITSELF.fullmatch(name):
            return self._of(given[0])
        if "array" in name and not isinstance(given[0], (ast.List, ast.Tuple)):
            return self._of(given[0])
        if "diag" in name:
            return rf"\text{{diag}}({self._all(given[0].elts if isinstance(given[0], ast.List) else given)})"
        if "atrix" in name or name in ("array", "asarray"):
            return self._matrix(name, given)
        if name == "Piecewise":
            rows = (self._all(row.elts, "&") for row in given if isinstance(row, ast.Tuple))
            return rf"\begin{{cases}}{(chr(92) * 2).join(rows)}\end{{cases}}".replace("{True}", "{otherwise}")
        if name in ("And", "Or"):
            return self._joined(given, name == "Or")
        if name in ("Union", "Intersection"):
            return {"Union": r"\cup ", "Intersection": r"\cap "}[name].join(map(self._of, given))
        if name in ("FiniteSet", "set", "frozenset"):
            items = self._all(given)
            return rf"\{{{items[1:-1] if name != 'FiniteSet' else items}\}}" if items else r"\emptyset"
        arguments = list(map(self._of, given))
        if name in ("Sum", "Product"):
            index, start, end = arguments[1][1:-1].split(",")
            return rf"(\{'sum' if name == 'Sum' else 'prod'}_{{{index}={start}}}^{{{end}}}({arguments[0]}))"
        if name in _FUNCTIONS:
            return rf"\{_FUNCTIONS[name]}({','.join(arguments)})"
        if len(name) == 1:  # f(x)
            return f"{name}({','.join(arguments)})"
        return _CALLS[name, len(arguments)](*arguments)

    def _interval(self, name: str, node: ast.Call) -> str:
        low, high = map(self._of, node.args[:2])
        left, right = _ENDS[name]
        flags = dict(zip(("left_open", "right_open"), node.args[2:], strict=False))
        flags |= {word.arg: word.value for word in node.keywords if word.arg}
        opened = {side: isinstance(flag, ast.Constant) and flag.value is True for side, flag in flags.items()}
        left = "(" if opened.get("left_open") or low.endswith("infty") else left
        right = ")" if opened.get("right_open") or high.endswith("infty") else right
        return f"{left}{low},{high}{right}"

    def _matrix(self, name: str, given: Sequence[ast.expr]) -> str:
        if name == "matrix" and len(given) > 1:  # of Maxima, row by row
            given = [ast.List(list(given))]
        (entries,) = given[-1:]
        if not isinstance(entries, (ast.List, ast.Tuple)):
            raise ValueError("no entries")
        rows = [row.elts for row in entries.elts if isinstance(row, (ast.List, ast.Tuple))]
        if not rows and "array" in name:
            return f"[{self._all(entries.elts)}]" if "j" in self._code else f"({self._all(entries.elts)})"
        if not rows:
            width = int(self._of(given[1])) if len(given) == 3 else 1
            rows = [entries.elts[i : i + width] for i in range(0, len(entries.elts), width)]
        return pmatrix(map(self._of, row) for row in rows)


def _attribute(node: ast.expr) -> str:
    """The last name of ``np.float64``, ``Interval.open`` and of names alone."""
    if isinstance(node, ast.Name):
        return node.id
    if (
        isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id in {*_MODULES, "Interval"}
    ):
        return node.attr
    raise LookupError("another attribute")


def _ratio(above: str, below: str) -> str:
    return rf"\frac{{{above}}}{{{below}}}"


_CALLS: dict[tuple[str, int], Callable[..., str]] = {
    ("Rational", 1): str,
    ("Fraction", 1): str,
    ("Rational", 2): _ratio,
    ("Fraction", 2): _ratio,
    ("eye", 1): "I_{{{}}}".format,
    ("EmptySet", 0): lambda: r"\emptyset",
    ("Complement", 2): r"{}\setminus {}".format,
    ("sqrt", 1): r"\sqrt{{{}}}".format,
    ("cbrt", 1): r"\sqrt[3]{{{}}}".format,
    ("root", 2): lambda a, n: rf"\sqrt[{n}]{{{a}}}",
    ("real_root", 2): lambda a, n: rf"\sqrt[{n}]{{{a}}}",
    ("exp", 1): "e^{{{}}}".format,
    ("pow", 2): "({})^{{{}}}".format,
    ("log", 1): r"\ln({})".format,
    ("ln", 1): r"\ln({})".format,
    ("log", 2): lambda a, b: rf"\frac{{\ln({a})}}{{\ln({b})}}",
    ("log2", 1): r"\log_{{2}}({})".format,
    ("log10", 1): r"\log_{{10}}({})".format,
    ("floor", 1): r"\lfloor {}\rfloor ".format,
    ("ceil", 1): r"\lceil {}\rceil ".format,
    ("ceiling", 1): r"\lceil {}\rceil ".format,
    ("factorial", 1): "({})!".format,
    ("gamma", 1): r"\Gamma({})".format,
    ("Mod", 2): r"(({})\bmod ({}))".format,
    ("ImageSet", 2): lambda body, members: rf"{body}\in {members}",
}
_CALLS |= {(name, 1): "abs({})".format for name in ("Abs", "abs", "fabs")}
_CALLS |= {(name, 2): r"\binom{{{}}}{{{}}}".format for name in ("binomial", "comb")}
_CALLS |= {("perm", 2): r"\frac{{{0}!}}{{({0}-{1})!}}".format, ("complex", 2): "{}+({})i".format}
_CALLS |= {("mpc", 2): "{}+({})i".format, ("Lambda", 2): lambda letter, body: f"{body},{letter}"}
_CALLS |= {(name, n): lambda *items: f"({','.join(items)})" for name in ("Tuple", "Point", "Point2D") for n in (2, 3)}
_CALLS |= {("Point3D", 3): "({},{},{})".format}
_CALLS |= {(n, 2): lambda a, b, sign=sign: f"{a}{sign}{b}" for n, sign in _RELATIONS.items()}
_KINDS: dict[type, Callable[..., str]] = {
    ast.Constant: _Printed.constant,
    ast.Name: _Printed.name,
    ast.Attribute: _Printed.attribute,
    ast.UnaryOp: _Printed.negative,
    ast.BinOp: _Printed.operation,
    ast.BoolOp: _Printed.either,
    ast.Compare: _Printed.comparison,
    ast.List: _Printed.list,
    ast.Tuple: _Printed.tuple,
    ast.Set: _Printed.set,
    ast.Dict: _Printed.dictionary,
    ast.Call: _Printed.call,
}
