"""``sepcalc sweep`` and ``sepcalc.space``: rows, questions, files of rows, and what is said where nothing fits."""

import csv
import io
import json
import os
import shlex
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

import sepcalc
from sepcalc.cli import run
from sepcalc.commands import rows as rows_in_files
from sepcalc.spaces import tracing

ROOT = Path(__file__).parent.parent
OPEN = """
input: 32x32x3
parameters: {width: {min: 1, max: 2, step: 0.5}, deep: {value: 1, choices: [1, 2]}}
layers:
  - {conv: {kernel: k, out: int(4 * width)}, choose: {k: [1, 3]}, name: stem}
  - {conv: {kernel: 3, out: 8, padding: same}, choose: {d: [1, 2]}, repeat: d, name: mid}
"""
Say = Callable[..., tuple[int, str, str]]


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Say:
    (tmp_path / "open.yaml").write_text(OPEN)
    (tmp_path / "specs").symlink_to(ROOT / "specs")
    monkeypatch.chdir(tmp_path)

    def said(command: str) -> tuple[int, str, str]:
        code = run(["sweep", *shlex.split(command)])
        return code, *capsys.readouterr()

    return said


def document(say: Say, command: str, code: int = 0) -> dict:
    found = say(f"{command} --format json")
    assert found[0] == code, found
    return json.loads(found[1])


def test_published_grids_come_out_as_one_sweep(say: Say) -> None:
    """MobileNet V1's widths and resolutions: arXiv:1704.04861, Tables 6 and 7, in millions."""
    found = document(say, "specs/mobilenet_v1.yaml --vary width=0.25:1.0:0.25 --vary resolution=128,160,192,224")
    macs = {(row["settings"]["width"], row["settings"]["resolution"]): row["macs"] for row in found["rows"]}
    published = {(1, "224"): 569, (0.75, "224"): 325, (0.5, "224"): 149, (0.25, "224"): 41}
    published |= {(1, "192"): 418, (1, "160"): 290, (1, "128"): 186}
    assert len(macs) == 16
    for setting, number in published.items():
        assert abs(macs[setting] / 1e6 - number) < 1, setting
    params = {row["settings"]["width"]: row["params"] for row in found["rows"]}
    assert [round(params[width] / 1e6, 1) for width in (1, 0.75, 0.5, 0.25)] == [4.2, 2.6, 1.3, 0.5]


def test_rows_are_those_of_network(say: Say, capsys: pytest.CaptureFixture[str]) -> None:
    found = document(say, "open.yaml --vary deep")
    assert found["size"] == 3 * 2 * 2 * 2 == len(found["rows"])
    assert found["parameters"] == {"width": [1, 1.5, 2], "deep": [1, 2], "stem/k": [1, 3], "mid[0]/d": [1, 2]}
    for row in found["rows"]:
        sets = [f"{name}={value}" for name, value in row["settings"].items()]
        network = sepcalc.load("open.yaml", **dict(part.split("=") for part in sets))
        assert (row["params"], row["macs"], row["peak_memory"]) == (
            network.params,
            network.macs,
            network.peak_memory(),
        ), row


def test_a_resolution_beside_open_choices_is_that_of_the_input(say: Say) -> None:
    found = document(say, "open.yaml --vary resolution=16,32x24 --set width=1")
    shapes = {row["settings"]["input"]: row["macs"] for row in found["rows"] if row["settings"]["mid[0]/d"] == 1}
    assert found["size"] == 2 * 2 * 2
    assert shapes["32x24x3"] == 32 * 24 * 3 * 4 * 1 + 32 * 24 * 9 * 4 * 8 or shapes["32x24x3"] == 30 * 22 * 9 * 4 * 11


