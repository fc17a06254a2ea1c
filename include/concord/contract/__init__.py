"""The contract of a feed: what a partner promised, as plain frozen values.

A contract only *declares*. It imports in milliseconds, because Airflow parses
the DAG file in every task process; pandera schemas, SQL and clients are built
from it inside the task that needs them. A contract that contradicts itself
cannot be built: the constructor raises :class:`ContractError` and says where.

``reading.py`` how a value is read · ``rules.py`` rules over several columns ·
``source.py`` where, when, in what order, in which bytes · ``policy.py`` what the
parties agreed on · ``feed.py`` all of it together · ``contradictions.py``.
"""

from concord.contract.answers import Answers
from concord.contract.columnar import Columnar
from concord.contract.contradictions import EXTRA_COLUMNS, contradictions
from concord.contract.envelope import Gzip, Pgp, Wrapping, Zip
from concord.contract.feed import Feed
from concord.contract.fixed import FixedWidth
from concord.contract.policy import Action, Guards, Limit, Mode, Omission, Policy, Scope, Stage, ToDate
from concord.contract.reading import (
    Blank,
    Codes,
    DateText,
    From,
    Moment,
    Number,
    Reader,
    Reference,
    Ssn,
    Text,
    Whole,
    YesNo,
    date_in,
)
from concord.contract.rules import NotAfter, NotBefore, NotInFuture, RequiredWhen, Rule
from concord.contract.sheet import Xlsx
from concord.contract.source import (
    Control,
    ControlFile,
    Daily,
    Delimited,
    FhirBulk,
    FhirNdjson,
    FhirSearch,
    Hl7v2,
    OrderBy,
    SftpDrop,
    Weekdays,
)
from concord.contract.x12 import X12834

__all__ = [
    "EXTRA_COLUMNS",
    "X12834",
    "Action",
    "Answers",
    "Blank",
    "Codes",
    "Columnar",
    "Control",
    "ControlFile",
    "Daily",
    "DateText",
    "Delimited",
    "Feed",
    "FhirBulk",
    "FhirNdjson",
    "FhirSearch",
    "FixedWidth",
    "From",
    "Guards",
    "Gzip",
    "Hl7v2",
    "Limit",
    "Mode",
    "Moment",
    "NotAfter",
    "NotBefore",
    "NotInFuture",
    "Number",
    "Omission",
    "OrderBy",
    "Pgp",
    "Policy",
    "Reader",
    "Reference",
    "RequiredWhen",
    "Rule",
    "Scope",
    "SftpDrop",
    "Ssn",
    "Stage",
    "Text",
    "ToDate",
    "Weekdays",
    "Whole",
    "Wrapping",
    "Xlsx",
    "YesNo",
    "Zip",
    "contradictions",
    "date_in",
]
