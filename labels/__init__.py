"""Label codes, their keys, QR symbols, and label sheets, images, printer commands and manifests.

A pure library: plain values in, plain values or bytes out. It knows no database, no web framework, no clock
and nothing of the registry; chance enters only where a new key or a nonce is drawn (`labels.keys`).
"""
