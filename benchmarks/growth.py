"""Growth of the cost with the number of rows: a fitted power, and a plot."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.inputs import Inputs, prepare, simulate, train
from benchmarks.processes import task
from londonpump.persistence.atomic_files import atomic_file

NAME = "growth"
STEPS = {
    "prepare": "prepare",
    "train_point": "one point model",
    "train": "train everything",
}
COLOURS = {"prepare": "#1b6ca8", "train_point": "#c26a00", "train": "#7a2e6e"}
START_INCIDENTS = 1_000


@dataclass(frozen=True, slots=True)
class Growth:
    """incidents: (k,). cpu_s: {step: (k,)}. start_s: {step: what START_INCIDENTS cost}, hardly more than the start."""

    incidents: tuple[int, ...]
    cpu_s: dict[str, tuple[float, ...]]
    start_s: dict[str, float]

    def exponent(self, step: str) -> float:
        """Return the power of the number of rows with which the cost above the start grows; 1 is linear.

        By least squares on logarithms. Without the start taken off, every command would look better than linear.
        """
        above_s = np.array(self.cpu_s[step]) - self.start_s[step]
        slope, _ = np.polyfit(np.log(np.array(self.incidents) - START_INCIDENTS), np.log(above_s), 1)
        return float(slope)

    def to_json(self) -> dict[str, Any]:
        """Return JSON-serializable values."""
        return {
            "incidents": list(self.incidents),
            "steps": {
                step: {
                    "start_s": round(self.start_s[step], 3),
                    "cpu_s": [round(s, 3) for s in seconds],
                    "exponent": round(self.exponent(step), 3),
                }
                for step, seconds in self.cpu_s.items()
            },
        }


def measure_growth(inputs: Inputs) -> Growth:
    """Prepare and train streams of several sizes at the same pace, in fresh processes."""
    start_s, *by_size = (_costs(inputs, n) for n in (START_INCIDENTS, *inputs.sizes.growth))
    cpu_s = {step: tuple(costs[step] for costs in by_size) for step in STEPS}
    return Growth(inputs.sizes.growth, cpu_s, start_s)


def _costs(inputs: Inputs, incidents: int) -> dict[str, float]:
    """Return the CPU seconds by step."""
    folder = inputs.work / f"growth_{incidents}"
    simulate(folder / "raw", incidents)
    costs = {
        "prepare": prepare(folder / "raw", folder / "data"),
        "train_point": task("train_point", folder / "data")[0],
        "train": train(folder / "data", folder / "bundle"),
    }
    shutil.rmtree(folder)
    return {step: cost.cpu_s for step, cost in costs.items()}


def draw(growth: Growth, path: Path) -> None:
    """Draw the plot as a small SVG. Grey and dotted: the start, and from there in proportion to the rows."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams.update({"svg.hashsalt": NAME, "svg.fonttype": "none", "font.family": "sans-serif"})
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(6.4, 4.0), layout="constrained")
    rows = np.array(growth.incidents)
    for step, title in STEPS.items():
        seconds = np.array(growth.cpu_s[step])
        label = f"{title}: rows to the power {growth.exponent(step):.2f}"
        axes.plot(rows, seconds, "o-", color=COLOURS[step], label=label)
        linear = growth.start_s[step] + (seconds[-1] - growth.start_s[step]) * rows / rows[-1]
        axes.plot(rows, linear, ":", color="grey", linewidth=1, zorder=0)
    axes.set(xlim=0, ylim=0, xlabel="incidents", ylabel="CPU seconds, whole process")
    axes.set_xticks(rows, [f"{n:,}" for n in rows])
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    with atomic_file(path) as part:
        figure.savefig(part, format="svg", metadata={"Date": None, "Creator": None})
    plt.close(figure)
