"""Issue 11, A14: `/predict/time_pump` rejects or reports fields that it does not know."""

from difflib import get_close_matches

import pytest

from londonpump.original import parameters
from londonpump.original.parameters import MAX_FIELDS, MAX_NAME_LENGTH

ROUTE = "/predict/time_pump"
BODIES = ("json", "data", "files")


def ask(api, **sent):
    return api.client.post(ROUTE, headers=api.headers, **sent)


def body(how: str, **fields) -> dict:
    if how == "files":
        return {"files": {name: (None, str(value)) for name, value in fields.items()}}
    return {how: fields}


@pytest.mark.parametrize("how", BODIES)
def test_an_unknown_field_of_a_body_is_422_and_the_known_one_is_named(how, shared_api) -> None:
    answer = ask(shared_api, **body(how, distance=1.2, month=5))
    (problem,) = answer.json()["errors"]
    assert (answer.status_code, problem["field"]) == (422, "body.distance")
    assert problem["problem"].endswith("Did you mean Distance?")


@pytest.mark.parametrize("sent", [{"json": {"distance": None}}, {"data": {"distance": ""}}])
def test_an_unknown_field_without_a_value_is_422_too(sent, shared_api) -> None:
    assert ask(shared_api, **sent).status_code == 422


def test_a_name_that_is_like_none_of_them_is_422_with_where_they_stand(shared_api) -> None:
    answer = ask(shared_api, json={"horsepower": 7})
    assert "/openapi.json lists the fields" in answer.json()["detail"][0]["msg"]


@pytest.mark.parametrize("how", BODIES)
def test_the_fields_that_are_known_are_read(how, shared_api) -> None:
    answer = ask(shared_api, **body(how, Distance=1.2, month=5))
    assert (answer.status_code, "X-Ignored-Parameters" in answer.headers) == (200, False)


def test_an_unknown_parameter_of_the_query_is_ignored_and_named_in_a_header(shared_api) -> None:
    answer = ask(shared_api, params={"distance": 1.2, "month": 5, "a b": "x"})
    assert (answer.status_code, answer.headers["X-Ignored-Parameters"]) == (200, "distance, a%20b")
    assert "Distance=default" in answer.json()["imputed"]


def test_names_make_no_header_of_their_own_and_none_without_end(shared_api) -> None:
    many = {f"x{number}": "1" for number in range(100)}
    answer = ask(shared_api, params={"a\r\nSet-Cookie: b": "1", "y" * 5_000: "1", **many})
    named = answer.headers["X-Ignored-Parameters"].split(", ")
    assert "Set-Cookie" not in answer.headers
    assert (named[0], named[1], len(named)) == ("a%0D%0ASet-Cookie%3A%20b", "y" * MAX_NAME_LENGTH, 20)


@pytest.fixture
def searched_names(monkeypatch) -> list[str]:
    """Record the unknown names that the real search looks for similar names of."""
    names, search = [], get_close_matches

    def noted(name, *arguments):
        names.append(name)
        return search(name, *arguments)

    monkeypatch.setattr(parameters, "get_close_matches", noted)
    return names


@pytest.mark.parametrize("how", BODIES)
def test_of_many_unknown_names_only_those_that_are_answered_are_looked_for(
    how, shared_api, searched_names
) -> None:
    answer = ask(shared_api, **body(how, **{f"distanc{number}": 1 for number in range(MAX_FIELDS)}))
    problems = answer.json()["errors"]
    assert (answer.status_code, len(problems), len(searched_names)) == (422, 20, 20)
    assert problems[0]["problem"].endswith("Did you mean Distance?")


def test_a_very_long_unknown_name_is_refused_without_a_search(shared_api, searched_names) -> None:
    answer = ask(shared_api, json={"d" * (MAX_NAME_LENGTH + 1): 1})
    assert (answer.status_code, searched_names) == (422, [])
    assert "/openapi.json lists the fields" in answer.json()["detail"][0]["msg"]


@pytest.mark.parametrize("how", ["json", "data"])
def test_a_body_of_more_fields_than_it_may_have_is_422(how, shared_api, searched_names) -> None:
    answer = ask(shared_api, **body(how, **{f"x{number}": 1 for number in range(MAX_FIELDS + 1)}))
    assert (answer.status_code, searched_names) == (422, [])
    assert f"has more than {MAX_FIELDS} fields" in answer.json()["detail"][0]["msg"]
