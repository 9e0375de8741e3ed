"""Official papers of a case: their forms as data, filling them from the case, their numbers, and drawing them as DOCX and PDF.

`vocabulary`, `forms`, `values`, `sheet` and the two layouts are pure; `templates`, `filling`, `signing` and `numbering` read the database.
The deeds (draft, issue, cancel, scan) are in `enforcement.documents`. The words of a paper are records and stay Vietnamese.
"""
