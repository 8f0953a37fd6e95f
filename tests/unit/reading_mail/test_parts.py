"""The small functions reading is made of, each by itself."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from m4dbot.reading.addresses import message_id_of, message_ids_of, people_of, person_of
from m4dbot.reading.attachments import files_of, safe_name
from m4dbot.reading.behalf import behalf_of, sender_and_principal
from m4dbot.reading.charset import cleaned, codec_for, decode, repaired
from m4dbot.reading.commands import CommandName, parse_command, parse_correction
from m4dbot.reading.contributor import contributor_of
from m4dbot.reading.dates import instant_of
from m4dbot.reading.flowed import unwrapped
from m4dbot.reading.headers import unfolded, with_parameters, words_decoded
from m4dbot.reading.language import language_of
from m4dbot.reading.mime import MOST_PARTS, RawAttachment
from m4dbot.reading.plus import PlusAddress, PlusKind, parse_plus
from m4dbot.reading.read import read
from m4dbot.reading.values import ContributorLine, Person
from m4dbot.tagging.values import Tag

GROUP = "water@lists.example.org"


@pytest.mark.parametrize(
    ("recipient", "expected"),
    [
        ("water+w2q1@lists.example.org", PlusAddress(PlusKind.TAG, "w2q1")),
        ("Water+W02-Q1@Lists.Example.org", PlusAddress(PlusKind.TAG, "w2q1")),
        ("water+w2@lists.example.org", PlusAddress(PlusKind.TAG, "w2")),
        ("water+q3@lists.example.org", PlusAddress(PlusKind.TAG, "q3")),
        ("water+leave-AbC@lists.example.org", PlusAddress(PlusKind.LEAVE, "AbC")),
        ("water+leave@lists.example.org", PlusAddress(PlusKind.COMMAND, "leave")),
        ("water+unsubscribe@lists.example.org", PlusAddress(PlusKind.COMMAND, "leave")),
        ("water+join@lists.example.org", PlusAddress(PlusKind.COMMAND, "join")),
        ("water+help@lists.example.org", PlusAddress(PlusKind.COMMAND, "help")),
        ("water+b-77x@lists.example.org", PlusAddress(PlusKind.BOUNCE, "77x")),
        ("water+ack-12-ff@lists.example.org", PlusAddress(PlusKind.CORRECT, "12-ff")),
        ("water+d-tok@lists.example.org", PlusAddress(PlusKind.DECISION, "tok")),
        ("water+else@lists.example.org", PlusAddress(PlusKind.UNKNOWN, "else")),
        ("water@lists.example.org", None),
        ("water+w2@elsewhere.example", None),
        ("waterfall+w2@lists.example.org", None),
        ("", None),
    ],
)
def test_an_address_detail_says_what_a_mail_is_for(recipient: str, expected: PlusAddress | None) -> None:
    """Kinds are told by their prefix; addresses of others have no meaning here."""
    assert parse_plus(recipient, GROUP) == expected


def test_another_delimiter_is_used_where_the_server_has_one() -> None:
    """Some servers separate the detail with a dash."""
    assert parse_plus("water-w2@lists.example.org", GROUP, "-") == PlusAddress(PlusKind.TAG, "w2")
    assert parse_plus("water+w2@lists.example.org", GROUP, "-") is None


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        ("W2 Q1", (Tag(2, 1),)),
        ("w2q1", (Tag(2, 1),)),
        ("week 2, question 1 please", (Tag(2, 1),)),
        ("semaine 2, question 1", (Tag(2, 1),)),
        ("Question 3 de la semaine 2", (Tag(2, 3),)),
        ("Semana 2, preguntas 1 y 3", (Tag(2, 1), Tag(2, 3))),
        ("W1 Q2\nW2 Q1", (Tag(1, 2), Tag(2, 1))),
        ("troisième question de la deuxième semaine", (Tag(2, 3),)),
        ("Frage 2, Woche drei", (Tag(3, 2),)),
        ("السؤال ٢ من الأسبوع ١", (Tag(1, 2),)),
        ("week 3", (Tag(3, None),)),
        ("Q4", (Tag(None, 4),)),
    ],
)
def test_a_correction_names_places(text: str, tags: tuple[Tag, ...]) -> None:
    """Labels and numbers in figures or words, in any order and several languages."""
    correction = parse_correction(text)
    assert correction is not None
    assert not correction.withdraw
    assert correction.tags == tags


@pytest.mark.parametrize(
    "text", ["withdraw", "Please withdraw.", "Retirez ma contribution, merci", "No publicar, gracias"]
)
def test_a_withdrawal_is_understood(text: str) -> None:
    """Courtesies around the word change nothing."""
    correction = parse_correction(text)
    assert correction is not None
    assert correction.withdraw


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Thank you!",
        "I would never withdraw what I said about week 2, for " + "it is true and " * 20,
        "2",
        "1. 2. 3.",
    ],
)
def test_other_answers_are_no_correction(text: str) -> None:
    """Somebody's own thoughts, and numbers without a label, correct nothing."""
    assert parse_correction(text) is None


