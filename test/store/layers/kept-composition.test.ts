import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import test from "ava";
import type { LayerId } from "../../../core/model/ids.js";
import { composeChain } from "../../../store/layers/chain-composition.js";
import { keptComposition } from "../../../store/layers/kept-composition.js";
import { temporaryStore } from "../../helpers/temporary-store.js";

/** Newest first: the newest is the last number. */
const chainOf = (length: number, from = 0): LayerId[] =>
  Array.from({ length }, (_, n) => (from + length - n).toString(16).padStart(64, "0") as LayerId);

test("a long chain's parts are written down, and read for that very chain alone", (t) => {
  const layout = temporaryStore(t);
  const [chain, other] = [chainOf(700), [...chainOf(699, 1), "f".repeat(64) as LayerId]];
  for (const each of [chain, chain, other, chain.slice(1), chain]) {
    t.deepEqual(keptComposition(layout, each), composeChain(each));
    t.deepEqual(keptComposition(layout, each), composeChain(each));
  }
  t.deepEqual(readdirSync(layout.compositions), ["0"]);
});

test("a short chain's are not", (t) => {
  const layout = temporaryStore(t);
  t.deepEqual(keptComposition(layout, chainOf(12)), composeChain(chainOf(12)));
  t.false(readdirSync(layout.views).includes("compositions"));
});

const damages: Readonly<Record<string, (text: string) => string>> = {
  "is empty": () => "",
  "is cut off": (text) => text.slice(0, -40),
  "has a gap": (text) => text.replace(/\{[^}]*\},/, ""),
  "has a part twice": (text) => text.replace(/(\{[^}]*\},)/, "$1$1"),
  "names another layer": (text) => text.replace(/"newest":"0/, '"newest":"1'),
  "has a key that is none": (text) => text.replace(/"key":"[^"]*"/, '"key":"../../x"'),
  "is no list": (text) => `${text.split("\n")[0]!}\n{}\n`,
};

for (const [state, damage] of Object.entries(damages)) {
  test(`a composition whose file ${state} is made again`, (t) => {
    const layout = temporaryStore(t);
    const chain = chainOf(100);
    keptComposition(layout, chain);
    const file = path.join(layout.compositions, "0");
    const text = readFileSync(file, "utf8");
    t.not(damage(text), text);
    writeFileSync(file, damage(text));
    t.deepEqual(keptComposition(layout, chain), composeChain(chain));
    t.is(readFileSync(file, "utf8"), text);
  });
}

test("where nothing can be written it is made each time", (t) => {
  const layout = temporaryStore(t);
  writeFileSync(layout.compositions, "a file in the place of the folder");
  t.deepEqual(keptComposition(layout, chainOf(100)), composeChain(chainOf(100)));
});
