"""Finds the functions of a C++ source by its braces, for scripts/tidy.py. It needs no compiler, and reads what the preprocessor
would drop."""

import re

TOKENS = re.compile(r"""
    //[^\n]*                                    # comments
  | /\*.*?\*/
  | (?<![A-Za-z0-9_])(?:u8|[uUL])?R"(?P<tag>[^()\\\s]*)\(.*?\)(?P=tag)"   # raw strings
  | "(?:\\.|[^"\\\n])*"                         # strings
  | (?<![0-9A-Fa-f])'(?:\\.|[^'\\\n])+'         # characters, but not the marks in 1'000
  | ^[ \t]*\#(?:\\\n|[^\n])*                    # directives
""", re.VERBOSE | re.DOTALL | re.MULTILINE)

CONTAINER = re.compile(r"\b(?:namespace|class|struct|union|enum)\b|\bextern\s*\"")


def blanked(source):
    """The source without comments, strings and directives; every line stays where it is."""
    def blank(match):
        text = match.group(0)
        keep = '""' if text[-1] == '"' else ""
        return keep + re.sub(r"[^\n]", " ", text)[len(keep):]
    return TOKENS.sub(blank, source)


def without_templates(head):
    """The head without what opens it between `template <` and its `>`."""
    while match := re.match(r"\s*template\s*<", head):
        depth, position = 1, match.end()
        while depth and position < len(head):
            depth += {"<": 1, ">": -1}.get(head[position], 0)
            position += 1
        head = head[position:]
    return head.strip()


def is_function(head):
    """Whether what stands before a brace is the head of a function: it has a parameter list, and is neither a type, a
    namespace nor the initialiser of a variable."""
    head = without_templates(head)
    if "(" not in head:
        return False
    before = head[:head.index("(")]
    if "operator" not in before and re.search(r"(?<![=!<>])=(?!=)", before):
        return False
    return not CONTAINER.match(before)


def functions_of(source):
    """(name, first line, last line) of every function that is defined in a file."""
    code = blanked(source)
    out = []
    containers = []   # for each open brace outside functions: whether it may hold functions
    head_start, position, parens = 0, 0, 0
    while position < len(code):
        char = code[position]
        if char == "(":
            parens += 1
        elif char == ")":
            parens -= 1
        elif char == ";" and parens == 0:
            head_start = position + 1
        elif char == "}":
            if containers:
                containers.pop()
            head_start = position + 1
        elif char == "{" and parens > 0:
            position = closing(code, position)
        elif char == "{":
            head = re.sub(r"^\s*(?:public|private|protected)\s*:", "", code[head_start:position])
            if is_function(head):
                end = closing(code, position)
                # Members that are initialised in braces come before the body.
                while (after := re.compile(r"\s*(?:,[^{};]*)?\{").match(code, end + 1)) and not code[end + 1:].lstrip().startswith(";"):
                    end = closing(code, after.end() - 1)
                first = head_start + len(code[head_start:position]) - len(head)
                first += len(head) - len(head.lstrip())
                name = (re.findall(r"[~\w:]+(?=\s*\()", head) or ["?"])[0]
                out.append((name, code.count("\n", 0, first) + 1, code.count("\n", 0, end) + 1))
                position = end
                head_start = end + 1
            elif re.search(r"\b(?:namespace|class|struct|union)\b|\bextern\b", head) and "=" not in head.split("{")[0].replace("==", ""):
                containers.append(True)
                head_start = position + 1
            else:
                position = closing(code, position)
        position += 1
    return out


def closing(code, start):
    """The position of the brace that closes the one at `start`."""
    depth = 0
    for match in re.compile(r"[{}]").finditer(code, start):
        depth += 1 if match.group() == "{" else -1
        if depth == 0:
            return match.start()
    return len(code) - 1
