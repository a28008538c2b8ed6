"""A program of a file as a trace: its operator calls, in order, on tensors of known sizes."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from math import prod
from typing import Any, NamedTuple

from sepcalc.cost import COSTS
from sepcalc.errors import InputError, Invalid, printable, quoted
from sepcalc.importers.aten.calls import Call, Tensor
from sepcalc.importers.aten.ledger import MAX_CALLS
from sepcalc.importers.aten.listing import Laid, Listing, is_checked, operator_of, tensors_in
from sepcalc.importers.aten.lowering import Stop, Stored, Trace, lowered
from sepcalc.importers.pt2.symbols import Open, symbols_in, value_of
from sepcalc.importers.pt2.values import Meta, computed, hints, listed, meta_of, shape_of, tag_of

MAX_DEPTH = 50  # of graphs within graphs
ASKS = "what runs next depends on a value of the data: counted up to here"
# Operators that run a graph as it stands, on the arguments after it.
_UNFOLDED = (
    *("wrap_with_set_grad_enabled", "wrap_with_autocast", "wrap", "invoke_subgraph", "hints_wrapper"),
    *("wrap_activation_checkpoint", "tag_activation_checkpoint", "strict_mode"),
)
_ROOT = re.compile(r"^(L__self__|L\['self'\]|_empty_nn_module_stack_from_metadata_hook)[._]?")
Where = tuple[str, int]  # the path of the module that runs, and the number of its run


class Given(NamedTuple):
    """What a signature says of a graph's input: ``kind`` (parameter, buffer, user_input …), the name of its value in
    the graph, the name under which it is stored, and whether it is stored with the weights."""

    kind: str
    value: str
    stored: str = ""
    kept: bool = False


@contextmanager
def reading() -> Iterator[None]:
    """Raises Invalid where the JSON of a program is not what it should be."""
    try:
        yield
    except InputError:
        raise
    except (LookupError, TypeError, AttributeError, ValueError, ArithmeticError, AssertionError, RuntimeError) as error:
        raise Invalid("its program is damaged, or of a version that is not known") from error


class Program:
    """A program: what its signature and its graph say, before sizes are known. Raises Invalid."""

    def __init__(self, program: Mapping[str, Any], payloads: Mapping[str, Mapping[str, Any]]) -> None:
        with reading():
            module = program["graph_module"]
            self.graph: Mapping[str, Any] = module["graph"]
            self.given = [_given(*tag_of(one)) for one in module["signature"]["input_specs"]]
            self.outputs = [tag_of(one) for one in module["signature"]["output_specs"]]
            self.metas = _metas(self.graph)
            self.ranges: Mapping[str, Any] = dict(program.get("range_constraints") or {})
            calls = module.get("module_call_graph") or []
            self.paths = {str(one["fqn"]).replace(".", "/") for one in calls}
            self.results = _result_names(calls)
            self.stored, self.numbers = self._stored(payloads)
            self.hints = dict(hints(self.graph))
        every = [size for meta in self.metas.values() for size in meta.sizes if isinstance(size, str)]
        self.symbols = list(dict.fromkeys(name for size in dict.fromkeys(every) for name in symbols_in(size)))
        self.inputs = [one.value for one in self.given if one.kind == "user_input" and one.value in self.metas]

    def _stored(self, payloads: Mapping[str, Mapping[str, Any]]) -> tuple[list[Stored], dict[str, int]]:
        """The params and buffers that the file stores, params first, and the number of each by its name."""
        params = {one.stored: self.metas[one.value] for one in self.given if one.kind == "parameter"}
        buffers = {one.stored: self.metas[one.value] for one in self.given if one.kind == "buffer" and one.kept}
        for name, payload in payloads.items():
            if payload.get("tensor_meta"):
                meta = meta_of(payload["tensor_meta"])
                said = params.get(name) or buffers.get(name)
                if said and (said.sizes, said.kind) != (meta.sizes, meta.kind):
                    raise Invalid(f"{quoted(name)} has other sizes in the graph than in the list of weights")
                if not said and payload["folder"].endswith("weights"):
                    (params if payload.get("is_param") else buffers)[name] = meta
        made, numbers, same = list[Stored](), dict[str, int](), dict[Any, int]()
        read = {one.value: one.stored for one in self.given}
        weights = {read.get(value) for value in _dequantized(self.graph)}
        for trained, metas in ((True, params), (False, buffers)):
            for name, meta in metas.items():
                role = trained or name in weights  # a quantized weight is stored as a buffer
                if role or meta.kind == "f":
                    identity = payloads.get(name, {}).get("path_name") or name, meta[:3]
                    if identity not in same:
                        same[identity] = len(made)
                        made.append(Stored(name, prod(shape_of(meta, {})), -(-meta.bits // 8), role))
                    numbers[name] = same[identity]
        return made, numbers

    def trace(self, sizes: Mapping[str, int]) -> Trace:
        """The calls where the symbols have these sizes. Raises Invalid."""
        with reading():
            return _Reading(self, sizes).trace()


def _metas(graph: Mapping[str, Any]) -> dict[str, Meta]:
    return {name: meta_of(one) for name, one in graph["tensor_values"].items()}


def _dequantized(graph: Mapping[str, Any]) -> Iterator[str]:
    """The values that an operator makes floats of quantized numbers from."""
    for node in graph["nodes"]:
        if "dequantize" in node["target"]:
            tag, value = tag_of(node["inputs"][0]["arg"])
            if tag == "as_tensor":
                yield value["name"]


def _given(kind: str, said: Mapping[str, Any]) -> Given:
    """An entry of the signature's inputs."""
    if kind not in ("parameter", "buffer", "tensor_constant", "user_input"):
        return Given(kind, "")
    if kind == "user_input":
        tag, value = tag_of(said["arg"])
        return Given(kind, str(value["name"])) if tag == "as_tensor" else Given("", "")
    stored = next((str(said[name]) for name in ("parameter_name", "buffer_name") if name in said), "")
    kept = kind == "parameter" or (kind == "buffer" and said.get("persistent") is not False)
    return Given(kind, str(said["arg"]["name"]), stored, kept)


