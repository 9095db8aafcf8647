"""The five incident types, and the published records that belong to each.

Source: the original system's table (its cleaning step 17), from stop code and special-service type.
"""

FIRE = "Fire"
DOMESTIC = "Domestic Incidents"
LOCAL = "Local Emergencies"
PRIOR = "Prior Arrangement"
MAJOR = "Major Environmental Disasters"
INCIDENT_TYPES = (FIRE, DOMESTIC, LOCAL, PRIOR, MAJOR)

FIRE_GROUPS = ("Fire", "False Alarm")
"""Groups of calls to a fire. Before arrival a false alarm cannot be distinguished from a fire."""

SPECIAL_SERVICES: dict[str, str] = {
    "Flooding": MAJOR,
    "Hazardous Materials incident": MAJOR,
    "Spills and Leaks (not RTC)": MAJOR,
    "Suicide/attempts": DOMESTIC,
    "Effecting entry/exit": DOMESTIC,
    "Lift Release": DOMESTIC,
    "Advice Only": PRIOR,
    "No action (not false alarm)": PRIOR,
    "Assist other agencies": PRIOR,
    "Stand By": PRIOR,
    "Animal assistance incidents": LOCAL,
    "Medical Incident": LOCAL,
    "Medical Incident - Co-responder": LOCAL,
    "Removal of objects from people": LOCAL,
    "Other rescue/release of persons": LOCAL,
    "RTC": LOCAL,
    "Other Transport incident": LOCAL,
    "Evacuation (no fire)": LOCAL,
    "Rescue or evacuation from water": LOCAL,
    "Water Provision": LOCAL,
    "Water provision": LOCAL,
    "Making Safe (not RTC)": LOCAL,
}

SPECIAL_OPERATIONS = "Use of Special Operations Room"
"""A stop code that replaces a missing special-service type."""
NOT_SPECIAL_SERVICE = "Not Special Service"

APPLIANCES = {"1": "Pump Dual Ladder", "2": "Pump Ladder"}
HOME_STATION = "Home Station"
OTHER_STATION = "Other Station"
