"""How cost grows with rows: size by size, a power fitted to the sizes, and a plot."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.inputs import Inputs, prepare, simulate, train
from benchmarks.processes import task
from londonpump.storage.files import whole_file

NAME = "growth"
STEPS = {
    "prepare": "prepare",
    "train_point": "one point model",
    "train": "train everything",
}
COLOURS = {"prepare": "#1b6ca8", "train_point": "#c26a00", "train": "#7a2e6e"}
LEAST_SIZES = 2


@dataclass(frozen=True, slots=True)
class Growth:
    """incidents: (k,). cpu_s: {step: (k,)}."""

    incidents: tuple[int, ...]
    cpu_s: dict[str, tuple[float, ...]]

    def exponent(self, step: str) -> float:
        """The power of the rows that the cost grows with, by least squares on logarithms; 1 is linear.

        What every start costs, however few the rows, is in it: it lowers the power.
        """
        slope, _ = np.polyfit(np.log(self.incidents), np.log(self.cpu_s[step]), 1)
        return float(slope)

    def to_json(self) -> dict[str, Any]:
        """As json-able values."""
        return {
            "incidents": list(self.incidents),
            "steps": {
                step: {"cpu_s": [round(s, 3) for s in seconds], "exponent": round(self.exponent(step), 3)}
                for step, seconds in self.cpu_s.items()
            },
        }


def measure_growth(inputs: Inputs) -> Growth:
    """Prepare and train streams of several sizes at the same pace, in fresh processes."""
    cpu_s: dict[str, list[float]] = {step: [] for step in STEPS}
    for incidents in inputs.sizes.growth:
        folder = inputs.work / f"growth_{incidents}"
        simulate(folder / "raw", incidents)
        cpu_s["prepare"].append(prepare(folder / "raw", folder / "data").cpu_s)
        cpu_s["train_point"].append(task("train_point", folder / "data")[0].cpu_s)
        cpu_s["train"].append(train(folder / "data", folder / "bundle").cpu_s)
        shutil.rmtree(folder)
    return Growth(inputs.sizes.growth, {step: tuple(seconds) for step, seconds in cpu_s.items()})


def draw(growth: Growth, path: Path) -> None:
    """The plot, as a small SVG: both axes logarithmic, a straight grey line is linear growth."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams.update({"svg.hashsalt": NAME, "svg.fonttype": "none", "font.family": "sans-serif"})
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(6.4, 4.0), layout="constrained")
    rows = np.array(growth.incidents)
    for step, words in STEPS.items():
        seconds = np.array(growth.cpu_s[step])
        label = f"{words}: rows to the power {growth.exponent(step):.2f}"
        axes.plot(rows, seconds, "o-", color=COLOURS[step], label=label)
        axes.plot(rows, seconds[0] * rows / rows[0], ":", color="grey", linewidth=1, zorder=0)
    axes.set(xscale="log", yscale="log", xlabel="incidents", ylabel="CPU seconds, whole process")
    axes.set_xticks(rows, [f"{n:,}" for n in rows], minor=False)
    axes.xaxis.set_minor_formatter("")
    axes.yaxis.set_major_formatter("{x:g}")
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    with whole_file(path) as part:
        figure.savefig(part, format="svg", metadata={"Date": None, "Creator": None})
    plt.close(figure)
