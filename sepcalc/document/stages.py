"""The stage table: a paper's table, read as uses of one block."""

from collections.abc import Sequence

from sepcalc.document.blocks import Blocks
from sepcalc.document.entries import Stages, Use
from sepcalc.document.pieces import Piece, listed
from sepcalc.errors import near_miss, quoted
from sepcalc.nodes import Mapping as MappingNode
from sepcalc.nodes import Node, Scalar
from sepcalc.nodes import Sequence as SequenceNode

REPEAT = "repeat"


def read_stages(reader: Blocks, node: MappingNode, value: Node) -> Stages | None:
    """``stages: bottleneck`` with ``columns``, ``rows`` and ``first``: a row is one use of the block, or ``repeat``
    of them; what ``first`` names is for the first of a row, the others have the block's default."""
    notes = reader.notes
    block = notes.scalar(value, "stages")
    if block is None or block in reader.refused:
        return None
    if block not in reader.blocks:
        notes.add(f"stages: there is no block {quoted(block)}", near_miss(block, reader.blocks), value)
        return None
    columns = _columns(reader, node, block)
    first = _first(reader, node, block, columns)
    rows = node.values.get("rows")
    if rows is None:
        notes.add("stages needs rows: a list of lists, one for each row of the table", "rows: [[…], […]]", node)
    elif not isinstance(rows, SequenceNode):
        notes.add("rows: expected a list of lists", "rows: [[…], […]]", rows)
    if not columns or first is None or not isinstance(rows, SequenceNode):
        return None
    if not rows.items:
        notes.add("rows is empty: expected a list for each row of the table", "rows: [[…], […]]", rows)
    read = [_row(reader, row, block, columns, first) for row in rows.items]
    return None if None in read or not read else Stages(value, tuple([row for row in read if row is not None]))


def _columns(reader: Blocks, node: MappingNode, block: str) -> Sequence[str]:
    """The names of the columns; none and a problem where they do not fit the block."""
    notes = reader.notes
    names = _names(reader, node, "columns")
    if names is None:
        return ()
    parameters = [name for name, _ in reader.blocks[block].parameters]
    right = bool(names)
    if not names:
        notes.add("stages needs columns: the block's parameters, and repeat", "columns: [out, repeat, stride]", node)
    for at, name in enumerate(names):
        if name.text not in (*parameters, REPEAT):
            message = f"{block}({listed(parameters)}) has no parameter {quoted(name.text)}"
            notes.add(message, near_miss(name.text, (*parameters, REPEAT)), name)
            right = False
        elif name.text in [other.text for other in names[:at]]:
            notes.add(f"the column {name.text} stands there twice", "", name)
            right = False
    return [name.text for name in names] if right else ()


def _first(reader: Blocks, node: MappingNode, block: str, columns: Sequence[str]) -> Sequence[str] | None:
    """The columns that are for the first use of a row alone."""
    if "first" not in node.values:
        return ()
    names = _names(reader, node, "first")
    if names is None:
        return None
    defaults = dict(reader.blocks[block].parameters)
    right = True
    for name in names:
        if columns and (name.text not in columns or name.text == REPEAT):
            fitting = [column for column in columns if column != REPEAT]
            hint = near_miss(name.text, fitting)
            reader.notes.add(f"first: {quoted(name.text)} is no column of the block's parameters", hint, name)
            right = False
        elif columns and defaults[name.text] is None:
            message = f"first: {name.text} of {block} has no default, which the others of a row would have"
            reader.notes.add(message, f"for example {block}(…, {name.text}=1)", name)
            right = False
    return [name.text for name in names] if right else None


def _names(reader: Blocks, node: MappingNode, key: str) -> Sequence[Scalar] | None:
    """The texts of a list, or None and a problem."""
    value = node.values.get(key)
    if value is None:
        return ()
    if not isinstance(value, SequenceNode) or not all(isinstance(item, Scalar) for item in value.items):
        reader.notes.add(f"{key}: expected a list of names", f"for example {key}: [out, stride]", value)
        return None
    return [item for item in value.items if isinstance(item, Scalar)]


def _row(
    reader: Blocks, row: Node, block: str, columns: Sequence[str], first: Sequence[str]
) -> tuple[Use, Use, Piece | None] | None:
    reader.library.written += 1
    if not isinstance(row, SequenceNode) or len(row.items) != len(columns):
        count = f", not {len(row.items)}" if isinstance(row, SequenceNode) else ""
        hint = "quote a value with a comma in it" if isinstance(row, SequenceNode) else ""
        message = f"a row: expected a list of {len(columns)} values for {listed(columns)}{count}"
        reader.notes.add(message, hint, row)
        return None
    values: list[tuple[str, Piece]] = []
    for name, item in zip(columns, row.items, strict=True):
        piece = reader.value_piece(item, name) if name == REPEAT else reader.argument_piece(item, name)
        if piece is None:
            return None
        values.append((name, piece))
    repeat = dict(values).get(REPEAT)
    arguments = [(name, piece) for name, piece in values if name != REPEAT]
    use = reader.checked_use(Use(row, block, (), tuple(arguments)))
    if use is None:
        return None
    others = tuple([(name, piece) for name, piece in arguments if name not in first])
    return use, use._replace(named=others), repeat
