"""The options of a command, checked before anything is asked of AWS."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from keyturn.cli.deployed import deployed_settings
from keyturn.cli.given import as_given, given
from keyturn.cli.identifiers import check_role
from keyturn.cli.needs import WHICH_KMS_KEY, WHICH_SEAL_KEY, Needs, asks_first, to_enforce
from keyturn.cli.options import (
    AccountOptions,
    NotifyBy,
    NotifyOptions,
    OwnersFileOptions,
    SettingOptions,
    StageOptions,
)
from keyturn.configuration import MOST_PARALLEL
from keyturn.domain.errors import InvalidValue
from keyturn.domain.key import Account
from keyturn.domain.policy import ProofOfNotice
from keyturn.ports import OwnersFileStore
from keyturn.settings import Settings
from keyturn.wiring import local_owners_file


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """Options that break no rule, and what follows from them."""

    where: AccountOptions
    settings: Settings
    notify: NotifyBy | None = None
    asks: bool = False
    """Whether the operator is to be asked first."""
    owners_file: OwnersFileStore | None = None
    """The owners file of this machine that counts in place of the bucket's; None: none does."""
    later: Needs = field(default_factory=dict)
    """What is missing for --enforce."""

    @property
    def to_enforce(self) -> str:
        """What a dry run says of the run that it promises."""
        return to_enforce(self.later)


def checked(  # noqa: PLR0913 -- a group of options each, and what the command needs
    where: AccountOptions,
    rules: SettingOptions,
    telling: NotifyOptions | None = None,
    *,
    owners_by: OwnersFileOptions | None = None,
    stage: StageOptions | None = None,
    enforce: bool = False,
    yes: bool = False,
    needs: Needs | None = None,
    must_tell: str | None = None,
    writes_secrets: bool = True,
) -> Checked:
    """
    Read the options; what is wrong or missing is refused before anything is asked of AWS.

    The functions' settings, where they are wanted, are asked for at the end.

    needs: what is missing even for a dry run. must_tell: why nothing can be enforced without a way
    to tell people; None: it can. writes_secrets: whether it does nothing without the users'
    secrets; a leaked key is stopped before anybody looks at one.
    """
    own = given(where, rules, *(each for each in (telling, stage) if each))
    settings = _settings(own)
    _check_where(where, stage)
    path = owners_by.owners_file if owners_by else None
    owners_file = local_owners_file(path, "--owners-file") if path else None
    notify = telling.notify if telling else None
    to_tell = _needs_to_tell(settings, notify) if notify and not where.deployed else {}
    later: dict[str, str] = {}
    if not where.deployed:
        if must_tell and notify is None:
            later |= {"--notify": must_tell, **_needs_to_tell(settings, None)}
        if writes_secrets:
            later |= _needs_to_write_secrets(where, rules)
    missing = {**(needs or {}), **to_tell, **(later if enforce else {})}
    asks = asks_first(enforce=enforce, yes=yes, needs=missing)
    if where.deployed:
        where, settings = _as_deployed(where, own)
        if enforce and telling is not None:
            notify = notify or NotifyBy.BUS
        if notify:
            asks_first(enforce=False, yes=yes, needs=_needs_to_tell(settings, notify))
    return Checked(
        where=where,
        settings=settings,
        notify=notify,
        asks=asks,
        owners_file=owners_file,
        later=later,
    )


def _settings(own: Mapping[str, object]) -> Settings:
    """The settings among the options."""
    try:
        return Settings.read(own)
    except InvalidValue as error:
        raise as_given(error, own, "the default") from None


def _needs_to_tell(settings: Settings, notify: NotifyBy | None) -> Needs:
    """What is missing for people to be told; without a channel, on any."""
    values = {"--bucket": settings.bucket, "--admin": settings.admin}
    if notify is NotifyBy.BUS:
        values["--bus"] = settings.bus
    why = f" with --notify {notify}" if notify else " with --notify"
    needs = {option: why for option, value in values.items() if not value}
    by_delivery = settings.policy.proof_of_notice is ProofOfNotice.DELIVERED
    if notify is NotifyBy.SES and by_delivery and not settings.configuration_set:
        # Without it SES reports no delivery: no mail ever counts, and no key ends.
        needs["--configuration-set"] = " where --proof-of-notice is Delivered"
    return needs


def _needs_to_write_secrets(where: AccountOptions, rules: SettingOptions) -> Needs:
    """What is missing to know, and to make, the users' secrets."""
    needs: dict[str, str] = {}
    if where.role_name is not None and rules.secrets_kms_key is None:
        needs["--secrets-kms-key"] = WHICH_KMS_KEY
    if not rules.seal_key:
        needs["--seal-key"] = WHICH_SEAL_KEY
    return needs


def _as_deployed(
    where: AccountOptions, own: Mapping[str, object]
) -> tuple[AccountOptions, Settings]:
    """Look where the functions look, and as what they do."""
    settings = deployed_settings(where.profile, where.region, own)
    filled = replace(
        where,
        role_name=settings.member_role,
        org_list_role=settings.list_role or None,
        org_list_account=settings.list_account or None,
    )
    return filled, settings


def _check_where(where: AccountOptions, stage: StageOptions | None) -> None:
    if not 1 <= where.parallel <= MOST_PARALLEL:
        raise InvalidValue("--parallel", where.parallel, f"must be from 1 to {MOST_PARALLEL}")
    for each in where.account or ():
        Account(id=each)
    check_role(where.role_name)
    if where.role_name is None and not where.deployed:
        for option, value in (
            ("--ou", where.ou),
            ("--not-account", where.not_account),
            ("--not-ou", where.not_ou),
            ("--enforced-accounts", stage and stage.enforced_accounts),
            ("--external-id", where.external_id),
            ("--org-list-role", where.org_list_role),
        ):
            if value:
                shown_value = ",".join(value) if isinstance(value, list) else value
                raise InvalidValue(option, shown_value, "needs --role-name")
    if where.org_list_role is not None and not (where.org_list_account or where.deployed):
        raise InvalidValue("--org-list-role", where.org_list_role, "needs --org-list-account")
