"""By what like texts and like photos are found through an index: marks that two of them share if they are alike. The migration repeats these texts.

A mark only leads to what is then compared for itself. What must not live here: tables, and how alike is alike (`enforcement.alike`).
"""

from __future__ import annotations

# Each run of four words, without diacritics and signs: two texts that tell the same with some words changed share one almost surely,
# while words alone are shared by everybody. A shorter text is one run. The cost keeps the planner from making marks where it could look them up.
TEXT_MARKS = """
CREATE OR REPLACE FUNCTION public.text_marks(said text) RETURNS integer[]
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 5000
AS $$
DECLARE
    words text[] := string_to_array(btrim(regexp_replace(public.fold(said), '[^[:alnum:]]+', ' ', 'g')), ' ');
    marks integer[] := '{}';
BEGIN
    FOR i IN 1 .. greatest(cardinality(words) - 3, 1) LOOP
        marks[i] := hashtext(concat_ws(' ', words[i], words[i + 1], words[i + 2], words[i + 3]));
    END LOOP;
    RETURN marks;
END
$$
"""

# The 63 bits in three bands of 21. Two hashes that differ in eight bits or fewer have a band in which they differ in two at most; who asks
# names the three with every two of their bits turned (`enforcement.alike`): seven hundred marks, of which a stranger has one in thousands.
PHOTO_MARKS = """
CREATE OR REPLACE FUNCTION public.photo_marks(likeness bigint) RETURNS integer[]
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$
    SELECT ARRAY[(likeness & 2097151)::integer, 2097152 + (likeness >> 21 & 2097151)::integer, 4194304 + (likeness >> 42 & 2097151)::integer]
$$
"""
