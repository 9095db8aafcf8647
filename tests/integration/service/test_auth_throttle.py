"""Password guessing is slowed down, and strangers cannot lock out users."""

HERE, ELSEWHERE = "192.0.2.1", "198.51.100.7"


def guesses(live_service, source, n, name="amelia"):
    return [live_service.login(name, "wrong", source).status_code for _ in range(n)]


def test_guessing_is_slowed_down(live_service_behind_proxy) -> None:
    live_service = live_service_behind_proxy
    live_service.add("amelia")
    assert guesses(live_service, ELSEWHERE, 6) == [400] * 5 + [429]


def test_a_right_password_in_the_wait_is_not_looked_at(live_service_behind_proxy) -> None:
    live_service = live_service_behind_proxy
    live_service.add("amelia")
    guesses(live_service, ELSEWHERE, 6)
    answer = live_service.login("amelia", source=ELSEWHERE)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1")


def test_after_the_wait_the_right_password_opens(live_service_behind_proxy) -> None:
    live_service = live_service_behind_proxy
    live_service.add("amelia")
    guesses(live_service, ELSEWHERE, 6)
    live_service.clock.move(seconds=1)
    assert live_service.login("amelia", source=ELSEWHERE).status_code == 200


def test_waits_grow(live_service_behind_proxy) -> None:
    live_service = live_service_behind_proxy
    waits = []
    guesses(live_service, ELSEWHERE, 5)
    for _ in range(4):
        waits.append(int(live_service.login("amelia", "wrong", ELSEWHERE).headers["Retry-After"]))
        live_service.clock.move(seconds=waits[-1])
        guesses(live_service, ELSEWHERE, 1)
    assert waits == [1, 2, 4, 8]


def test_an_unknown_name_is_slowed_down_alike(live_service_behind_proxy) -> None:
    assert guesses(live_service_behind_proxy, ELSEWHERE, 6, "nobody") == [400] * 5 + [429]


def test_a_stranger_elsewhere_does_not_lock_anybody_out(live_service_behind_proxy) -> None:
    live_service = live_service_behind_proxy
    live_service.add("amelia")
    guesses(live_service, ELSEWHERE, 20)
    assert live_service.login("amelia", source=HERE).status_code == 200


def test_strangers_everywhere_do_not_lock_out_a_known_source(live_service_behind_proxy) -> None:
    live_service = live_service_behind_proxy
    live_service.add("amelia")
    live_service.login("amelia", source=HERE)
    for last in range(60):
        live_service.login("amelia", "wrong", f"198.51.100.{last}")
    assert live_service.login("amelia", source="203.0.113.9").status_code == 429
    assert live_service.login("amelia", source=HERE).status_code == 200


def test_a_list_of_names_is_slowed_down_and_its_neighbours_are_not(live_service_behind_proxy) -> None:
    live_service = live_service_behind_proxy
    live_service.add("amelia")
    live_service.login("amelia", source=HERE)
    statuses = [live_service.login(f"name{number}", "wrong", HERE).status_code for number in range(40)]
    assert (statuses[0], statuses[-1]) == (400, 429)
    assert live_service.login("amelia", source=HERE).status_code == 200


def test_whoever_is_signed_in_stays_so(live_service_behind_proxy) -> None:
    live_service = live_service_behind_proxy
    amelia = live_service.bearer("amelia")
    guesses(live_service, "testclient", 20)
    assert live_service.client.get("/me", headers=amelia).status_code == 200


def test_many_at_once_are_no_way_round(live_service_behind_proxy) -> None:
    from concurrent.futures import ThreadPoolExecutor

    live_service = live_service_behind_proxy
    live_service.add("amelia")
    with ThreadPoolExecutor(12) as threads:
        statuses = list(threads.map(lambda _: guesses(live_service, ELSEWHERE, 1)[0], range(12)))
    assert statuses.count(400) == 5


def test_a_header_is_not_believed_without_the_setting(live_service) -> None:
    live_service.add("amelia")
    statuses = [live_service.login("amelia", "wrong", f"198.51.100.{last}").status_code for last in range(6)]
    assert statuses[-1] == 429


def test_registering_is_slowed_down(live_service) -> None:
    body = {"password": "three quiet lanterns", "passwordConfirm": "three quiet lanterns"}
    statuses = [
        live_service.client.post("/register", json={"username": f"n{i}", **body}).status_code
        for i in range(51)
    ]
    assert (statuses[49], statuses[50]) == (201, 429)
