"""What a scenario file says about supply: prices, owned hardware, its site, quotas, APIs."""

from pathlib import Path

from tonnage import units
from tonnage.errors import InvalidInput, UnknownName
from tonnage.files import positive
from workloads.scenario_toml import values as read
from workloads.supply import ApiLimit, ApiSpeed, Inventory, KnownPrice, OwnedHardware, Purchase, Site

WATTS = {"": 1.0, "w": 1.0, "kw": 1e3, "mw": 1e6}
PER_SECOND = {"": 1 / 60, "/min": 1 / 60, "/s": 1.0, "/h": 1 / 3600, "k": 1e3 / 60, "m": 1e6 / 60}
"""Rate limits are written per minute, as providers do."""


def purchases(value: object) -> tuple[Purchase, ...]:
    """Read candidates.purchase."""
    known = [str(item) for item in Purchase if item is not Purchase.OWNED]
    chosen = read.names(value, where="candidates.purchase")
    for name in chosen:
        if name not in known:
            raise UnknownName("candidates.purchase", name, known)
    return tuple(Purchase(name) for name in chosen)


def owned(value: object, *, where: str, folder: Path) -> OwnedHardware:
    """Read one entry of candidates.owned; `folder` is where the path of a profile starts."""
    given = read.table(value, tuple(OwnedHardware.model_fields), where=where)
    if ("device" in given) == ("profile" in given):
        raise InvalidInput(f"{where} needs either a device of the catalog or the path of a profile")
    if ("price_usd" in given) != ("years" in given):
        raise InvalidInput(f"{where} needs both price_usd and the years over which it is written off")
    return OwnedHardware(
        device=read.text(given["device"], where=f"{where}.device") if "device" in given else None,
        profile=str(folder / read.text(given["profile"], where=f"{where}.profile"))
        if "profile" in given
        else None,
        count=read.whole(given.get("count", 1), where=f"{where}.count", at_least=1),
        usd_per_h=read.usd_per_h(given.get("usd_per_h", 0.0), where=f"{where}.usd_per_h", or_zero=True),
        price_usd=read.usd(given["price_usd"], where=f"{where}.price_usd") if "price_usd" in given else None,
        years=_above_zero(given, "years", where=where, unit="years"),
        residual_frac=read.fraction(given.get("residual_frac", 0.0), where=f"{where}.residual_frac"),
        power_w=_watts(given, "power_w", where=where),
    )


def site(value: object) -> Site:
    """Read [site]."""
    keys = ("usd_per_kwh", "pue", "kg_co2_per_kwh", "power_w", "power_kw", "racks", "rack_power_w",
            "rack_power_kw", "rack_devices")  # fmt: skip
    given = _in_watts(read.table(value, keys, where="[site]"), where="site")
    if ("rack_power_w" in given or "rack_devices" in given) and "racks" not in given:
        raise InvalidInput("[site] says what a rack holds, but not how many racks there are")
    pue = read.share(given.get("pue", 1.0), where="site.pue")
    if pue < 1:
        raise InvalidInput(f"site.pue must be at least 1, not {pue:g}: all power over that of the hardware")
    carbon = given.get("kg_co2_per_kwh")
    return Site(
        usd_per_kwh=_per_kwh(given),
        pue=pue,
        kg_co2_per_kwh=None if carbon is None else read.not_negative(carbon, where="site.kg_co2_per_kwh"),
        power_w=_watts(given, "power_w", where="site"),
        racks=_whole(given, "racks", where="site"),
        rack_power_w=_watts(given, "rack_power_w", where="site"),
        rack_devices=_whole(given, "rack_devices", where="site"),
    )


def _per_kwh(given: dict[str, object]) -> float:
    if "usd_per_kwh" not in given:
        return 0.0
    price = read.usd_per_h(given["usd_per_kwh"], where="site.usd_per_kwh", or_zero=True, unit="USD/kWh")
    if price > 5:
        raise InvalidInput(
            f"site.usd_per_kwh = {price:g} is dollars for one kilowatt hour; write "
            f"{price / 100:g} if cents are meant"
        )
    return price


def inventory(value: object, *, where: str) -> Inventory:
    """Read one [[inventory]]."""
    given = read.table(value, tuple(Inventory.model_fields), where=where)
    _need(given, ("device", "count"), where=where)
    way = given.get("purchase")
    return Inventory(
        device=read.text(given["device"], where=f"{where}.device"),
        count=read.whole(given["count"], where=f"{where}.count", at_least=0),
        purchase=None if way is None else _way(way, where=f"{where}.purchase"),
    )


