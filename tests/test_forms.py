"""What people type into fields, as they type it, and what becomes of it."""

from __future__ import annotations

import unicodedata
from datetime import date
from decimal import Decimal
from types import NoneType
from typing import TYPE_CHECKING, Any

import pytest
from babel.messages.extract import extract_from_dir
from werkzeug.datastructures import MultiDict
from wtforms import Field, StringField
from wtforms.form import BaseForm
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from trace import words
from trace.config import ROOT
from trace.forms import (
    EnumField,
    PostForm,
    VietnameseDate,
    VietnameseDecimal,
    VietnameseInteger,
    WardField,
    Wording,
    clean,
    decimal_number,
    whole_number,
)
from trace.models.lots import LotState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask import Flask

NBSP, THIN = "\u00a0", "\u202f"


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("1200", 1200), ("1.200", 1200), ("1 200", 1200), (f"1{NBSP}200", 1200), (f"1{THIN}200", 1200), (" 1.200 ", 1200),
        ("1.200.000", 1_200_000), ("0", 0), ("-3", -3), ("+3", 3), ("１２００", 1200), ("１．２００", 1200), ("007", 7),
        ("9" * 18, int("9" * 18)),
    ],
)  # fmt: skip
def test_a_whole_number_is_read(typed: str, read: int) -> None:
    assert whole_number(typed) == read


@pytest.mark.parametrize(
    "typed",
    [
        "1,5", "1.5", "1.20", "1.2000", "1,200", "12.00", "1..200", ".200", "1.200.", "1e3", "0x10", "1_000", "", " ", "một", "½",
        "1.200,0", "--1", "1-", "9" * 19, "1 20", "∞", "NaN", "12\n00", "🌶", "1200 kg",
    ],
)  # fmt: skip
def test_what_is_no_whole_number_is_refused_and_never_guessed(typed: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        whole_number(typed)


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("1,5", "1.5"), ("1.234,5", "1234.5"), ("1 234,5", "1234.5"), (f"1{NBSP}234,5", "1234.5"), ("1.234", "1234"), ("1.5", "1.5"),
        ("1.20", "1.20"), ("0,35", "0.35"), ("-0,5", "-0.5"), ("１，５", "1.5"), ("12", "12"), ("1.234.567,891", "1234567.891"),
    ],
)  # fmt: skip
def test_a_decimal_is_read_with_a_comma_or_a_lone_point(typed: str, read: str) -> None:
    assert decimal_number(typed) == Decimal(read)


@pytest.mark.parametrize(
    "typed",
    [
        "",
        ",5",
        "1,",
        "1,2,3",
        "1,234.5",
        "12 34",
        "12 34,5",
        "1.23,4",
        "1.2345",
        "NaN",
        "Infinity",
        "1e3",
        "1,1234567",
        "9" * 13,
        "🌶",
    ],
)
def test_what_is_no_decimal_is_refused(typed: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        decimal_number(typed)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        (unicodedata.normalize("NFD", "Cẩm Giàng"), "Cẩm Giàng"),
        ("  Thanh Hà\u00a0 ", "Thanh Hà"),
        ("a\x00b", "ab"),
        ("a\x00\u0301", "á"),
        ("hai\ndòng\tvà tab", "hai\ndòng\tvà tab"),
        ("\x1b[31mđỏ\x7f", "[31mđỏ"),
        ("🌶️ 👩🏽\u200d🌾", "🌶️ 👩🏽\u200d🌾"),
        ("\x00", ""),
        ("\u200b\ufeff\u2060", ""),
        ("hoadon\u202efdp.exe", "hoadonfdp.exe"),
        ("Kho\u200e \u2067số\u2069 2", "Kho số 2"),
        ("Vải\ufffe sấy\uffff\ud800 \ufdd0mẫu\udfff\U0001fffe", "Vải sấy mẫu"),
        ("", ""),
    ],
)
def test_text_is_composed_and_without_controls(typed: str, kept: str) -> None:
    assert clean(typed) == kept
    assert unicodedata.is_normalized("NFC", clean(typed) or "")
    assert clean(clean(typed)) == kept