@pytest.mark.parametrize(
    ("subject", "text", "name"),
    [
        ("unsubscribe", "", CommandName.LEAVE),
        ("Désabonnement", "Bonjour, merci de me retirer de la liste. Anna", CommandName.LEAVE),
        ("Re: [Water] Semana 2", "Quiero darme de baja, por favor", CommandName.LEAVE),
        ("subscribe", "", CommandName.JOIN),
        ("ayuda", "", CommandName.HELP),
    ],
)
def test_a_short_mail_can_be_a_command(subject: str, text: str, name: CommandName) -> None:
    """The subject, or all of the text, is a command in one of the languages."""
    command = parse_command(subject, text)
    assert command is not None
    assert command.name is name


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("Help", "What would help us is a common fund of the villages, kept by somebody whom all of us trust."),
        ("Re: Week 2", "Nobody can unsubscribe from the water network, and so the tariff has to be fair."),
        ("Unsubscribe", "I do not want to unsubscribe, on the contrary. " * 5),
        ("", ""),
    ],
)
def test_longer_words_are_no_command(subject: str, text: str) -> None:
    """A command's word in somebody's sentence commands nothing."""
    assert parse_command(subject, text) is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Tue, 9 Mar 2027 10:00:00 +0100", datetime(2027, 3, 9, 9, tzinfo=UTC)),
        ("9 Mar 27 10:00 GMT", datetime(2027, 3, 9, 10, tzinfo=UTC)),
        ("Tue, 9 March 2027 10.00.30 -0330 (NST)", datetime(2027, 3, 9, 13, 30, 30, tzinfo=UTC)),
        ("Tue Mar  9 10:00:00 2027", datetime(2027, 3, 9, 10, tzinfo=UTC)),
        ("Tue Mar  9 10:00:00 CET 2027", datetime(2027, 3, 9, 9, tzinfo=UTC)),
        ("2027-03-09T10:00:00Z", datetime(2027, 3, 9, 10, tzinfo=UTC)),
        ("Sat, 31 Dec 2016 23:59:60 +0000", datetime(2016, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ("Tue, 9 Mar 2027 10:00:00 +9900", datetime(2027, 3, 9, 10, tzinfo=UTC)),
        ("Thu, 1 Jan 1970 00:00:00 +0000", None),
        ("Wed, 31 Feb 2027 10:00:00 +0000", None),
        ("yesterday", None),
        ("", None),
        (None, None),
    ],
)
def test_a_date_is_an_instant_or_unknown(value: str | None, expected: datetime | None) -> None:
    """Aware and in UTC; what cannot be is None."""
    assert instant_of(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ('"Vega, Anna" <a@vega.example>', [("Vega, Anna", "a@vega.example")]),
        ("Vega, Anna <a@vega.example>", [("Anna Vega", "a@vega.example")]),
        ("a@vega.example (Anna (of Quito) Vega)", [("Anna (of Quito) Vega", "a@vega.example")]),
        ("undisclosed-recipients:;", []),
        ("All: A <a@x.example>, b@x.example;", [("A", "a@x.example"), ("", "b@x.example")]),
        ("=?utf-8?Q?=3Cb=40x.example=3E?= <a@x.example>", [("b@x.example", "a@x.example")]),
        ("Anna <a@x.example", [("Anna", "a@x.example")]),
        ("Anna Vega [mailto:a@x.example]", [("Anna Vega", "a@x.example")]),
        ("nobody", [("nobody", "")]),
        ("", []),
    ],
)
def test_people_are_found_in_header_values(value: str, expected: list[tuple[str, str]]) -> None:
    """Quoting, comments, groups, encoded words and slips of all kinds."""
    assert [(p.name, p.address) for p in people_of(value)] == expected


