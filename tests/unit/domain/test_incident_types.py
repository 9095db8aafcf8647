"""Kinds of call: five, and every published special service in one of them."""

from collections import Counter

import pytest

from londonpump.domain import incident_types


def test_there_are_five_kinds_of_call_by_name():
    assert incident_types.INCIDENT_TYPES == (
        "Fire",
        "Domestic Incidents",
        "Local Emergencies",
        "Prior Arrangement",
        "Major Environmental Disasters",
    )


def test_every_special_service_falls_in_a_kind_other_than_fire():
    assert set(incident_types.SPECIAL_SERVICES.values()) == set(incident_types.INCIDENT_TYPES) - {
        incident_types.FIRE
    }


def test_the_special_services_are_shared_out_as_in_the_original():
    assert Counter(incident_types.SPECIAL_SERVICES.values()) == {
        incident_types.LOCAL: 12,
        incident_types.PRIOR: 4,
        incident_types.DOMESTIC: 3,
        incident_types.MAJOR: 3,
    }


@pytest.mark.parametrize(
    ("special_service", "incident_type"),
    [
        ("Flooding", "Major Environmental Disasters"),
        ("Lift Release", "Domestic Incidents"),
        ("Stand By", "Prior Arrangement"),
        ("RTC", "Local Emergencies"),
    ],
)
def test_a_special_service_has_the_kind_of_the_original(special_service, incident_type):
    assert incident_types.SPECIAL_SERVICES[special_service] == incident_type


def test_both_published_spellings_of_water_provision_are_one_kind():
    assert (
        incident_types.SPECIAL_SERVICES["Water provision"]
        == incident_types.SPECIAL_SERVICES["Water Provision"]
    )


def test_every_special_service_of_the_published_records_has_a_kind(special_services_seen):
    assert len(special_services_seen) == 21
    assert special_services_seen - set(incident_types.SPECIAL_SERVICES) == set()


def test_a_false_alarm_is_a_call_to_a_fire():
    assert incident_types.FIRE_GROUPS == ("Fire", "False Alarm")
