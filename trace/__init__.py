"""The registry of protected signs and its public face.

Folders: models (tables), services (rules), views (HTTP). `app.py` joins them. The case desk stands above, in `enforcement`.
"""