@pytest.mark.parametrize("run", [" ", "\t", ",", ";", "<", ":"])
def test_long_runs_in_an_address_field_change_nothing(run: str) -> None:
    """Thirty thousand blanks or commas name nobody, and what stands before them is still found."""
    assert people_of(f"Ana <a@example.org>, {run * 30_000}")[0] == Person("Ana", "a@example.org")
    assert person_of(f"a@example.org {' ' * 30_000}").address == "a@example.org"


def test_nested_comments_are_counted_not_descended_into() -> None:
    """Thousands of nested comments cost nothing but the reading."""
    assert person_of("(" * 5000 + ")" * 5000 + " a@x.example").address == "a@x.example"


def test_message_ids_are_taken_out_of_prose() -> None:
    """RFC 5322 §3.6.4, and the old habit of writing about the mail in In-Reply-To."""
    assert message_ids_of('Your mail of "Monday" <a.b@c.example>') == ("a.b@c.example",)
    assert message_ids_of("<a@x>\n <b@x> <a@x>") == ("a@x", "b@x")
    assert message_id_of("no-brackets@x.example") == "no-brackets@x.example"
    assert message_id_of("<not an id>") == "notanid"
    assert message_id_of(None) is None


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\x\\plan.docx", "plan.docx"),
        ("plan\r\nBcc: x.pdf", "plan Bcc x.pdf"),
        ("invoice\u202efdp.exe", "invoice fdp.exe"),
        (".bashrc", "bashrc"),
        ("", "attachment-1.pdf"),
        ("..", "attachment-1.pdf"),
        ("con.txt", "con-1.txt"),
        ("a" * 500 + ".pdf", "a" * 120 + ".pdf"),
    ],
)
def test_a_file_name_is_made_safe(name: str, shown: str) -> None:
    """No folders, no controls, no marks that turn it round, no reserved or endless names."""
    assert safe_name(name, "application/pdf") == shown


@given(st.text(max_size=300))
def test_a_safe_name_is_never_a_path(name: str) -> None:
    """Whatever came, what is shown holds no separator and is not empty or special."""
    shown = safe_name(name)
    assert shown
    assert not set("/\\\x00\r\n") & set(shown)
    assert shown not in (".", "..")


def test_flowed_text_keeps_quote_depth_and_signature_marks() -> None:
    """RFC 3676: soft breaks joined within a depth, stuffing undone, "-- " left alone."""
    text = "one \ntwo\n> three \n> four\n>> five\n From here\n-- \nAnna \nVega"
    assert unwrapped(text) == "one two\n> three four\n>> five\nFrom here\n-- \nAnna Vega"


@given(st.text(alphabet="ab >-\n", max_size=200), st.booleans())
def test_unwrapping_loses_no_letter(text: str, delete: bool) -> None:
    """Joining lines changes blanks and marks only."""
    kept = unwrapped(text, delete_space=delete)
    assert [c for c in kept if c in "ab"] == [c for c in text if c in "ab"]


