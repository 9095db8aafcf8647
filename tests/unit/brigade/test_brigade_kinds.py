"""Kinds of call: five, and every published special service in one of them."""

from collections import Counter

import pytest

from londonpump.brigade import kinds


def test_there_are_five_kinds_of_call_by_name():
    assert kinds.INCIDENT_TYPES == (
        "Fire",
        "Domestic Incidents",
        "Local Emergencies",
        "Prior Arrangement",
        "Major Environmental Disasters",
    )


def test_every_special_service_falls_in_a_kind_other_than_fire():
    assert set(kinds.SPECIAL_SERVICES.values()) == set(kinds.INCIDENT_TYPES) - {kinds.FIRE}


def test_the_special_services_are_shared_out_as_in_the_original():
    assert Counter(kinds.SPECIAL_SERVICES.values()) == {
        kinds.LOCAL: 12,
        kinds.PRIOR: 4,
        kinds.DOMESTIC: 3,
        kinds.MAJOR: 3,
    }


@pytest.mark.parametrize(
    ("special_service", "kind"),
    [
        ("Flooding", "Major Environmental Disasters"),
        ("Lift Release", "Domestic Incidents"),
        ("Stand By", "Prior Arrangement"),
        ("RTC", "Local Emergencies"),
    ],
)
def test_a_special_service_has_the_kind_of_the_original(special_service, kind):
    assert kinds.SPECIAL_SERVICES[special_service] == kind


def test_both_published_spellings_of_water_provision_are_one_kind():
    assert kinds.SPECIAL_SERVICES["Water provision"] == kinds.SPECIAL_SERVICES["Water Provision"]


def test_every_special_service_of_the_published_records_has_a_kind(special_services_seen):
    assert len(special_services_seen) == 21
    assert special_services_seen - set(kinds.SPECIAL_SERVICES) == set()


def test_a_false_alarm_is_a_call_to_a_fire():
    assert kinds.FIRE_GROUPS == ("Fire", "False Alarm")