def test_nothing_stays_nothing() -> None:
    assert clean(None) is None


# ---------------------------------------------------------------------------------------------------------- whole forms


class Sample(PostForm):
    """One of each field."""

    class Meta(PostForm.Meta):
        csrf = False

    name = StringField("name", [InputRequired(), Length(max=5)], filters=[clean])
    quantity = VietnameseInteger("quantity", [Optional(), NumberRange(1, 1000)])
    weight = VietnameseDecimal("weight", [Optional()])
    packed_on = VietnameseDate("packed_on", [Optional()])
    state = EnumField("state", [Optional()], kind=LotState, blank="–")
    ward = WardField("ward", [Optional()])


@pytest.fixture
def _request(shared_app: Flask) -> Iterator[None]:
    with shared_app.test_request_context(method="POST"):
        yield


def filled(obj: Any = None, **typed: str) -> Sample:
    form = Sample(MultiDict({"name": "An"} | typed), obj=obj)
    form.ward.offer([("10813", "Thanh Hà")])
    return form


@pytest.mark.usefixtures("_request")
class TestFields:
    def test_a_form_filled_as_people_do_is_read(self) -> None:
        form = filled(quantity="1 000", weight="1.234,5", packed_on="5/6/2026", state="certified", ward="10813")
        assert form.validate(), form.errors
        assert form.data == {
            "name": "An", "quantity": 1000, "weight": Decimal("1234.5"), "packed_on": date(2026, 6, 5),
            "state": LotState.CERTIFIED, "ward": "10813",
        }  # fmt: skip

    def test_fields_left_empty_are_none(self) -> None:
        form = filled(quantity="", weight=" ", packed_on="", state="", ward="")
        assert form.validate(), form.errors
        assert {name: value for name, value in form.data.items() if value is not None} == {"name": "An"}

    @pytest.mark.parametrize("blank", ["", " ", "\u00a0", "\u3000 \t"])
    def test_blanks_are_no_answer_where_one_is_asked_for(self, blank: str) -> None:
        class Asked(PostForm):
            class Meta(PostForm.Meta):
                csrf = False

            quantity = VietnameseInteger("quantity", [InputRequired()])
            weight = VietnameseDecimal("weight", [InputRequired()])
            packed_on = VietnameseDate("packed_on", [InputRequired()])

        form = Asked(MultiDict({"quantity": blank, "weight": blank, "packed_on": blank}))
        assert not form.validate()
        assert set(form.errors) == {"quantity", "weight", "packed_on"}

    @pytest.mark.parametrize(
        ("kept", "shown"), [("6.000", "6"), ("2.500", "2,5"), ("1200.000", "1200"), ("0.001", "0,001"), ("0", "0")]
    )
    def test_a_number_offered_for_correction_has_no_decimals_that_say_nothing(self, kept: str, shown: str) -> None:
        class Record:
            weight = Decimal(kept)

        form = Sample(formdata=None, obj=Record())
        assert f'value="{shown}"' in form.weight()

    def test_a_field_emptied_by_hand_forgets_what_it_was_offered_with(self) -> None:
        class Record:
            quantity, weight, packed_on = 7, Decimal(2), date(2026, 1, 1)
            state, ward = LotState.CERTIFIED, "10813"

        form = filled(Record(), quantity="", weight="", packed_on="", state="", ward="")
        assert form.validate(), form.errors
        assert (form.quantity.data, form.weight.data, form.packed_on.data, form.state.data, form.ward.data) == (
            None,
        ) * 5

    @pytest.mark.parametrize(
        ("typed", "read"),
        [
            ("31/12/2026", date(2026, 12, 31)), ("1/6/2026", date(2026, 6, 1)), ("01-06-2026", date(2026, 6, 1)),
            ("1.6.2026", date(2026, 6, 1)), ("2026-06-01", date(2026, 6, 1)), (" 1/6/2026 ", date(2026, 6, 1)),
            ("１／６／２０２６", date(2026, 6, 1)), ("29/02/2028", date(2028, 2, 29)),
        ],
    )  # fmt: skip
    def test_a_date_is_read_day_first(self, typed: str, read: date) -> None:
        form = filled(packed_on=typed)
        assert form.validate(), form.errors
        assert form.packed_on.data == read

    @pytest.mark.parametrize(
        "typed",
        [
            "31/02/2026",
            "29/02/2026",
            "12/31/2026",
            "1/6/26",
            "1/6/0026",
            "1/6/1926",
            "1/6/3026",
            "hôm qua",
            "2026",
            "0/0/0000",
            "🌶",
            "\x00",
        ],
    )
    def test_a_date_that_cannot_be_is_refused_and_shown_as_typed(self, typed: str) -> None:
        form = filled(packed_on=typed)
        assert not form.validate()
        assert list(form.errors) == ["packed_on"]
        assert form.packed_on.data is None
        assert form.packed_on.raw_data == [typed]

    @pytest.mark.parametrize("field", ["quantity", "weight"])
    def test_a_number_that_cannot_be_read_is_shown_as_typed(self, field: str) -> None:
        form = filled(**{field: "1,2,3"})
        assert not form.validate()
        assert list(form.errors) == [field]
        assert form[field].data is None
        assert form[field]._value() == "1,2,3"

    def test_a_decimal_goes_out_as_it_comes_in(self) -> None:
        class Record:
            weight = Decimal("1234.50")

        shown = Sample(obj=Record()).weight._value()
        assert shown == "1234,5"
        assert filled(weight=shown).weight.data == Record.weight

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("state", "no such state"),
            ("state", "CERTIFIED"),
            ("ward", "00000"),
            ("ward", "Thanh Hà"),
            ("quantity", "0"),
            ("quantity", "1001"),
        ],
    )
    def test_what_was_not_offered_is_refused(self, field: str, value: str) -> None:
        form = filled(**{field: value})
        assert not form.validate()
        assert list(form.errors) == [field]

    def test_a_choice_that_was_taken_is_marked(self) -> None:
        page = str(filled(state="certified").state())
        assert page.count("selected") == 1
        assert 'selected value="certified"' in page

    def test_every_refusal_is_said_in_the_readers_language(self) -> None:
        form = filled(name="quá dài rồi", quantity="0", weight="x", packed_on="x", state="x", ward="x")
        assert not form.validate()
        assert len(form.errors) == 6
        said = [text for texts in form.errors.values() for text in texts]
        english = {text for text in words.read("en") if isinstance(text, str)}
        assert [text for text in said if text.isascii() or text in english] == []

    def test_length_is_counted_after_composing(self) -> None:
        assert filled(name=unicodedata.normalize("NFD", "ầẩẫấậ")).validate()