@pytest.mark.parametrize(
    ("data", "label", "text"),
    [
        ("été".encode("latin-1"), "iso-8859-1", "été"),
        ("“x”".encode("cp1252"), "iso-8859-1", "“x”"),
        ("été".encode(), "iso-8859-1", "été"),
        ("été".encode("latin-1"), "utf-8", "été"),
        ("été".encode("latin-1"), None, "été"),
        ("été".encode("latin-1"), "nonsense", "été"),
        ("CAFÉ»".encode("latin-1"), "iso-8859-1", "CAFÉ»"),
        ("вода".encode("koi8-r"), "KOI8-R", "вода"),
        ("ماء".encode("cp1256"), "windows-1256", "ماء"),
        (b"plain", "rot13", "plain"),
        (b"a\\u00e9", "unicode_escape", "a\\u00e9"),
        ("水".encode("iso2022_jp"), None, "水"),
        ("été".encode("utf-7"), "utf-7", "été"),
        ("the".encode("utf-16"), "utf-16", "the"),
        (b"no such thing", "utf-16", "no such thing"),
        (b"nor that", "cp037", "nor that"),
    ],
)
def test_bytes_become_text_whatever_their_label(data: bytes, label: str | None, text: str) -> None:
    """Declared, then UTF-8, then windows-1252; a label the bytes contradict is not believed."""
    assert decode(data, label)[0] == text


@given(
    st.binary(max_size=200), st.sampled_from(["utf-8", "utf-7", "utf-16", "gb18030", "big5", "hz", "x", "cp037", None])
)
def test_decoding_never_raises(data: bytes, label: str | None) -> None:
    """There is always text."""
    assert isinstance(decode(data, label)[0], str)


@pytest.mark.parametrize("label", ["base64", "rot13", "hex", "zlib", "idna", "punycode", "unicode_escape", "", "\x00"])
def test_what_is_no_charset_is_not_taken_for_one(label: str) -> None:
    """Python's codecs that are no charsets are out of reach."""
    assert codec_for(label) is None


@given(st.text(alphabet="aéÃ©âœ€ñ“” \n", max_size=60))
def test_repair_is_only_done_where_it_can_be_undone(text: str) -> None:
    """Each repaired line gives the old one when it is read wrongly again."""
    for before, after in zip(text.split("\n"), repaired(text).split("\n"), strict=True):
        if before != after:
            assert after.encode().decode("cp1252", "replace") == before


def test_encoded_words_are_decoded_together_and_hold_no_line_break() -> None:
    """RFC 2047 with a character cut in two, and an attempt to add a header."""
    assert words_decoded("=?utf-8?B?w6k=?= =?utf-8?Q?t=C3=A9?=") == "été"
    assert words_decoded("=?utf-8?Q?a=C3?= =?utf-8?Q?=A9?= b") == "aé b"
    assert words_decoded("=?utf-8?Q?x=0D=0ABcc:y?=") == "x Bcc:y"
    assert words_decoded("=?iso-8859-1*fr?Q?=E9?=") == "é"


def test_parameters_are_continued_and_decoded() -> None:
    """RFC 2231 in pieces, quoted strings, and encoded words where they are forbidden."""
    value = "attachment; filename*1*=%A9.pdf; filename*0*=utf-8''r%C3; size=3"
    assert with_parameters(value) == ("attachment", {"filename": "ré.pdf", "size": "3"})
    assert with_parameters('text/plain; name="a\\"b;c"; x=y')[1] == {"name": 'a"b;c', "x": "y"}
    assert with_parameters("x; name==?utf-8?Q?=C3=A9.txt?=")[1]["name"] == "é.txt"


@pytest.mark.parametrize(
    ("value", "parameters"),
    [
        ('text/plain; name="a.txt" charset=utf-8', {"name": "a.txt", "charset": "utf-8"}),
        ('text/plain; name="a.txt', {"name": "a.txt"}),
        ("text/plain;;  charset = utf-8 ; format=flowed", {"charset": "utf-8", "format": "flowed"}),
        (r'text/plain; name="a\\\"b"; x=y', {"name": 'a\\"b', "x": "y"}),
        ("text/plain; odd charset=utf-8", {"charset": "utf-8"}),
        ("text/plain; =x; a=b", {"a": "b"}),
        ("text/plain;" + " " * 700 + "a=b", {"a": "b"}),
    ],
)
def test_parameters_are_found_where_programs_err(value: str, parameters: dict[str, str]) -> None:
    """Forgotten semicolons and quotation marks, blanks around the sign, a name that is missing."""
    assert with_parameters(value)[1] == parameters


