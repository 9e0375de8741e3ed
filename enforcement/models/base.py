"""What the tables of the case desk share."""

DESK = {"schema": "enforcement"}