def test_several_networks_stand_side_by_side(say: Say) -> None:
    code, out, _ = say("specs/mobilenet_v1.yaml specs/mobilenet_v2.yaml --show macs --format csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert (code, [row["macs"] for row in rows]) == (0, ["568740352", "300774272"])


@pytest.mark.parametrize(
    "vary",
    [
        "--vary 'conv[[]1-2]=conv'",
        "--vary 'conv[1]=conv,depthwise-separable,spatial' --vary 'conv[3]=conv,depthwise-separable'",
        "--vary 'conv[?]=conv,depthwise-separable' --together --vary channels=0.5,1",
        "--vary 'conv[1]=conv,spatial' --vary resolution=128,224",
    ],
)
def test_variants_of_layers_are_those_of_whatif(say: Say, vary: str) -> None:
    code, out, err = say(f"specs/conv_mobilenet.yaml {vary} --format json")
    if "[[]" in vary:
        assert (code, err.split("\n")[0]) == (2, "no layer matches 'conv[[]1-2]'")
        return
    found = json.loads(out)
    for row in found["rows"]:
        settings = dict(row["settings"])
        width, resolution = settings.pop("channels", None), settings.pop("resolution", None)
        rules = [f"{name}={value}" for name, value in settings.items() if value != "conv"]
        network = sepcalc.load("specs/conv_mobilenet.yaml")
        after = network
        if rules or width or resolution:
            after = sepcalc.whatif(network, rules, width=width, resolution=resolution).after
        assert (row["params"], row["macs"], row["peak_memory"]) == (after.params, after.macs, after.peak_memory())


def test_a_variant_that_does_not_apply_is_listed_with_its_reason(say: Say) -> None:
    found = document(say, "'8x8x3, conv -k1 -o4, conv -k3 -o4' --vary 'conv[0]=conv,spatial'")
    assert [(row["macs"], row["reason"]) for row in found["rows"]] == [
        (768 + 36 * 9 * 16, None),
        (None, "conv[0] cannot be spatial: the kernel is 1x1, there is nothing to factor"),
    ] or found["rows"][1]["reason"].startswith("conv[0] cannot be spatial: ")


def test_options_of_a_spec(say: Say) -> None:
    found = document(say, "'56x56x128 conv -k3 -o128 -p same' --vary kernel=3,5 --vary out=64,128 --show macs")
    assert [row["macs"] for row in found["rows"]] == [
        56 * 56 * kernel**2 * 128 * out for kernel in (3, 5) for out in (64, 128)
    ]
    assert found["rows"][0]["settings"] == {"kernel": "3x3", "out": 64} or found["rows"][0]["settings"]["out"] == 64


def test_a_setting_that_makes_no_network_has_its_reason(say: Say) -> None:
    code, out, _ = say("'8x8x3 conv -k3 -o4' --vary kernel=3,9")
    assert code == 0
    assert "does not fit into the height 8" in out


def test_once_for_all(say: Say) -> None:
    """Cai et al., arXiv:1908.09791: 5 units of 2 to 4 blocks with 3 kernels and 3 expansions each."""
    name = "specs/ofa_mobilenet_v3.yaml"
    found = document(say, f"{name} --most macs")
    assert found["size"] == (9**2 + 9**3 + 9**4) ** 5 == 21_758_655_492_572_485_851
    assert found["best"] == {"sense": "most", "metric": "macs", "value": 566_170_656, "ties": 1}
    assert found["rows"][0]["params"] == 7_664_760
    assert document(say, f"{name} --least macs")["best"]["value"] == 121_278_672
    assert document(say, f"{name} --most params --max macs=300M")["rows"][0]["macs"] <= 300_000_000


def test_a_part_of_once_for_all_is_counted_as_by_listing_it() -> None:
    """Two units open, the others at their least: 81 + 729 of each are listed, and their sums counted by hand."""
    fixed: dict[str, object] = {f"unit[{at}]/d": 2 for at in range(5)}
    fixed |= {f"unit[{at}]/mb[{block}]/{name}": 3 for at in (0, 1, 3) for block in (0, 1) for name in "ke"}
    space = sepcalc.space("zoo:ofa_mobilenet_v3", **fixed)
    assert space.size == 9**4
    macs = [space.space.value("macs", one) for one in space.space]
    for limit in (125_000_000, 140_000_000, 150_000_000):
        assert space.count(max={"macs": limit}) == sum(one <= limit for one in macs)
    sample = space.sample(5, seed=3, max={"macs": 140_000_000})
    assert all(space.network(settings).macs <= 140_000_000 for settings in sample)


def test_questions(say: Say) -> None:
    every = [row["macs"] for row in document(say, "open.yaml")["rows"]]
    assert document(say, "open.yaml --count --max macs=500k")["count"] == {
        "within": sum(macs <= 500_000 for macs in every),
        "of": len(every),
    }
    bins = document(say, "open.yaml --histogram macs --bins 3")["histogram"]
    assert [one["count"] for one in bins] == [sum(one["from"] <= macs <= one["to"] for macs in every) for one in bins]
    rows = document(say, "open.yaml --least macs --top 4")["rows"]
    assert [row["macs"] for row in rows] == sorted(every)[:4]
    front = document(say, "open.yaml --front 'least macs, most params'")["front"]
    assert [point["macs"] for point in front] == sorted(point["macs"] for point in front)
    sample = document(say, "open.yaml --sample 30 --seed 1 --min macs=500k")
    assert {row["macs"] for row in sample["rows"]} <= {macs for macs in every if macs >= 500_000}


def test_nothing_is_within_the_limits(say: Say) -> None:
    code, out, _ = say("open.yaml --most params --max macs=10")
    assert code == 1
    assert "No network is within the limits\n  the nearest macs is 287,744\n" in out or "the nearest macs is" in out


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("specs/unet.yaml --vary widht=1", "no layer matches 'widht'"),
        ("open.yaml --vary width=1,1", "--vary width: 1 stands there twice"),
        ("open.yaml --vary width=3", "width is 3: expected a value from 1 to 2"),
        ("open.yaml --vary width=1:x:1", "--vary width: unknown name 'x': there are none here"),
        ("open.yaml --vary width=2:1:1", "--vary width: '2:1:1': expected from:to:step"),
        ("specs/mobilenet_v1.yaml --vary width", "the file has no choices for width"),
        ("specs/unet.yaml --vary resolution", "--vary resolution: expected values"),
        ("open.yaml --count --least macs", "--count and --least are two questions: ask one at a time"),
        ("open.yaml --front 'least macs'", "'least macs': expected two counts"),
        ("open.yaml --front 'least macs, most macs'", "'least macs, most macs': expected two counts, not macs twice"),
        ("open.yaml specs/unet.yaml --count", "--count is asked of one network, not of 2"),
        ("open.yaml --least mac", "unknown metric 'mac': expected "),
        ("open.yaml --max macs", "--max 'macs': expected METRIC=LIMIT"),
        ("open.yaml --shard 1/2", "--shard is for rows in a file"),
        ("open.yaml --set stem/k=5", "stem/k is 5: expected one of 1, 3"),
        ("open.yaml --set foo/k=5", "there is no parameter or choice 'foo/k'"),
        ("specs/ofa_mobilenet_v3.yaml", "there are 21,758,655,492,572,485,851 networks: at most 10,000 are listed"),
        ("'8x8x3 conv -k3 -o4' --vary kernal=3", "a layer has no option 'kernal'"),
        ("nope.yaml", "nope.yaml: "),
        ("open.yaml --vary channels=1,2", "--vary channels: the file has open choices, beside which this cannot vary"),
        (
            "open.yaml --vary 'mid*=conv,spatial'",
            "--vary mid*: the file has open choices",
        ),
    ],
)
def test_mistakes(say: Say, command: str, message: str) -> None:
    code, out, err = say(command)
    assert (code, out) == (2, "")
    assert message in err.split("\n")[0]