@given(st.text("a \t\r\n", max_size=40))
def test_folding_is_undone(text: str) -> None:
    """Each line break is one blank, with the blanks around it (RFC 5322 §2.2.3)."""
    value = f"x{text}y".replace("\r", "")
    expected = re.sub(r"[ \t]*\n[ \t]*", " ", value)
    assert unfolded(value.encode()) == re.sub(r"\t+", " ", expected)


@given(st.text("ab\x00\x01\x0b\x0c\x85\r\n\u2028\u202e\ufeff", max_size=40))
def test_controls_go_and_breaks_become_line_ends(text: str) -> None:
    """Character by character, whatever runs of them a text is made of."""
    plain = text.replace("\r\n", "\n").replace("\r", "\n")
    expected = "".join("\n" if c in "\n\x0b\x0c\x85\u2028" else c for c in plain if c not in "\x00\x01\u202e\ufeff")
    assert cleaned(text) == expected


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("The committee meets every month and decides about the tariff.", "en"),
        ("Le comité se réunit chaque mois et décide du tarif avec les usagers.", "fr"),
        ("El comité se reúne cada mes y decide la tarifa con los usuarios.", "es"),
        ("O comité reúne-se todos os meses e decide a tarifa com os utilizadores.", "pt"),
        ("Il comitato si riunisce ogni mese e decide la tariffa insieme agli utenti.", "it"),
        ("Das Komitee trifft sich jeden Monat und entscheidet über den Tarif.", "de"),
        ("تجتمع اللجنة كل شهر وتقرر التعرفة مع المستخدمين.", "ar"),
        ("https://example.org/a-page", None),
        ("+1 👍", None),
        ("", None),
    ],
)
def test_the_language_of_a_text_is_told(text: str, language: str | None) -> None:
    """Seven languages at least, and None where there are no words."""
    assert language_of(text, ("en", "fr", "es")) == language


def test_the_members_language_decides_where_a_text_is_too_short() -> None:
    """A word or two belong to many languages."""
    assert language_of("OK, 12", ("en", "fr", "es"), "fr") == "fr"
    assert language_of("Merci !", ("en", "fr", "es"), "en") == "fr"


ANNA = Person("Anna Vega", "anna@vega.example")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Dr Tom Okello from the Ministry of Water wrote:\n\nWe dig.", "Dr Tom Okello"),
        ("Dear all,\n\nI post this on behalf of my colleague Tom Okello.\n\nWe dig.", "Tom Okello"),
        ("Au nom de Mme Awa Ndiaye :\n\nNous creusons.", "Mme Awa Ndiaye"),
        ("Envío este aporte en nombre de la Dra. Luz Pinto.\n\nCavamos.", "Dra. Luz Pinto"),
        ("Voici la contribution de Moussa Traoré :\n\nNous creusons.", "Moussa Traoré"),
        ("My colleague Tom Okello has asked me to send this.\n\nWe dig.", "Tom Okello"),
        ("نيابة عن الدكتورة ليلى حسن:\n\nنحن نحفر الآبار.", "الدكتورة ليلى حسن"),
        ("We dig.\n\nIt is hard.\n\nSent on behalf of Tom Okello", "Tom Okello"),
        ("On behalf of the Union of Wells:\n\nWe dig.", "Union of Wells"),
        ("CONTRIBUTION FROM MR. TOM OKELLO, KENYA\n\nWe dig.", "MR. TOM OKELLO"),
        ("Dear all, this is from my colleague Tom Okello:\n\nWe dig.", "Tom Okello"),
        ("Ci-dessous la réponse d'Awa Ndiaye à la question 2.\n\nNous creusons.", "Awa Ndiaye"),
        ("A pedido de Carlos Mamani, envío su respuesta:\n\nCavamos.", "Carlos Mamani"),
        ("El Ing. Carlos Mamani, alcalde de Sipe Sipe, nos escribe lo siguiente:\n\nCavamos.", "Ing. Carlos Mamani"),
        ("Il dott. Marco Bianchi, sindaco di Ala, ci scrive:\n\nScaviamo.", "dott. Marco Bianchi"),
        ("Im Namen von Frau Petra Klein sende ich diesen Beitrag.\n\nWir graben.", "Frau Petra Klein"),
        ("كتب الدكتور أحمد علي من وزارة المياه:\n\nنحن نحفر.", "الدكتور أحمد علي"),
        ("[Note: this contribution was received from Tom Okello by phone]\n\nWe dig.", "Tom Okello"),
        ("Response from Burkina Faso:\n\nWe dig.", None),
        ("Respuesta de Pregunta Uno:\n\nCavamos.", None),
        ("Contribution of Local Authorities:\n\nThey dig.", None),
        ("Following the comments from Maria Lopez, I add:\n\nWe dig.", None),
        ("The mayor of our town spoke to the council, as everybody knows, on behalf of Maria Lopez.\n\nWe dig.", None),
        ("On behalf of our members I thank you.\n\nWe dig.", None),
        ("On behalf of the Ministry of Water, I would like to answer.\n\nWe dig.", None),
        ("In the name of transparency, prices should be public.\n\nWe dig.", None),
        ("Amartya Sen wrote that famines need no shortage:\n\nThis is so.", None),
        ("Amartya Sen wrote:\n\n“Famines need no shortage.”", None),
        ("Anna Vega wrote:\n\nWe dig.", None),
        ("I agree with the contribution of Tom Okello, who described the long history of the wells, their owners, "
         "their keepers, their songs and their quarrels in such detail last week.\n\nWe dig.", None),
        ("We dig wells.", None),
    ],
)  # fmt: skip
def test_who_speaks_through_another_is_named(text: str, name: str | None) -> None:
    """Introductions name the writer; citations and speaking for others do not."""
    found = behalf_of(text, ANNA)
    assert (found.name if found else None) == name


