"""The case desk: signals become cases, cases become decisions. Above the registry, which never imports it.

`transitions`, `deadlines`, `competence` and `law_seed` are pure: data and functions, no database, no clock, no request.
What must not live here: rules of the registry, HTTP below `views/`, and any law that is not dated data.
"""
