"""The examples in the docstrings of the Python API run, in the order of the work, on a small Brigade."""

import doctest
from pathlib import Path

import londonpump as lp
from londonpump import api

IN_ORDER = (
    *(api.read_records, api.prepare, api.train, api.load, api.evaluate),
    *(api.Model.predict, api.Model.explain, api.Model.rank),
)


def test_the_examples_of_the_python_api_run(docs_folder: Path) -> None:
    names: dict[str, object] = {"lp": lp}
    runner = doctest.DocTestRunner()
    for documented in IN_ORDER:
        example = doctest.DocTestParser().get_doctest(
            documented.__doc__ or "", names, documented.__qualname__, None, None
        )
        assert example.examples, documented
        # a later example continues with what an earlier one made
        runner.run(example, clear_globs=False)
        names |= example.globs
    assert runner.summarize(verbose=False).failed == 0


def test_the_package_offers_exactly_what_the_api_does() -> None:
    assert set(lp.__all__) == {*api.__all__, "__version__"}
    assert set(dir(lp)) >= set(lp.__all__)
    stub = Path(lp.__file__).with_suffix(".pyi").read_text(encoding="utf-8")
    assert [name for name in api.__all__ if f"import {name} as {name}\n" not in stub] == []