def test_a_from_header_can_hold_two_people_or_a_list() -> None:
    """ "X on behalf of Y" is two people, "X via List" one."""
    assert sender_and_principal("Ana Ruiz on behalf of Tom Okello") == ("Ana Ruiz", "Tom Okello")
    assert sender_and_principal("Ana Ruiz via Hill Farmers") == ("Ana Ruiz", "")
    assert sender_and_principal("Ana Ruiz") == ("Ana Ruiz", "")


@pytest.mark.parametrize(
    ("signature", "text", "line"),
    [
        ("Anna Vega\nDirector\nWells for All Association\nLima, Peru\n+51 1 234 5678", "",
         ContributorLine("Anna Vega", "Director", "Wells for All Association", "Lima, Peru")),
        ("Dr Anna Vega | Senior Adviser | Ministry of Water | Kenya", "",
         ContributorLine("Dr Anna Vega", "Senior Adviser", "Ministry of Water", "Kenya")),
        ("", "We dig.\n\nSaludos cordiales,\nAnna\nRed de Pozos en Bolivia",
         ContributorLine("Anna Vega", "", "Red de Pozos", "Bolivia")),
        ("", "Nous creusons des puits depuis dix ans.\n\nAnna VEGA\nRIMAO",
         ContributorLine("Anna Vega", "", "RIMAO", "")),
        ("Anna Vega, PhD\nSenior Lecturer\nUniversity of the Lakes\nP.O. Box 12, Kisumu, Kenya", "",
         ContributorLine("Anna Vega", "Senior Lecturer", "University of the Lakes", "Kenya")),
        ("Anna Vega\nProject Manager\nWasserverband Nord\nDeutschland", "",
         ContributorLine("Anna Vega", "Project Manager", "Wasserverband Nord", "Deutschland")),
        ("Anna Vega\nDirectrice\nONG « Eau pour Tous »\nCotonou - Bénin\nTél. : +229 12 34 56 78", "",
         ContributorLine("Anna Vega", "Directrice", "ONG « Eau pour Tous »", "Cotonou, Bénin")),
        ("", "We dig.\n\nThanks!\nAnna (Ministry of Water, Uganda)",
         ContributorLine("Anna Vega", "", "Ministry of Water", "Uganda")),
        ("", "We dig.\n\nAnna\nLima, Peru", ContributorLine("Anna Vega", "", "", "Lima, Peru")),
        ("", "We dig.", ContributorLine("Anna Vega")),
        ("This message is confidential and meant for its addressee alone; whoever has received it by mistake is asked "
         "to tell the sender and to delete it, with all copies.", "", ContributorLine("Anna Vega")),
    ],
)  # fmt: skip
def test_a_signature_introduces_the_contributor(signature: str, text: str, line: ContributorLine) -> None:
    """Name, role, organisation and place, as far as the signature has them."""
    assert contributor_of(signature, text, ANNA) == line


