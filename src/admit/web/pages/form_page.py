"""A page with a form: shown empty, or again with what was typed and what is wrong with it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus

from starlette.responses import Response

from admit.core.answers import headers_of, status_of
from admit.errors import AdmitError, BadInput, TooMany
from admit.web.answer import SignInFailed
from admit.web.pages.look import Pages
from admit.web.pages.when import wait

Form = Mapping[str, str]
Checks = Mapping[str, Callable[[], object]]
"""For some fields, what raises BadInput where the field alone tells what is wrong with it."""


@dataclass(frozen=True, slots=True)
class FormPage:
    """``template``, its fields, and for each that must not be left empty the sentence that says so."""

    template: str
    required: Mapping[str, str]
    optional: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Every field."""
        return (*self.required, *self.optional)

    def show(self, pages: Pages, given: Form | None = None, **context: object) -> Response:
        """The page with nothing typed but what is ``given``."""
        form = {name: (given or {}).get(name, "") for name in self.names}
        return pages.page(self.template, form=form, wrong={}, **context)

    async def take(
        self, pages: Pages, form: Form, act: Callable[[], Awaitable[Response]], checks: Checks = {}, **context: object
    ) -> Response:
        """What ``act`` answers; or the page again, where a field is empty or refused, or ``act`` refuses what was typed.

        All that ``checks`` can tell is told at once: nobody mends a form to be refused for the next field.
        """
        faults = dict(self._faults(form, checks))
        if faults:
            return self._again(pages, form, faults, HTTPStatus.UNPROCESSABLE_ENTITY, {}, context)
        try:
            return await act()
        except (BadInput, SignInFailed, TooMany) as error:
            wrong = self._wrong(error)
            return self._again(pages, form, wrong, status_of(error), headers_of(error), context)

    def _faults(self, form: Form, checks: Checks) -> Iterator[tuple[str, str]]:
        for name, sentence in self.required.items():
            if not form[name]:
                yield name, sentence
            elif name in checks:
                try:
                    checks[name]()
                except BadInput as error:
                    yield name, error.public

    def _wrong(self, error: AdmitError) -> dict[str, str]:
        """What is wrong with which field; with the form as a whole under ""."""
        match error:
            case BadInput(field=str(field)) if field in self.names:
                return {field: error.public}
            case TooMany():
                return {"": f"Too many tries. Wait {wait(error.retry_after)}, then try again."}
            case _:
                return {"": error.public}

    def _again(
        self,
        pages: Pages,
        form: Form,
        wrong: Mapping[str, str],
        status: int,
        headers: Mapping[str, str],
        context: Mapping[str, object],
    ) -> Response:
        return pages.page(self.template, status, headers, form=form, wrong=wrong, **context)
