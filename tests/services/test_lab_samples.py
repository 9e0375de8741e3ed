"""Samples: taken, sent, reported, in this order; what does not conform is a nonconformity."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

import pytest
from PIL import Image

from tests import factories
from tests.conftest import NOW
from trace.errors import NotFound, Refused
from trace.models.control_papers import ControlFile
from trace.models.controls import Nonconformity, Severity
from trace.models.parties import Role
from trace.services import lab_samples
from trace.services.lab_samples import Result, SampleState
from trace.services.reach import Reach

ALL = Reach(everything=True)
TODAY = NOW.date()


def take(session: Any, world: Any, **changes: Any) -> Any:
    given = {
        "area_id": world.area.id, "what": "Quả tươi", "amount": "2 kg", "seal": "NP-01", "taken_on": TODAY - timedelta(days=10),
        "taken_from": "Người mẫu Vườn", "by": world.controller.id, "at": NOW, "reach": ALL,
    } | changes  # fmt: skip
    return lab_samples.take(session, **given)


@pytest.fixture
def sent(session: Any, world: Any) -> Any:
    sample = take(session, world)
    return lab_samples.send(
        session, sample.id, lab="Phòng mẫu", sent_on=TODAY - timedelta(days=9), by=world.controller.id, at=NOW, reach=ALL
    )  # fmt: skip


def report(session: Any, world: Any, sample: Any, *results: Result, **changes: Any) -> Any:
    given = {
        "report_number": "PKN-1",
        "reported_on": TODAY,
        "by": world.controller.id,
        "at": NOW,
        "reach": ALL,
    } | changes
    return lab_samples.report(session, sample.id, list(results), **given)


GOOD, BAD = Result("Brix", "18", "≥ 17", conforms=True), Result("Carbendazim", "0,9 mg/kg", "0,5 mg/kg", conforms=False)


def reasons(work: Any) -> set[type]:
    with pytest.raises(Refused) as refused:
        work()
    return {type(each) for each in refused.value.reasons}


def test_a_paper_sent_twice_is_kept_once(session: Any, world: Any, sent: Any, tmp_path: Any) -> None:
    def photo(colour: str) -> io.BytesIO:
        made = io.BytesIO()
        Image.new("RGB", (60, 40), colour).save(made, "JPEG")
        made.seek(0)
        return made

    added = [
        lab_samples.add_file(
            session, tmp_path, sent.id, photo(colour), name="phieu.jpg", by=world.controller.id, at=NOW, reach=ALL
        ).id
        for colour in ("navy", "navy", "white")
    ]  # fmt: skip
    assert added[0] == added[1] != added[2]
    assert factories.count(session, ControlFile) == 2


def test_a_sample_has_a_number_and_is_taken_by_nobody_of_the_holder(session: Any, world: Any) -> None:
    assert take(session, world).number == "MM-2026-00001"
    factories.role(session, world.controller, world.cooperative, Role.PACKER, NOW)
    wrong = {"seal": " ", "taken_on": TODAY + timedelta(days=1)}
    assert len(reasons(lambda: take(session, world, **wrong))) == 3
    with pytest.raises(NotFound):
        take(session, world, reach=Reach())


def test_results_that_conform_make_nothing_else(session: Any, world: Any, sent: Any) -> None:
    assert lab_samples.state(report(session, world, sent, GOOD)) is SampleState.CONFORMS
    assert factories.count(session, Nonconformity) == 0


def test_a_result_that_does_not_conform_is_a_nonconformity_of_the_source(session: Any, world: Any, sent: Any) -> None:
    due = TODAY + timedelta(days=20)
    report(session, world, sent, GOOD, BAD, severity=Severity.CRITICAL, due_on=due)
    found = session.query(Nonconformity).one()
    assert (found.sample_id, found.area_id, found.blocking, found.due_on) == (sent.id, world.area.id, True, due)
    assert "Carbendazim: 0,9 mg/kg" in found.description
    assert "Brix" not in found.description


def test_all_faults_of_a_report_come_at_once(session: Any, world: Any, sent: Any) -> None:
    assert reasons(lambda: report(session, world, sent, report_number=" ")) == {
        lab_samples.NoResults, lab_samples.ReportedBeforeSent,
    }  # fmt: skip
    found = reasons(
        lambda: report(
            session, world, sent, BAD, BAD, Result("pH", "", "", None), reported_on=TODAY + timedelta(days=1)
        )
    )
    assert found == {
        lab_samples.CriterionTwice, lab_samples.ResultIncomplete, lab_samples.ReportedBeforeSent, lab_samples.ResultDueMissing,
    }  # fmt: skip


def test_the_order_is_taken_sent_reported(session: Any, world: Any) -> None:
    sample = take(session, world)
    with pytest.raises(lab_samples.NotSent):
        report(session, world, sample, GOOD)
    early = {
        "lab": "Phòng mẫu",
        "sent_on": TODAY - timedelta(days=11),
        "by": world.controller.id,
        "at": NOW,
        "reach": ALL,
    }
    assert reasons(lambda: lab_samples.send(session, sample.id, **early)) == {lab_samples.SentBeforeTaken}
    lab_samples.send(session, sample.id, **early | {"sent_on": TODAY})
    with pytest.raises(lab_samples.SentAlready):
        lab_samples.send(session, sample.id, **early | {"sent_on": TODAY})
    report(session, world, sample, GOOD)
    with pytest.raises(lab_samples.ReportedAlready):
        report(session, world, sample, GOOD)
    assert lab_samples.listing(session, reach=ALL, q="phong mau", wanted_state=SampleState.CONFORMS)[1] == 1
