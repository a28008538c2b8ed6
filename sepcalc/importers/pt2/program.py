"""A program of a file as a trace: its operator calls, in order, on tensors of known sizes."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from math import prod
from typing import Any, NamedTuple

from sepcalc.errors import Invalid, printable, quoted
from sepcalc.importers.aten.calls import Call, Tensor
from sepcalc.importers.aten.composites import ALIASES, parts_of
from sepcalc.importers.aten.defaults import complete
from sepcalc.importers.aten.ledger import MAX_CALLS, Ledger, place_of
from sepcalc.importers.aten.lowering import Stop, Stored, Trace
from sepcalc.importers.aten.operators import row_of
from sepcalc.importers.common.layout import PART, RESHAPED, TURNED
from sepcalc.importers.pt2.names import in_place, made_by, module_of, modules_in, operator_of, result_names
from sepcalc.importers.pt2.symbols import Open, symbols_in, value_of
from sepcalc.importers.pt2.values import Meta, computed, entry, listed, meta_of, shape_of, tag_of

MAX_DEPTH = 50  # of graphs within graphs
ASKS = "what runs next depends on a value of the data: counted up to here"
# Operators that run a graph as it stands, and where the graph is among their arguments.
_UNFOLDED = (
    *("wrap_with_set_grad_enabled", "wrap_with_autocast", "wrap", "invoke_subgraph", "hints_wrapper"),
    *("wrap_activation_checkpoint", "tag_activation_checkpoint", "strict_mode"),
)
# Operators whose result may be their operand itself, beside those that rename axes or take parts.
_VIEWS = (
    *(
        "alias",
        "detach",
        "contiguous",
        "to",
        "type_as",
        "lift_fresh",
        "expand",
        "expand_as",
        "broadcast_to",
        "diagonal",
    ),
    *("unfold", "as_strided", "positive", "dropout", "feature_dropout", "alpha_dropout", "feature_alpha_dropout"),
)


class Given(NamedTuple):
    """What a signature says of a graph's input: ``kind`` (parameter, buffer, user_input …), the name of its value in
    the graph, the name under which it is stored, and whether a buffer is stored with the weights."""

    kind: str
    value: str
    stored: str = ""
    persistent: bool = True


class Program:
    """A program: what its signature and its graph say, before sizes are known."""

    def __init__(self, program: Mapping[str, Any], payloads: Mapping[str, Mapping[str, Any]]) -> None:
        module = entry(program, "graph_module", dict)
        self.graph: Mapping[str, Any] = entry(module, "graph", dict)
        signature = entry(module, "signature", dict)
        self.given = [_given(one) for one in entry(signature, "input_specs", list)]
        self.outputs = [tag_of(one) for one in entry(signature, "output_specs", list)]
        self.metas = {name: meta_of(one) for name, one in entry(self.graph, "tensor_values", dict).items()}
        self.ranges: Mapping[str, Any] = program.get("range_constraints") or {}
        self.payloads = payloads
        calls = module.get("module_call_graph") or []
        self.paths = {one["fqn"] for one in calls if isinstance(one, dict) and isinstance(one.get("fqn"), str)}
        self.results = result_names(calls)
        every = [size for meta in self.metas.values() for size in meta.sizes if isinstance(size, str)]
        self.symbols = list(dict.fromkeys(name for size in dict.fromkeys(every) for name in symbols_in(size)))
        self.inputs = [one.value for one in self.given if one.kind == "user_input" and one.value in self.metas]

    def stored(self) -> tuple[list[Stored], dict[str, int]]:
        """The params and buffers that the file stores, params first, and the number of each by its name."""
        params = {one.stored: self.metas.get(one.value) for one in self.given if one.kind == "parameter"}
        buffers = {
            one.stored: self.metas.get(one.value) for one in self.given if one.kind == "buffer" and one.persistent
        }
        for name, payload in self.payloads.items():
            if isinstance(payload.get("tensor_meta"), dict):
                meta = meta_of(payload["tensor_meta"])
                said = params.get(name) or buffers.get(name)
                if said and (said.sizes, said.kind) != (meta.sizes, meta.kind):
                    raise Invalid(f"{quoted(name)} has other sizes in the graph than in the list of weights")
                if not said and payload["folder"].endswith("weights"):
                    (params if payload.get("is_param") else buffers)[name] = meta
        made, numbers, same = list[Stored](), dict[str, int](), dict[Any, int]()
        for trained, metas in ((True, params), (False, buffers)):
            for name, known in metas.items():
                if known is None:
                    raise Invalid(f"the file does not say what {quoted(name)} is")
                meta = known
                if not trained and meta.kind != "f":
                    continue
                payload = self.payloads.get(name, {})
                identity = (payload.get("path_name") or name, meta.sizes, meta.strides, meta.offset)
                if identity not in same:
                    same[identity] = len(made)
                    made.append(Stored(name, prod(shape_of(meta, {})), -(-meta.bits // 8), trained))
                numbers[name] = same[identity]
        return made, numbers

    def trace(self, sizes: Mapping[str, int]) -> Trace:
        """The calls where the symbols have these sizes. Raises Invalid."""
        return _Reading(self, sizes).trace()


def _given(spec: Any) -> Given:
    """An entry of the signature's inputs."""
    kind, said = tag_of(spec)
    if kind == "constant_input":
        return Given(kind, "")
    argument = entry(said, "arg", dict)
    if kind == "user_input":
        tag, value = tag_of(argument)
        name = value.get("name", value.get("as_name")) if isinstance(value, dict) else None
        return Given(kind if tag == "as_tensor" else "scalar_input", name if isinstance(name, str) else "")
    stored = next((said[name] for name in ("parameter_name", "buffer_name") if name in said), "")
    persistent = said.get("persistent") is not False
    return Given(kind, entry(argument, "name", str), stored if isinstance(stored, str) else "", persistent)


