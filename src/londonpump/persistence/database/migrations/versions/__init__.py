"""One file per step, numbered. A step that has shipped never changes.

Each step from 0011 on declares its `kind`. "expand": older code goes on serving on the new tables, because the step only makes
tables, columns that may be null or have a default, and indexes that are not unique. "contract": anything else; code of before
the step refuses the new tables. A test inspects the statements of the steps that only expand.
"""