def test_wtforms_says_nothing_that_the_catalogue_does_not_know() -> None:
    import wtforms

    folder = ROOT / wtforms.__path__[0]
    keywords = {"gettext": None, "ngettext": (1, 2)}
    ids: set[str] = set()
    for _file, _line, message, _comments, _context in extract_from_dir(
        str(folder), [("**.py", "python")], {}, keywords
    ):
        ids.add(message if isinstance(message, str) else message[-1])
    assert len(ids) > 20
    assert sorted(ids - NOT_FOR_PEOPLE - words.gather()) == []


# Errors of whoever writes the program, and of validators for what nobody here types.
NOT_FOR_PEOPLE = {
    "Choices cannot be None.", "Invalid field name '%s'.", "Invalid IP address.", "Invalid Mac address.",
    "CSRF token missing.", "CSRF failed.", "CSRF token expired.", "Invalid CSRF Token.",
}  # fmt: skip


@pytest.mark.usefixtures("_request")
def test_every_form_of_ours_speaks_from_our_catalogue() -> None:
    forms = [form for form in _descendants(BaseForm) if form.__module__.split(".")[0] in {"trace", "enforcement"}]
    assert len(forms) > 3
    assert isinstance(Field._translations, Wording)
    assert [
        form.__qualname__
        for form in forms
        if not isinstance(form(MultiDict()).meta.get_translations(None), Wording | NoneType)
    ] == []


def _descendants(kind: type) -> set[Any]:
    children: list[type] = type.__subclasses__(kind)
    return {kind} | {deeper for child in children for deeper in _descendants(child)}