def test_a_space_of_too_many_cases_is_refused(say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracing, "MAX_RUNS", 20)
    code, _, err = say("open.yaml --count")
    assert (code, err) == (2, "the layers of this space differ in more than 20 cases\n  hint: vary fewer values\n")


def test_layers_that_all_depend_on_everything_are_refused(say: Say, tmp_path: Path) -> None:
    names = [f"w{at}" for at in range(10)]
    choices = ", ".join(f"{name}: {{choices: [1, 2, 3, 4, 5, 6]}}" for name in names)
    total = " + ".join(names)
    (tmp_path / "all.yaml").write_text(f"input: 8x8x3\nparameters: {{{choices}}}\nlayers: ['conv -k1 -o{{{total}}}']\n")
    code, _, err = say("all.yaml --count --max macs=1k")
    assert (code, err.split("\n")[0]) == (
        2,
        "a layer depends on 10 choices at once (w0, w1, w2, w3, w4 …): 60,466,176 cases",
    )


def test_what_is_set_is_not_open(say: Say) -> None:
    found = document(say, "open.yaml --set stem/k=3 --set width=2 --set mid/d=2")
    assert [row["settings"] for row in found["rows"]] == [{"stem/k": 3, "mid[0]/d": 2}]
    assert document(say, "open.yaml --set '*/k=1' --count")["size"] == 3 * 2


def test_a_space_in_python() -> None:
    space = sepcalc.space("8x8x3 conv -k3 -o4", vary={"kernel": [1, 3], "out": "4,8"})
    assert (space.size, len(list(space))) == (4, 4)
    arrays = space.arrays(["macs"])
    assert arrays["macs"].tolist() == [768, 1536, 3888, 7776]
    assert arrays["kernel"].tolist() == [0, 0, 1, 1]
    assert space.most("macs").best == (7776, 1)
    assert [row.counts[1] for row in space.front("least macs, most params").front] == [768, 1536, 3888, 7776]
    assert space.histogram("macs", 2).histogram[0].number == 3
    with pytest.raises(sepcalc.InputError, match="expected least or most and a count"):
        space.front("macs, params")


# --- rows in files