class _Reading:
    """One reading of a program's graph, with sizes for its symbols."""

    def __init__(self, program: Program, sizes: Mapping[str, int]) -> None:
        self.program = program
        self.sizes = sizes
        self.ledger = Ledger(Invalid(f"it has more than {MAX_CALLS:,} operators"))
        self.runs: dict[str, int] = {}
        self.classes: dict[str, str] = {}
        self.paths = {path.replace(".", "/") for path in program.paths}
        self.depth = 0

    def trace(self) -> Trace:
        parameters, numbers = self.program.stored()
        values, inputs = dict[str, Any](), dict[str, Tensor]()
        for kind, name, stored, persistent in self.program.given:
            if name in values:
                raise Invalid(f"the value {quoted(name)} is made twice")
            if kind in ("constant_input", "scalar_input", "token", "custom_obj"):
                continue
            meta = self.program.metas.get(name)
            if meta is None:
                raise Invalid(f"the file does not say what {quoted(name)} is")
            live = kind == "user_input"
            kept = kind == "parameter" or (kind == "buffer" and persistent)
            roots = (numbers[stored],) if kept and stored in numbers else ()
            try:
                values[name] = self.tensor(meta, live, roots, frozenset([name] if live else []), name)
            except Open as fact:
                raise Invalid(f"{quoted(name)} has a size {fact.names[0]} that is not known") from fact
            if live:
                inputs[printable(name)[:200]] = values[name]
        stop = self.graph(self.program.graph, values, self.program.metas)
        outputs = {} if stop else self.outputs(values)
        prefixes = {path[:at] for path in self.paths for at, sign in enumerate(path) if sign == "/"}
        runs = {run for key, run in self.runs.items() if module_of(key)[0] not in prefixes}
        return Trace(self.ledger.calls, inputs, outputs, parameters, runs, (), stop, self.classes, True)

    def outputs(self, values: dict[str, Any]) -> dict[str, Tensor]:
        """The results that are tensors, by name."""
        found, at = dict[str, Tensor](), -1
        names = self.program.results
        for kind, said in self.program.outputs:
            if kind not in ("user_output", "loss_output"):
                continue
            at += 1
            argument = said.get("arg") if isinstance(said, dict) else None
            tag, value = tag_of(argument) if kind == "user_output" else ("as_tensor", argument)
            if tag == "as_tensor":
                tensor = self.read(values, entry(value, "name", str), "", 0)
                found[printable(names[at] if at < len(names) else f"output{at}")] = tensor
        return found

    # --- values ---------------------------------------------------------------------------------------------------

    def tensor(self, meta: Meta, live: bool, roots: tuple[int, ...], origins: frozenset[str], storage: Any) -> Tensor:
        """A tensor of this description. Raises Open, Invalid."""
        shape, place = shape_of(meta, self.sizes), None
        with suppress(Open):
            strides = [computed(one, self.sizes) for one in meta.strides]
            place = place_of(storage, shape, strides, computed(meta.offset, self.sizes))
        return self.ledger.new(Tensor(0, shape, meta.kind, live, roots, origins, meta.bits or None), place)

    def read(self, values: dict[str, Any], name: str, path: str, run: int) -> Tensor:
        """A tensor by name, as it is now."""
        found = values.get(name)
        if not isinstance(found, Tensor):
            raise Invalid(f"{quoted(name)} is read before it is made")
        values[name] = self.ledger.current(found, path, run)
        current: Tensor = values[name]
        return current

    def argument(self, union: Any, values: dict[str, Any], where: tuple[str, int]) -> Any:
        """The value of an argument. Raises Open, Invalid."""
        tag, given = tag_of(union)
        if tag in ("as_tensor", "as_optional_tensor"):
            if tag == "as_optional_tensor" and tag_of(given)[0] == "as_none":
                return None
            name = entry(given if tag == "as_tensor" else tag_of(given)[1], "name", str)
            return self.read(values, name, *where)
        if tag in ("as_tensors", "as_optional_tensors"):
            each = [one if "name" in one else tag_of(one)[1] for one in listed(given) if isinstance(one, dict)]
            return [self.read(values, one["name"], *where) if isinstance(one, dict) else None for one in each]
        if tag == "as_nested_tensors":
            return [self.argument({"as_tensors": one}, values, where) for one in listed(given)]
        if tag.startswith("as_sym_"):
            return [self.symbol(one) for one in listed(given)] if isinstance(given, list) else self.symbol(given)
        if tag == "as_graph":
            return entry(given, "graph", dict)
        if isinstance(given, list):
            return [listed(one) if isinstance(one, list) else one for one in listed(given)]
        plain = isinstance(given, (int, float, str, bool)) and tag not in ("as_none", "as_device")
        return given if plain else None

    def symbol(self, given: Any) -> Any:
        """A number that may be a symbol's. Raises Open."""
        tag, value = tag_of(given)
        if tag != "as_name":
            return value
        for kind in ("sym_int_values", "sym_float_values", "sym_bool_values"):
            said = (self.program.graph.get(kind) or {}).get(value) or (self.scope.get(kind) or {}).get(value)
            if said is None:
                continue
            tag, inner = tag_of(said)
            if tag != "as_expr":
                return inner
            number = value_of(entry(inner, "expr_str", str), self.sizes)
            return number if isinstance(number, bool) else int(number) if number == int(number) else float(number)
        raise Invalid(f"{quoted(str(value)[:80])} is read before it is made")

    # --- calls ----------------------------------------------------------------------------------------------------

    def graph(self, graph: Mapping[str, Any], values: dict[str, Any], metas: Mapping[str, Meta]) -> Stop | None:
        """Follows a graph, up to a call that cannot be followed."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise Invalid(f"it has graphs within graphs, more than {MAX_DEPTH} deep")
        outer, self.scope = getattr(self, "scope", {}), graph
        stop = None
        for node in entry(graph, "nodes", list):
            if stop := self.node(node, values, metas):
                break
        self.scope = outer
        self.depth -= 1
        return stop

    def node(self, node: Any, values: dict[str, Any], metas: Mapping[str, Meta]) -> Stop | None:
        """Follows one node; the point where that cannot be done."""
        target = entry(node, "target", str)
        metadata = node.get("metadata")
        path, run = self.place(metadata.get("nn_module_stack", "") if isinstance(metadata, dict) else "")
        library, name, overload = operator_of(target)
        made = made_by(entry(node, "outputs", list))
        if library in ("", "prim", "profiler") or name.startswith(("_assert", "_functional_assert", "sym_")):
            made = [one for one in made if one in metas]
            if not made:
                return None
        arguments = dict[str, Any]()
        try:
            for at, one in enumerate(entry(node, "inputs", list)):
                label = one.get("name") if isinstance(one, dict) and isinstance(one.get("name"), str) else ""
                label = label or f"argument{at}"
                arguments[label if label not in arguments else f"{label}{at}"] = self.argument(
                    one.get("arg") if isinstance(one, dict) else one, values, (path, run)
                )
            if library == "higher_order" and name in _UNFOLDED:
                return self.unfolded(arguments, made, values)
            arguments = complete(name, arguments) if library == "aten" else arguments
            return self.called(Call(name, arguments, (), path, run, library), overload, made, values, metas)
        except Open:
            tensors = {label: one for label, one in arguments.items() if isinstance(one, (Tensor, list))}
            return Stop(Call(name, tensors, (), path, run, library), ASKS)

    def called(
        self, call: Call, overload: str, made: Sequence[str], values: dict[str, Any], metas: Mapping[str, Meta]
    ) -> Stop | None:
        """Records a call with its results. Raises Open, Invalid."""
        arguments, name = call.arguments, call.op.removesuffix("_") if in_place(call.op) else call.op
        into = "out" if overload == "out" else "self" if name != call.op else ""
        call = call._replace(op=ALIASES.get(name, name) if call.library == "aten" else name)
        row = row_of(call.op)
        live, roots, origins = facts = self.ledger.facts(call.op, arguments)
        for one in made:
            if one in values or one not in metas:
                is_twice = "is made twice" if one in values else "has no shape in the file"
                raise Invalid(f"the value {quoted(one)} {is_twice}")
        if call.library == "aten" and (parts := parts_of(self.ledger, call)) is not None:
            for one, part in zip(made, parts):
                if part.shape != shape_of(metas[one], self.sizes):
                    raise Invalid(f"{quoted(one)} is {list(part.shape)}, and has other sizes in the file")
                values[one] = part
            return None
        storage = self.storage(call, into)
        outputs = list[Tensor]()
        for one in made:
            depends = live and 0 not in metas[one].sizes
            outputs.append(self.tensor(metas[one], depends, roots, origins, one if storage is None else storage))
            values[one] = outputs[-1]
        if not outputs and call.library == "aten":
            return None
        if self.ledger.matters(call.op, facts, outputs) or (row.handle is None and live):
            self.ledger.note(call._replace(outputs=tuple(outputs)))
        if into and outputs and isinstance(written := arguments.get(into), Tensor):
            self.ledger.written(outputs[0])
            for label in [label for label, one in values.items() if one is written]:
                values[label] = outputs[0]
        return None

    def storage(self, call: Call, into: str) -> Any:
        """The storage in which the results of a call lie, where it is that of an argument."""
        given = call.maybe(into or ("self" if "self" in call.arguments else "input"))
        row = row_of(call.op)
        shares = into or row.layout in (RESHAPED, TURNED, PART) or row.parts or call.op in _VIEWS
        place = self.ledger.places[given.at] if given is not None and shares else None
        return place.storage if place is not None else None

    def unfolded(self, arguments: Mapping[str, Any], made: Sequence[str], values: dict[str, Any]) -> Stop | None:
        """Follows the graph among the arguments, on the arguments after it."""
        given = list(arguments.values())
        at = next((at for at, one in enumerate(given) if isinstance(one, dict)), None)
        if at is None:
            raise Invalid("an operator that runs a graph has none")
        graph, rest = given[at], [each for one in given[at + 1 :] for each in (one if isinstance(one, list) else [one])]
        names = made_by(entry(graph, "inputs", list), every=True)
        metas = {name: meta_of(one) for name, one in entry(graph, "tensor_values", dict).items()}
        inner = dict(zip(names, rest))
        if len(names) != len(rest):
            raise Invalid(f"a graph with {len(names)} inputs is given {len(rest)}")
        if stop := self.graph(graph, inner, metas):
            return stop
        results = made_by(entry(graph, "outputs", list))
        for name, result in zip(made, results):
            values[name] = self.read(inner, result, "", 0)
        return None

    def place(self, stack: Any) -> tuple[str, int]:
        """The path of the module that runs a node, and the number of that module's run."""
        if not isinstance(stack, str):
            return "", 0
        path, _ = module_of(stack)
        if stack not in self.runs:
            self.runs[stack] = len(self.runs) + 1
            for outer, its in modules_in(stack):
                self.classes.setdefault(outer, its)
                self.paths.add(outer)
        return path, self.runs[stack]
