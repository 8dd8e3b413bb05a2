import { randomBelow } from "../core/model/random-id.js";

const FIRST = `amber ash blue bright brown calm clear cold deep dry dusky early even faint fine glacial gray green late
  light loamy mild misty mossy oaken old pale quiet reedy sandy shady silent silty slow small soft still swift tidal warm white wild`.split(
  /\s+/,
);
const SECOND = `alder bay beck birch bog brook burn cove creek delta dune eddy fen fjord ford heron inlet lagoon lake loch marsh
  mere moor osier otter pike pond pool reed ridge rill river sedge shoal shore spring strand tarn tern tide trout weir willow`.split(
  /\s+/,
);

/** A name that nobody has: `calm-tarn`, and with a number after it once the store has very many. */
export function newContainerName(taken: ReadonlySet<string>): string {
  for (let attempt = 0; ; attempt += 1) {
    const words = `${FIRST[randomBelow(FIRST.length)] ?? ""}-${SECOND[randomBelow(SECOND.length)] ?? ""}`;
    const name = attempt < 20 ? words : `${words}-${attempt}`;
    if (!taken.has(name)) return name;
  }
}
