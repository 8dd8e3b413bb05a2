import type { LoadedImage } from "../../core/exchange/load-images.js";
import type { Session } from "../command.js";
import { printableLine } from "../printable.js";
import { printJsonArray } from "./json-array.js";
import { refText, shortId } from "./names.js";
import { counted } from "./quantities.js";

/** @param verb As docker has it: "Loaded image". */
export async function reportImages({ terminal, json }: Session, verb: string, loaded: readonly LoadedImage[]): Promise<void> {
  for (const warning of loaded.flatMap(({ warnings }) => warnings))
    terminal.complain(`varve: warning: ${printableLine(warning)}\n`);
  if (json) return printJsonArray(terminal, loaded.map(imageJson));
  for (const { references, branch, commit, added } of loaded) {
    for (const reference of references) terminal.print(`${verb}: ${printableLine(reference)}\n`);
    const steps = added === 0 ? "all of it was there already" : `${counted(added, "commit")} new`;
    const made = branch === undefined ? "" : `, branch ${refText(branch)}`;
    terminal.say(`[${printableLine(references[0] ?? "")} ${shortId(commit.id)}] ${steps}${made}`);
  }
  const [first] = loaded;
  if (first === undefined) return;
  const name = printableLine(first.references[0] ?? "");
  terminal.say(`Look at it: varve log ${name}. Run something on it: varve run ${name} -- CMD…`);
}

function imageJson({ references, branch, commit, added, warnings }: LoadedImage): Record<string, unknown> {
  const { image, id, tree } = commit;
  return {
    references,
    branch: branch === undefined ? null : refText(branch),
    commit: id,
    tree,
    image: image?.config?.digest ?? null,
    manifest: image?.manifest?.digest ?? null,
    added,
    warnings,
  };
}