@pytest.mark.parametrize(
    ("introduction", "line"),
    [
        ("Tom Okello from the Institute for Rural Wells (IRW) in Kenya wrote:",
         ContributorLine("Tom Okello", "", "Institute for Rural Wells", "Kenya")),
        ("Tom Okello, directeur du Réseau des Puits, Niger, a écrit :",
         ContributorLine("Tom Okello", "directeur du Réseau des Puits", "", "Niger")),
        ("I send this on behalf of Tom Okello (Wells Foundation), who has no connection.",
         ContributorLine("Tom Okello", "", "Wells Foundation", "")),
        ("On behalf of Tom Okello:", ContributorLine("Tom Okello")),
    ],
)  # fmt: skip
def test_an_introduction_introduces_the_contributor(introduction: str, line: ContributorLine) -> None:
    """What the sender says of the writer counts; what the sender signs with does not."""
    text = f"{introduction}\n\nWe dig.\n\nKind regards,\nAnna Vega\nSecretary, Office of Waters\nPeru"
    assert contributor_of("", text, Person("Tom Okello"), sender=ANNA) == line


def test_documents_are_asked_for_only_where_the_mail_means_them() -> None:
    """A short mail that says so, or a lone document; never a long letter's enclosure."""
    asked: list[str] = []

    def extract(name: str, content_type: str, data: bytes) -> tuple[str | None, str]:
        asked.append(name)
        return data.decode(), ""

    def document(name: str) -> RawAttachment:
        return RawAttachment(name, "application/octet-stream", f"text of {name}".encode())

    pair = [document("plan.pdf"), document("plan.docx"), document("photo.jpg")]
    assert files_of(pair, "Please see attached.", extract).texts == ("text of plan.docx",)
    assert asked == ["plan.docx"]
    asked.clear()
    assert files_of([document("a.pdf")], "Best, Anna", extract).texts == ("text of a.pdf",)
    assert files_of([document("a.pdf"), document("b.pdf")], "Best, Anna", extract).texts == ()
    assert files_of([document("a.pdf")], "word " * 200 + "see attached", extract).texts == ()
    assert files_of([document("a.pdf")], "ci-joint", None).texts == ()
    assert asked == ["a.pdf"]


def test_a_detector_that_stumbles_says_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """What upsets a bounce detector is no operator's concern: no traceback, and the prose is read."""
    raw = (
        b"From: mailer-daemon@x.example\nReturn-Path: <>\nSubject: Delivery failure\n"
        b"Content-Type: text/plain; charset=idna\nContent-Transfer-Encoding: 8bit\n\n"
        b"tom@wells.example: 550 5.1.1 no such user \xff\n"
    )
    reading = read(raw)
    assert [(b.address, b.status) for b in reading.bounces] == [("tom@wells.example", "5.1.1")]
    assert not [record for record in caplog.records if record.exc_info]


def test_parts_beyond_the_limit_are_left_alone_and_said_so() -> None:
    """Of a mail with more parts than anybody writes the first are read, and a remark tells of the rest."""
    part = b"--x\r\nContent-Type: text/plain\r\n\r\nwords\r\n"
    head = b"From: a@example.org\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n"
    remarks = [read(head + part * count + b"--x--\r\n").notes for count in (MOST_PARTS // 2, MOST_PARTS + 100)]
    assert [any(f"more than {MOST_PARTS} parts" in note for note in notes) for notes in remarks] == [False, True]
