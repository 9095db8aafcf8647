"""Issue 11, A14: a field that `/predict/time_pump` does not know is not passed over in silence."""

import pytest

from londonpump.service.original import reading
from londonpump.service.original.reading import LONGEST_NAME, MOST_FIELDS

ROUTE = "/predict/time_pump"
BODIES = ("json", "data", "files")


def ask(asking, **sent):
    return asking.client.post(ROUTE, headers=asking.headers, **sent)


def body(how: str, **fields) -> dict:
    if how == "files":
        return {"files": {name: (None, str(value)) for name, value in fields.items()}}
    return {how: fields}


@pytest.mark.parametrize("how", BODIES)
def test_an_unknown_field_of_a_body_is_422_and_the_known_one_is_named(how, asking_once) -> None:
    answer = ask(asking_once, **body(how, distance=1.2, month=5))
    (problem,) = answer.json()["errors"]
    assert (answer.status_code, problem["field"]) == (422, "body.distance")
    assert problem["problem"].endswith("Did you mean Distance?")


@pytest.mark.parametrize("sent", [{"json": {"distance": None}}, {"data": {"distance": ""}}])
def test_an_unknown_field_without_a_value_is_422_too(sent, asking_once) -> None:
    assert ask(asking_once, **sent).status_code == 422


def test_a_name_that_is_like_none_of_them_is_422_with_where_they_stand(asking_once) -> None:
    answer = ask(asking_once, json={"horsepower": 7})
    assert "/openapi.json lists the fields" in answer.json()["detail"][0]["msg"]


@pytest.mark.parametrize("how", BODIES)
def test_the_fields_that_are_known_are_read(how, asking_once) -> None:
    answer = ask(asking_once, **body(how, Distance=1.2, month=5))
    assert (answer.status_code, "X-Ignored-Parameters" in answer.headers) == (200, False)


def test_an_unknown_parameter_of_the_query_is_ignored_and_named_in_a_header(asking_once) -> None:
    answer = ask(asking_once, params={"distance": 1.2, "month": 5, "a b": "x"})
    assert (answer.status_code, answer.headers["X-Ignored-Parameters"]) == (200, "distance, a%20b")
    assert "Distance=default" in answer.json()["filled"]


def test_names_make_no_header_of_their_own_and_none_without_end(asking_once) -> None:
    many = {f"x{number}": "1" for number in range(100)}
    answer = ask(asking_once, params={"a\r\nSet-Cookie: b": "1", "y" * 5_000: "1", **many})
    named = answer.headers["X-Ignored-Parameters"].split(", ")
    assert "Set-Cookie" not in answer.headers
    assert (named[0], named[1], len(named)) == ("a%0D%0ASet-Cookie%3A%20b", "y" * LONGEST_NAME, 20)


@pytest.fixture
def looked_for(monkeypatch) -> list[str]:
    """The unknown names for which the one that was meant is looked for, by the real search."""
    names, search = [], reading.get_close_matches

    def noted(name, *given):
        names.append(name)
        return search(name, *given)

    monkeypatch.setattr(reading, "get_close_matches", noted)
    return names


@pytest.mark.parametrize("how", BODIES)
def test_of_many_unknown_names_only_those_that_are_answered_are_looked_for(
    how, asking_once, looked_for
) -> None:
    answer = ask(asking_once, **body(how, **{f"distanc{number}": 1 for number in range(MOST_FIELDS)}))
    problems = answer.json()["errors"]
    assert (answer.status_code, len(problems), len(looked_for)) == (422, 20, 20)
    assert problems[0]["problem"].endswith("Did you mean Distance?")


def test_a_very_long_unknown_name_is_refused_without_a_search(asking_once, looked_for) -> None:
    answer = ask(asking_once, json={"d" * (LONGEST_NAME + 1): 1})
    assert (answer.status_code, looked_for) == (422, [])
    assert "/openapi.json lists the fields" in answer.json()["detail"][0]["msg"]


@pytest.mark.parametrize("how", ["json", "data"])
def test_a_body_of_more_fields_than_it_may_have_is_422(how, asking_once, looked_for) -> None:
    answer = ask(asking_once, **body(how, **{f"x{number}": 1 for number in range(MOST_FIELDS + 1)}))
    assert (answer.status_code, looked_for) == (422, [])
    assert f"has more than {MOST_FIELDS} fields" in answer.json()["detail"][0]["msg"]
