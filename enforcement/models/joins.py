"""Cases that are worked as one. Nothing moves when cases are merged, so that a merge can always be taken back."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import DDL, BigInteger, CheckConstraint, ForeignKey, Index, event, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from enforcement.models.base import DESK
from enforcement.models.cases import CaseFile
from trace.models.base import Base, uuid_pk
from trace.models.parties import AppUser


class CaseJoin(Base):
    """One merge: which case went into which, who decided it and why, and what the kept case took over from the other.

    `compared`: the facts as they stood side by side and which of them was kept. `changed`: of the kept case, what was and what became.
    `mark`: the history's last entry at the merge; what was edited after it is nobody's to restore.
    """

    __tablename__ = "case_join"
    __table_args__ = (
        CheckConstraint("kept_id <> absorbed_id", name="two_cases"),
        CheckConstraint("num_nonnulls(undone_at, undone_by, undone_why) IN (0, 3)", name="undone_whole"),
        CheckConstraint("undone_at >= merged_at", name="undone_after"),
        CheckConstraint("length(btrim(reason)) > 0 AND length(btrim(undone_why)) > 0", name="reason_said"),
        Index("uq_case_join_standing", "absorbed_id", unique=True, postgresql_where=text("undone_at IS NULL")),
        Index(None, "kept_id"),
        DESK,
    )

    id: Mapped[uuid_pk]
    kept_id: Mapped[UUID] = mapped_column(ForeignKey("enforcement.case_file.id"))
    absorbed_id: Mapped[UUID] = mapped_column(ForeignKey("enforcement.case_file.id"))
    merged_at: Mapped[datetime]
    merged_by: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    reason: Mapped[str]
    compared: Mapped[dict[str, Any]]
    changed: Mapped[dict[str, Any]]
    mark: Mapped[int] = mapped_column(BigInteger)
    undone_at: Mapped[datetime | None]
    undone_by: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))
    undone_why: Mapped[str | None]

    kept: Mapped[CaseFile] = relationship(foreign_keys=[kept_id])
    absorbed: Mapped[CaseFile] = relationship(foreign_keys=[absorbed_id])
    merger: Mapped[AppUser] = relationship(foreign_keys=[merged_by])


# Whoever merges reads upwards under locks: two merges that would close a circle wait for each other and one of them gives up.
CHECK_MERGE = """
CREATE OR REPLACE FUNCTION enforcement.check_merge() RETURNS trigger
LANGUAGE plpgsql
AS $$
DECLARE
    above uuid := NEW.merged_into_id;
BEGIN
    WHILE above IS NOT NULL LOOP
        IF above = NEW.id THEN
            RAISE EXCEPTION 'a case cannot be merged into itself, through others neither'
                USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'case_merge_acyclic';
        END IF;
        SELECT c.merged_into_id INTO above FROM enforcement.case_file c WHERE c.id = above FOR NO KEY UPDATE;
    END LOOP;
    RETURN NULL;
END
$$
"""
CASE_MERGE_ACYCLIC = (
    "CREATE TRIGGER case_merge_acyclic AFTER INSERT OR UPDATE OF merged_into_id ON enforcement.case_file "
    "FOR EACH ROW WHEN (NEW.merged_into_id IS NOT NULL) EXECUTE FUNCTION enforcement.check_merge()"
)

# Where a case points and what the merges say is one thing, at the end of every transaction.
CHECK_JOINED = """
CREATE OR REPLACE FUNCTION enforcement.check_joined() RETURNS trigger
LANGUAGE plpgsql
AS $$
DECLARE
    touched uuid;
BEGIN
    IF TG_TABLE_NAME = 'case_file' THEN
        touched := NEW.id;
    ELSE
        touched := NEW.absorbed_id;
    END IF;
    IF (SELECT c.merged_into_id FROM enforcement.case_file c WHERE c.id = touched) IS DISTINCT FROM
       (SELECT j.kept_id FROM enforcement.case_join j WHERE j.absorbed_id = touched AND j.undone_at IS NULL)
    THEN
        RAISE EXCEPTION 'a case is merged away exactly as long as its merge stands'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'case_join_stands';
    END IF;
    RETURN NULL;
END
$$
"""
CASE_JOIN_STANDS = (
    "CREATE CONSTRAINT TRIGGER case_join_stands AFTER UPDATE OF merged_into_id ON enforcement.case_file DEFERRABLE INITIALLY DEFERRED "
    "FOR EACH ROW EXECUTE FUNCTION enforcement.check_joined()",
    "CREATE CONSTRAINT TRIGGER case_join_stands AFTER INSERT OR UPDATE ON enforcement.case_join DEFERRABLE INITIALLY DEFERRED "
    "FOR EACH ROW EXECUTE FUNCTION enforcement.check_joined()",
)

# A merge is taken back once; who merged and why is never written over.
KEEP_JOIN = """
CREATE OR REPLACE FUNCTION enforcement.keep_join() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.undone_at IS NULL
       AND (NEW.id, NEW.kept_id, NEW.absorbed_id, NEW.merged_at, NEW.merged_by, NEW.reason, NEW.compared, NEW.mark)
           = (OLD.id, OLD.kept_id, OLD.absorbed_id, OLD.merged_at, OLD.merged_by, OLD.reason, OLD.compared, OLD.mark)
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'a merge is never overwritten' USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'case_join_kept';
END
$$
"""
CASE_JOIN_KEPT = (
    "CREATE TRIGGER case_join_kept BEFORE UPDATE OR DELETE ON enforcement.case_join "
    "FOR EACH ROW EXECUTE FUNCTION enforcement.keep_join()"
)

# What happens after a merge is written into the case that carries on, whoever writes.
REFUSE_IN_MERGED = """
CREATE OR REPLACE FUNCTION enforcement.refuse_in_merged() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM enforcement.case_file c WHERE c.id = NEW.case_id AND c.merged_into_id IS NOT NULL) THEN
        RAISE EXCEPTION 'the case was merged into another' USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'case_event_standing';
    END IF;
    RETURN NEW;
END
$$
"""
CASE_EVENT_STANDING = (
    "CREATE TRIGGER case_event_standing BEFORE INSERT ON enforcement.case_event "
    "FOR EACH ROW EXECUTE FUNCTION enforcement.refuse_in_merged()"
)

for _sql in (
    CHECK_MERGE, CASE_MERGE_ACYCLIC, CHECK_JOINED, *CASE_JOIN_STANDS, KEEP_JOIN, CASE_JOIN_KEPT, REFUSE_IN_MERGED, CASE_EVENT_STANDING,
):  # fmt: skip
    event.listen(Base.metadata, "after_create", DDL(_sql.replace("%", "%%")))  # type: ignore[no-untyped-call]
