"""Guessing is slowed down, and a stranger locks nobody out."""

HERE, ELSEWHERE = "192.0.2.1", "198.51.100.7"


def guesses(desk, source, n, name="amelia"):
    return [desk.login(name, "wrong", source).status_code for _ in range(n)]


def test_guessing_is_slowed_down(desk_behind_a_proxy) -> None:
    desk = desk_behind_a_proxy
    desk.add("amelia")
    assert guesses(desk, ELSEWHERE, 6) == [400] * 5 + [429]


def test_a_right_password_in_the_wait_is_not_looked_at(desk_behind_a_proxy) -> None:
    desk = desk_behind_a_proxy
    desk.add("amelia")
    guesses(desk, ELSEWHERE, 6)
    answer = desk.login("amelia", source=ELSEWHERE)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1")


def test_after_the_wait_the_right_password_opens(desk_behind_a_proxy) -> None:
    desk = desk_behind_a_proxy
    desk.add("amelia")
    guesses(desk, ELSEWHERE, 6)
    desk.clock.move(seconds=1)
    assert desk.login("amelia", source=ELSEWHERE).status_code == 200


def test_waits_grow(desk_behind_a_proxy) -> None:
    desk = desk_behind_a_proxy
    waits = []
    guesses(desk, ELSEWHERE, 5)
    for _ in range(4):
        waits.append(int(desk.login("amelia", "wrong", ELSEWHERE).headers["Retry-After"]))
        desk.clock.move(seconds=waits[-1])
        guesses(desk, ELSEWHERE, 1)
    assert waits == [1, 2, 4, 8]


def test_an_unknown_name_is_slowed_down_alike(desk_behind_a_proxy) -> None:
    assert guesses(desk_behind_a_proxy, ELSEWHERE, 6, "nobody") == [400] * 5 + [429]


def test_a_stranger_elsewhere_does_not_lock_anybody_out(desk_behind_a_proxy) -> None:
    desk = desk_behind_a_proxy
    desk.add("amelia")
    guesses(desk, ELSEWHERE, 20)
    assert desk.login("amelia", source=HERE).status_code == 200


def test_strangers_everywhere_do_not_lock_out_a_known_source(desk_behind_a_proxy) -> None:
    desk = desk_behind_a_proxy
    desk.add("amelia")
    desk.login("amelia", source=HERE)
    for last in range(60):
        desk.login("amelia", "wrong", f"198.51.100.{last}")
    assert desk.login("amelia", source="203.0.113.9").status_code == 429
    assert desk.login("amelia", source=HERE).status_code == 200


def test_a_list_of_names_is_slowed_down_and_its_neighbours_are_not(desk_behind_a_proxy) -> None:
    desk = desk_behind_a_proxy
    desk.add("amelia")
    desk.login("amelia", source=HERE)
    told = [desk.login(f"name{number}", "wrong", HERE).status_code for number in range(40)]
    assert (told[0], told[-1]) == (400, 429)
    assert desk.login("amelia", source=HERE).status_code == 200


def test_whoever_is_signed_in_stays_so(desk_behind_a_proxy) -> None:
    desk = desk_behind_a_proxy
    amelia = desk.bearer("amelia")
    guesses(desk, "testclient", 20)
    assert desk.client.get("/me", headers=amelia).status_code == 200


def test_many_at_once_are_no_way_round(desk_behind_a_proxy) -> None:
    from concurrent.futures import ThreadPoolExecutor

    desk = desk_behind_a_proxy
    desk.add("amelia")
    with ThreadPoolExecutor(12) as threads:
        told = list(threads.map(lambda _: guesses(desk, ELSEWHERE, 1)[0], range(12)))
    assert told.count(400) == 5


def test_a_header_is_not_believed_without_the_setting(desk) -> None:
    desk.add("amelia")
    told = [desk.login("amelia", "wrong", f"198.51.100.{last}").status_code for last in range(6)]
    assert told[-1] == 429


def test_registering_is_slowed_down(desk) -> None:
    body = {"password": "three quiet lanterns", "passwordConfirm": "three quiet lanterns"}
    told = [desk.client.post("/register", json={"username": f"n{i}", **body}).status_code for i in range(51)]
    assert (told[49], told[50]) == (201, 429)
