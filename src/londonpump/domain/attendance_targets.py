"""The Brigade's targets and the limits of its published records. Source: LFB, design section 1."""

FIRST_PUMP_TARGET_S = 360
SECOND_PUMP_TARGET_S = 480
FIRST_PUMP_90_PCT_LIMIT_S = 600
"""Limit for the first pump on 90 % of occasions."""
FIRST_PUMP_95_PCT_LIMIT_S = 720
"""Limit for the first pump on 95 % of occasions."""
LATENESS_LIMITS_S = (
    FIRST_PUMP_TARGET_S,
    SECOND_PUMP_TARGET_S,
    FIRST_PUMP_90_PCT_LIMIT_S,
    FIRST_PUMP_95_PCT_LIMIT_S,
)

MAX_PUBLISHED_S = 1200
"""Attendance, travel and turnout times above this are cut from the published files."""
MIN_UNDERESTIMATE_S = 120
"""An arrival this much later than predicted is an under-estimate that deserves a warning."""