@pytest.fixture
def duckdb() -> object:
    return pytest.importorskip("duckdb", reason="rows in files need duckdb: pip install -e '.[sweep]'")


@pytest.mark.parametrize("suffix", ["parquet", "csv", "jsonl"])
def test_rows_in_a_file_are_those_of_the_report(
    say: Say, suffix: str, duckdb: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows_in_files.Rows.__init__, "__defaults__", ((1, 1), 5))
    assert say(f"open.yaml --output rows.{suffix}")[:2] == (0, f"12 rows in rows.{suffix}\n")
    found = duckdb.sql(f"SELECT params, macs, peak_memory FROM 'rows.{suffix}'").fetchall()  # type: ignore[attr-defined]
    expected = [(row["params"], row["macs"], row["peak_memory"]) for row in document(say, "open.yaml")["rows"]]
    assert sorted(found) == sorted(expected)
    assert not Path(f"rows.{suffix}.part").exists()
    assert say(f"open.yaml --output rows.{suffix}")[0] == 2
    assert say(f"open.yaml --output rows.{suffix} --force --max macs=500k")[0] == 0


def test_interrupted_rows_are_resumed(say: Say, duckdb: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows_in_files.Rows.__init__, "__defaults__", ((1, 1), 5))
    whole = rows_in_files.Rows._inserted
    done = []

    def fails(self: object, database: object, number: int, found: object) -> None:
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(number)
        whole(self, database, number, found)  # type: ignore[arg-type]

    monkeypatch.setattr(rows_in_files.Rows, "_inserted", fails)
    code, _, _ = say("open.yaml --output rows.parquet")
    assert code == 130
    monkeypatch.setattr(rows_in_files.Rows, "_inserted", whole)
    assert not Path("rows.parquet").exists()
    code, _, err = say("open.yaml --output rows.parquet")
    assert (code, err.split("\n")[0]) == (2, "rows.parquet.part: rows that were interrupted")
    assert say("open.yaml --output rows.parquet --resume")[:2] == (0, "12 rows in rows.parquet\n")
    assert say("open.yaml --output again.parquet")[0] == 0
    both = [duckdb.sql(f"SELECT * FROM '{name}.parquet' ORDER BY ALL").fetchall() for name in ("rows", "again")]  # type: ignore[attr-defined]
    assert both[0] == both[1]


def test_shards_are_parts_of_the_rows(say: Say, duckdb: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows_in_files.Rows.__init__, "__defaults__", ((1, 1), 5))
    for shard in (1, 2):
        assert say(f"open.yaml --output part{shard}.parquet --shard {shard}/2")[0] == 0
    assert duckdb.sql("SELECT count(*), count(DISTINCT (width, #2, #3)) FROM 'part*.parquet'").fetchall()[0][0] == 12  # type: ignore[attr-defined]


def test_a_cluster_gives_the_rows_of_one_machine_though_a_worker_dies(tmp_path: Path, duckdb: object) -> None:
    distributed = pytest.importorskip("dask.distributed", reason="a cluster needs dask: pip install -e '.[dask]'")
    document = tmp_path / "open.yaml"
    steps = ", ".join(f"{name}: {{min: 1, max: 16, step: 1}}" for name in "abc")
    layers = ", ".join('"conv -k1 -o{' + name + '}"' for name in "abc")
    document.write_text(f"input: 8x8x3\nparameters: {{{steps}}}\nlayers: [{layers}]\n")
    space = sepcalc.space(document)
    killed: list[int] = []
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:

        def progress(done: int, total: int, rest: float) -> None:
            if done == 5:
                killed.append(next(iter(cluster.workers.values())).pid)
                os.kill(killed[0], signal.SIGKILL)

        together = rows_in_files.Rows(
            space, ["macs", "params"], {}, str(tmp_path / "two.parquet"), False, False, chunk=100
        )
        assert together.write("dask", cluster.scheduler_address, progress) == 16**3
    alone = rows_in_files.Rows(space, ["macs", "params"], {}, str(tmp_path / "one.parquet"), False, False)
    assert alone.write("local", None, lambda *_: None) == 16**3
    assert killed
    one, two = [
        duckdb.sql(f"SELECT * FROM '{tmp_path / name}.parquet' ORDER BY ALL").fetchall()  # type: ignore[attr-defined]
        for name in ("one", "two")
    ]
    assert one == two


def test_rows_in_a_file_need_duckdb(say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "duckdb", None)
    code, _, err = say("open.yaml --output rows.parquet")
    assert (code, err) == (2, "rows in a file need DuckDB\n  hint: pip install 'duckdb>=1.0'\n")
