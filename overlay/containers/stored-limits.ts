import {
  BLOCK_RATE_KINDS,
  BLOCK_WEIGHT,
  conflictOf,
  CPU_LIST,
  CPU_PERIOD_MICROSECONDS,
  CPU_SHARES,
  LEAST_CPU_QUOTA_MICROSECONDS,
  type BlockRate,
  type Limits,
} from "../../core/ports/container-limits.js";
import { integerOf, listOf, objectOf, optional, positiveOf, textOf } from "../checked-json.js";

/** The limits of a record, read as hostile text. @throws TypeError. */
export function storedLimits(value: unknown): Limits {
  const json = objectOf(value, "limits");
  const whole = (name: keyof Limits, least: number, most?: number): object =>
    optional(name, json[name], (number) => integerOf(number, name, least, most));
  const limits = {
    ...whole("memoryBytes", 1),
    ...whole("memorySwapBytes", -1),
    ...whole("memoryReservationBytes", 1),
    ...whole("processes", 1),
    ...optional("cpus", json["cpus"], positiveOf),
    ...whole("cpuShares", CPU_SHARES.least, CPU_SHARES.most),
    ...whole("cpuPeriodMicroseconds", CPU_PERIOD_MICROSECONDS.least, CPU_PERIOD_MICROSECONDS.most),
    ...whole("cpuQuotaMicroseconds", LEAST_CPU_QUOTA_MICROSECONDS),
    ...optional("cpuset", json["cpuset"], listText),
    ...optional("memoryNodes", json["memoryNodes"], listText),
    ...whole("blockWeight", BLOCK_WEIGHT.least, BLOCK_WEIGHT.most),
    ...optional("blockRates", json["blockRates"], (rates) => listOf(rates, "blockRates", rateOf)),
  } as Limits;
  const conflict = conflictOf(limits);
  if (conflict !== undefined) throw new TypeError(conflict);
  return limits;
}

function listText(value: unknown, name: string): string {
  const text = textOf(value, name);
  if (!CPU_LIST.test(text)) throw new TypeError(`"${name}" is no list of numbers`);
  return text;
}

function rateOf(value: unknown): BlockRate {
  const json = objectOf(value, "blockRates");
  const kind = BLOCK_RATE_KINDS.find((each) => each === json["kind"]);
  if (kind === undefined) throw new TypeError('"kind" is no kind of rate');
  const device = textOf(json["device"], "device");
  if (!device.startsWith("/")) throw new TypeError('"device" is no absolute path');
  return { kind, device, rate: integerOf(json["rate"], "rate", 1) };
}