def _result_names(calls: Sequence[Any]) -> list[str]:
    """The names of the results: ``output``, or as the program's mapping names them."""
    with suppress(LookupError, TypeError, ValueError, AttributeError):
        tree = json.loads(calls[0]["signature"]["out_spec"])[1]
        if tree["type"] is None:
            return ["output"]
        keys, counts = json.loads(tree["context"]), [_leaves(one) for one in tree["children_spec"]]
        if len(keys) == len(counts) and all(isinstance(key, str) for key in keys):
            return [key if count == 1 else f"{key}.{at}" for key, count in zip(keys, counts) for at in range(count)]
    return []


def _leaves(tree: Any) -> int:
    return 1 if tree["type"] is None else sum(map(_leaves, tree["children_spec"]))


class _Reading:
    """One reading of a program's graph, with sizes for its symbols."""

    def __init__(self, program: Program, sizes: Mapping[str, int]) -> None:
        self.program, self.sizes = program, sizes
        self.listing = Listing(Invalid(f"it has more than {MAX_CALLS:,} operators"))
        self.runs, self.classes, self.paths = dict[str, int](), dict[str, str](), set(program.paths)
        self.scopes, self.notes = [program.graph], dict[str, None]()
        self.at = ""  # the node of the main graph that is on its way

    def trace(self) -> Trace:
        """The calls, the inputs and the results."""
        values, inputs = dict[str, Tensor](), dict[str, Tensor]()
        for kind, name, stored, kept in self.program.given:
            if name in values:
                raise Invalid(f"the value {quoted(name)} is made twice")
            if name:
                live, at = kind == "user_input", self.program.numbers.get(stored) if kept else None
                origins = frozenset([name] if live else [])
                try:
                    laid = self.laid(name, self.program.metas[name])
                except Open as fact:
                    raise Invalid(f"{quoted(name)} has a size {quoted(fact.names[0])} that is not known") from fact
                values[name] = self.listing.add(laid, live, () if at is None else (at,), origins)
                inputs |= {printable(name)[:200]: values[name]} if live else {}
        stop = self.graph(self.program.graph, values, self.program.metas)
        outputs = {} if stop else self.outputs(values)
        prefixes = {path[:at] for path in self.paths for at, sign in enumerate(path) if sign == "/"}
        leaves = {run for stack, run in self.runs.items() if _modules(stack)[-1][0] not in prefixes}
        notes = tuple(self.notes)
        return Trace(self.listing.calls, inputs, outputs, self.program.stored, leaves, notes, stop, self.classes, True)

    def outputs(self, values: dict[str, Tensor]) -> dict[str, Tensor]:
        """The results that are tensors, by name."""
        said = [one["arg"] for kind, one in self.program.outputs if kind == "user_output"]
        names = self.program.results if len(self.program.results) == len(said) else []
        tags = enumerate(map(tag_of, said))
        return {
            printable(names[at] if names else f"output{at}"): self.read(values, value["name"], ("", 0))
            for at, (tag, value) in tags
            if tag == "as_tensor"
        }

    # --- values ---------------------------------------------------------------------------------------------------

    def laid(self, name: str, meta: Meta) -> Laid:
        """A tensor with its sizes. Raises Open, Invalid."""
        shape, strides, offset = shape_of(meta, self.sizes), None, 0
        with suppress(Open):
            strides = [computed(one, self.sizes) for one in meta.strides] if meta.strides or not shape else None
            offset = computed(meta.offset, self.sizes)
        return Laid(name, shape, strides, offset, meta.kind, meta.bits or None)

    def read(self, values: dict[str, Tensor], name: str, where: Where) -> Tensor:
        """A tensor by name, as it is now."""
        if name not in values:
            raise Invalid(f"{quoted(str(name))} is read before it is made")
        values[name] = self.listing.current(values[name], *where)
        return values[name]

    def argument(self, union: Any, values: dict[str, Tensor], where: Where) -> Any:
        """The value of an argument. Raises Open, Invalid."""
        if "name" in union:
            return self.read(values, union["name"], where)
        tag, given = tag_of(union)
        if tag in ("as_none", "as_device"):
            return None
        if tag in ("as_tensor", "as_optional_tensor", "as_tensors", "as_optional_tensors", "as_nested_tensors"):
            if isinstance(given, list):
                return [self.argument(one, values, where) for one in _each(given)]
            return self.argument(given, values, where)
        if tag.startswith("as_sym_"):
            return [self.symbol(one) for one in listed(given)] if isinstance(given, list) else self.symbol(given)
        if tag == "as_graph":
            return given["graph"]
        return listed(given) if isinstance(given, list) else None if isinstance(given, dict) else given

    def symbol(self, given: Any) -> Any:
        """A number that may be a symbol's. Raises Open, Invalid."""
        tag, value = tag_of(given)
        if tag != "as_name":
            return value
        kinds = ("sym_int_values", "sym_float_values", "sym_bool_values")
        found = (scope[kind][value] for scope in self.scopes for kind in kinds if value in (scope.get(kind) or {}))
        tag, said = tag_of(next(found, {}))
        if tag != "as_expr":
            return said
        number = value_of(said["expr_str"], self.sizes)
        return number if isinstance(number, bool) else int(number) if number == int(number) else float(number)

    # --- calls ----------------------------------------------------------------------------------------------------

    def graph(self, graph: Mapping[str, Any], values: dict[str, Tensor], metas: Mapping[str, Meta]) -> Stop | None:
        """Follows a graph, up to a call that cannot be followed."""
        self.scopes.append(graph)
        if len(self.scopes) > MAX_DEPTH:
            raise Invalid(f"it has graphs within graphs, more than {MAX_DEPTH} deep")
        stops = (stop for node in graph["nodes"] if (stop := self.node(node, values, metas)))
        stop = next(stops, None)
        self.scopes.pop()
        return stop

    def node(self, node: Mapping[str, Any], values: dict[str, Tensor], metas: Mapping[str, Meta]) -> Stop | None:
        """Follows one node; the point where that cannot be done."""
        where = self.place(str((node.get("metadata") or {}).get("nn_module_stack", "")))
        library, name, overload = operator_of(node["target"])
        made = _made(node["outputs"])
        if len(self.scopes) == 2:  # of the main graph
            self.at = str(node.get("name") or (made[0] if len(made) == 1 else ""))
        if is_checked(library, name) and not any(one in metas for one in made):
            return None
        arguments = dict[str, Any]()
        try:
            for at, one in enumerate(node["inputs"]):
                label = one["name"] if one["name"] and one["name"] not in arguments else f"argument{at}"
                arguments[label] = self.argument(one["arg"], values, where)
            given = list(arguments.values())
            if library == "higher_order" and name in _UNFOLDED:
                at = [isinstance(one, dict) for one in given].index(True)
                return self.unfolded(given[at], given[at + 1 :], made, values)
            if library == "higher_order" and name == "cond" and self.chosen(given, made, values, where):
                return None
            laid = [self.laid(one, metas[one]) for one in made]
            if twice := next((one for one in made if one in values), None):
                raise Invalid(f"the value {quoted(twice)} is made twice")
            call = Call(name, arguments, (), *where, library, self.at)
            results, written = self.listing.called(call, overload, laid)
        except Open:
            return Stop(Call(name, tensors_in(arguments), (), *where, library), ASKS)
        for label in [label for label, one in values.items() if one is written]:
            values[label] = results[0]
        values.update(zip(made, results))
        return None

    def unfolded(
        self, graph: Mapping[str, Any], given: Sequence[Any], made: Sequence[str], values: dict[str, Tensor]
    ) -> Stop | None:
        """Follows a graph on these arguments, and gives its results the names of those of the operator."""
        given = [each for one in given for each in (one if isinstance(one, list) else [one])]
        names = _made(graph["inputs"], every=True)
        if len(names) != len(given):
            raise Invalid(f"a graph with {len(names)} inputs is given {len(given)}")
        inner = {name: one for name, one in zip(names, given) if isinstance(one, Tensor)}
        if stop := self.graph(graph, inner, _metas(graph)):
            return stop
        values.update({name: self.read(inner, one, ("", 0)) for name, one in zip(made, _made(graph["outputs"]))})
        return None

    def chosen(self, given: Sequence[Any], made: Sequence[str], values: dict[str, Tensor], where: Where) -> bool:
        """Follows the branch that costs most; whether one costs at least as much as the other in every way."""
        mark, found = len(self.listing.calls), list[Any]()
        for which, graph in zip(("true", "false"), given[1:3]):
            results = dict[str, Tensor]()
            stop = self.unfolded(graph, given[3:], made, inner := dict(values))
            results = {name: inner[name] for name in made if name in inner}
            calls = self.listing.calls[mark:]
            del self.listing.calls[mark:]
            tensors = [one for one in given[3] if isinstance(one, Tensor)]
            fed = {str(one.at): one for one in tensors if one.live}
            alone = lowered("", Trace(calls, fed, {}, self.program.stored, (), (), stop)).network
            costs = [getattr(alone.cost, cost) for cost in COSTS] + [alone.peak_memory()]
            found.append((costs, alone.complete, which, calls, results))
        (most, complete, which, calls, results), other = sorted(found, key=lambda one: one[0], reverse=True)
        if not (complete and other[1]) or any(a < b for a, b in zip(most, other[0])):
            return False
        self.listing.calls += calls
        used = {root for call in calls for one in call.tensors() for root in one.roots}
        if rest := [one for one in tensors if not one.live and used.isdisjoint(one.roots) and one.roots]:
            self.listing.note(Call("branches", {"stored": rest}, (Tensor(-1, (1,), live=True),), *where))
        self.notes[f"cond: its branch depends on the data; {which}, which costs most, is counted"] = None
        values.update(results)
        return True

    def place(self, stack: str) -> Where:
        """The path of the module that runs a node, and the number of that module's run."""
        if stack not in self.runs:
            self.runs[stack] = len(self.runs) + 1
            for outer, its in _modules(stack):
                self.classes.setdefault(outer, its)
                self.paths.add(outer)
        return _modules(stack)[-1][0], self.runs[stack]


@lru_cache(maxsize=1024)
def _modules(stack: str) -> list[tuple[str, str]]:
    """The modules in a stack, the outermost first: the path of each, and its class."""
    parts = [one.partition(",")[2].rpartition(",") for one in stack.split(";")]
    return [(printable(_ROOT.sub("", path)).replace(".", "/"), printable(called)) for path, _, called in parts]


def _each(given: Sequence[Any]) -> list[Any]:
    """The parts of a list, each as a union."""
    return [{"as_tensors": one} if isinstance(one, list) else one for one in listed(given)]


def _made(outputs: Sequence[Any], every: bool = False) -> list[str]:
    """The names of the tensors among the results of a node; with ``every``, of all that a graph takes."""
    names = list[str]()
    for tag, value in map(tag_of, listed(outputs)):
        if tag == "as_tensor" or (every and isinstance(value, dict)):
            names.append(value["as_name" if "as_name" in value else "name"])
        elif tag in ("as_tensors", "as_optional_tensors"):
            parts = [part if "name" in part else tag_of(part)[1] for part in listed(value)]
            names += [part["name"] for part in parts if isinstance(part, dict)]
    return names
