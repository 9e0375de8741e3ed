"""Rules of the registry: one file per noun, one function per verb.

Each takes the session, the actor and the time; none commits, reads the clock or knows of HTTP.
"""
