"""An extension of griffe, which reads the docstrings for the reference."""

import re
from typing import Any

from griffe import Class, Docstring, DocstringSectionParameters, Extension, Object

EXAMPLE = re.compile(r"^>>> .*?(?=\n\n|\Z)", re.M | re.S)
ARGS = re.compile(r"^Args:\n(?:(?: +.*)?(?:\n|\Z))+", re.M)


class ReferenceExtension(Extension):
    """Shows the fields of pydantic models one by one, and examples as code."""

    def on_class(self, *, cls: Class, **kwargs: Any) -> None:
        """Give each field the text that the model's docstring has for it."""
        if not cls.docstring or "__init__" in cls.members or not ARGS.search(cls.docstring.value):
            return
        for section in cls.docstring.parse("google", warnings=False):
            if isinstance(section, DocstringSectionParameters):
                for field in section.value:
                    if field.name in cls.members:
                        text = Docstring(field.description, parent=cls.members[field.name])
                        cls.members[field.name].docstring = text
        cls.docstring.value = ARGS.sub("", cls.docstring.value).strip()

    def on_object(self, *, obj: Object, **kwargs: Any) -> None:
        """Put examples between fences; Markdown would take ``>>>`` for quotations."""
        if obj.docstring:
            obj.docstring.value = EXAMPLE.sub(r"```pycon\n\g<0>\n```", obj.docstring.value)
