"""Lines of a table in Markdown."""


def row(*cells):
    return "| " + " | ".join(str(cell) for cell in cells) + " |\n"


def header(*cells):
    return row(*cells) + row(*(["---"] + ["---:"] * (len(cells) - 1)))


def number(value, form):
    return "" if value is None else format(value, form)