def api_limit(value: object, *, where: str) -> ApiLimit:
    """Read one [[api_limit]]; rates without a unit are per minute."""
    keys = ("provider", "model", "requests_per_min", "tokens_per_min")
    given = read.table(value, keys, where=where)
    if not {"requests_per_min", "tokens_per_min"} & set(given):
        raise InvalidInput(f"{where} limits nothing; give requests_per_min or tokens_per_min")
    return ApiLimit(
        provider=read.text(given.get("provider", "*"), where=f"{where}.provider"),
        model=read.text(given.get("model", "*"), where=f"{where}.model"),
        requests_per_s=_limit(given, "requests_per_min", where=where),
        tokens_per_s=_limit(given, "tokens_per_min", where=where),
    )


def api_speed(value: object, *, where: str) -> ApiSpeed:
    """Read one [[api_speed]]."""
    given = read.table(value, tuple(ApiSpeed.model_fields), where=where)
    _need(given, ("ttft_s", "tpot_s"), where=where)
    return ApiSpeed(
        provider=read.text(given.get("provider", "*"), where=f"{where}.provider"),
        model=read.text(given.get("model", "*"), where=f"{where}.model"),
        ttft_s=read.limit_s(given["ttft_s"], where=f"{where}.ttft_s"),
        tpot_s=read.limit_s(given["tpot_s"], where=f"{where}.tpot_s"),
    )


def price(value: object, *, where: str) -> KnownPrice:
    """Read one [[price]]."""
    given = read.table(value, tuple(KnownPrice.model_fields), where=where)
    _need(given, ("device", "usd_per_h"), where=where)
    way = _way(given.get("purchase", "on-demand"), where=f"{where}.purchase")
    if way is Purchase.OWNED:
        raise InvalidInput(f"{where}: what is owned stands in candidates.owned, with its running cost")
    if "term_years" in given and way is not Purchase.RESERVED:
        raise InvalidInput(f'{where}.term_years goes with purchase = "reserved", not with {way}')
    return KnownPrice(
        device=read.text(given["device"], where=f"{where}.device"),
        usd_per_h=read.usd_per_h(given["usd_per_h"], where=f"{where}.usd_per_h"),
        purchase=way,
        term_years=_above_zero(given, "term_years", where=where, unit="years"),
    )


def _way(value: object, *, where: str) -> Purchase:
    name, known = read.text(value, where=where), [str(item) for item in Purchase]
    if name not in known:
        raise UnknownName(where, name, known)
    return Purchase(name)


def _need(given: dict[str, object], keys: tuple[str, ...], *, where: str) -> None:
    for key in keys:
        if key not in given:
            raise InvalidInput(f"{where} has no {key}")


def _above_zero(given: dict[str, object], key: str, *, where: str, unit: str) -> float | None:
    if key not in given:
        return None
    return positive(read.share(given[key], where=f"{where}.{key}"), name=f"{where}.{key}", unit=unit)


def _whole(given: dict[str, object], key: str, *, where: str) -> int | None:
    return read.whole(given[key], where=f"{where}.{key}", at_least=1) if key in given else None


def _in_watts(given: dict[str, object], *, where: str) -> dict[str, object]:
    """Return `*_kw` as the text of `*_w`."""
    found = dict(given)
    for key in [key for key in given if key.endswith("_kw")]:
        watts = found.pop(key)
        found[key.removesuffix("_kw") + "_w"] = f"{watts}kW" if isinstance(watts, (int, float)) else watts
    return found


def _watts(given: dict[str, object], key: str, *, where: str) -> float | None:
    if key not in given:
        return None
    name = f"{where}.{key}"
    parsed = units.parse(read.number(given[key], where=name), WATTS, name=name, unit="watts", example="10kW")
    return positive(parsed, name=name, unit="watts")


def _limit(given: dict[str, object], key: str, *, where: str) -> float | None:
    if key not in given:
        return None
    name = f"{where}.{key}"
    value = read.number(given[key], where=name)
    value = value if isinstance(value, str) else f"{value!r}/min"
    parsed = units.parse(value, PER_SECOND, name=name, unit="1/min", example="500/min")
    return positive(parsed, name=name, unit=key.replace("_", " "))
