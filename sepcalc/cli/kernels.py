"""The kernel that was meant: a matrix in other notations, or a name. Loaded only after an error."""

import re

from sepcalc.errors import Invalid


def kernel_name(text: str) -> str:
    """The named kernel that was meant: ``sobel_x``, ``gaussian 5x5``. Empty where there is none."""
    words = re.sub(r"(\d+)x\1\b", r"\1", text.lower().replace("_", " ").replace("-", " ")).split()
    words = [part for word in words for part in re.findall(r"[a-z]+|\d+", word)]
    names = [word for word in words if not word.isdigit()]
    sizes = [word for word in words if word.isdigit()]
    for name in ("-".join((*names, *sizes)), *([f"{names[0][:-1]}-{names[0][-1]}"] if len(names) == 1 else [])):
        if len(text) < 40 and name != text and is_kernel(name):
            return name
    return ""


def matrix(text: str) -> str:
    """A matrix in brackets, or with other separators, in our notation. Empty where it is not one."""
    if len(text) > 2000 or not re.search(r"[\[({/]|\n|\\n", text):
        return ""
    text = re.sub(r"[A-Za-z_][\w.]*\(", "(", text.replace("\\n", "\n"))  # np.array(
    text = text.replace("{", "[").replace("}", "]")
    text = re.sub(r",?\s*dtype\s*=\s*[\w.]+", "", text)
    flat = text.replace("(", "[").replace(")", "]")
    rows = [*re.finditer(r"\[([^\[\]]+)\]", flat)]
    if rows:
        written, end = "", 0
        for row in rows:  # what closes between two rows closes a slice
            between = (" | " if "]" in flat[end : row.start()] else "; ") if written else ""
            written, end = f"{written}{between}{' '.join(row[1].replace(',', ' ').split())}", row.end()
    else:
        written = "; ".join(filter(None, map(str.strip, re.split(r"\s+/\s+|\n", text))))
    return written if re.fullmatch(r"[-+\d.e/ ;|]+", written) else ""


def is_kernel(word: str) -> bool:
    """Whether a word is a kernel: a matrix, a file of one, or a name."""
    if ";" in word or word.lower().endswith((".npy", ".csv")):
        return True
    from sepcalc.factoring.named import named

    try:
        named(word)
    except Invalid:
        return False
    return True
