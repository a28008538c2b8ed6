"""The packages that sepcalc can do without, and the line that installs one."""

EXTRAS = {
    "h5": "h5py>=3.10",
    "torch": "torch>=2.6",
    "fit": "scipy>=1.11",
    "time": "onnxruntime>=1.20",
    "openvino": "openvino>=2024.4",
    "html": "jinja2>=3.1",
    "sweep": "duckdb>=1.0",
    "dask": "dask[distributed]>=2024.5",
}  # as in pyproject.toml


def install(extra: str) -> str:
    """The line that installs what an extra of :data:`EXTRAS` stands for. It names the package itself, so that it works
    wherever sepcalc came from: an index, a checkout or a git address."""
    return f"pip install '{EXTRAS[extra]}'"
