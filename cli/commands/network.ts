import { VarveError } from "../../core/errors.js";
import type { NetworkRecord, Networks, NetworkStatus } from "../../core/ports/networks.js";
import { command, type Command, type OptionValues, type Session } from "../command.js";
import { openNetworks, openRepository } from "../open-repository.js";
import { wordMissing, wordTooMany } from "../parse-words.js";
import { printJson, printJsonArray } from "../render/json-array.js";
import { textTable } from "../render/text-table.js";

const FORM = { name: "network", form: "create NAME | ls | inspect NAME | rm NAME…" } as const;

const options = {
  subnet: { type: "string", value: "SUBNET", describe: "For create: its addresses, such as 10.90.3.0/24 (default: free ones)" },
  gateway: { type: "string", value: "IP", describe: "For create: this machine's own address on it (default: the first)" },
  internal: { type: "boolean", describe: "For create: without a route out of this machine; names are looked up all the same" },
} as const;

export const networkCommand: Command = command(
  {
    ...FORM,
    summary: "Make, list and remove networks of containers",
    description: `A network is a bridge of this machine that containers are tied to with "varve run --network NAME". On one that you made
they reach each other by name. The network "bridge" is made when a container first asks for it; on it there are no names.
"create" prints the name, "ls" lists all with the containers that run on them, "inspect" tells one as JSON, and "rm" removes
those that no running container is on; making and removing one needs root. Nothing of a network stands in the system before a container runs on it. netavark (package
netavark), aardvark-dns and iptables do the work; they let this machine forward packets (net.ipv4.ip_forward).`,
    words: [
      { name: "create|ls|inspect|rm", required: false },
      { name: "NAME", required: false, many: true },
    ],
    options,
    examples: [
      ["varve network create lab", "then: varve run -d --network lab --name db base -- postgres"],
      ["varve network create --internal --subnet 10.90.3.0/24 lab", "with addresses of your choice, and no route out"],
      ["varve network rm lab", "when nothing runs on it any more"],
    ],
    statuses: [
      ["24", "no such network"],
      ["30", "there is a network of that name"],
      ["32", "a container runs on it"],
      ["50", "not root"],
      ["54", "the subnet is in use"],
    ],
  },
  async ({ words: [action = "ls", ...names], options: given, session }) => {
    if (action !== "create") refuseOptions(action, given);
    if (action === "ls") {
      if (names[0] !== undefined) throw wordTooMany(FORM, names[0]);
      return list(session, (await networksOf(session)).list());
    }
    if (!["create", "inspect", "rm"].includes(action)) throw unknownAction(action);
    const [name] = names;
    if (name === undefined) throw wordMissing(FORM, "NAME");
    if (action !== "rm" && names[1] !== undefined) throw wordTooMany(FORM, names[1]);
    const networks = await networksOf(session, action === "create");
    if (action === "inspect") return printJson(session.terminal, statusJson(networks.find(name)));
    if (action === "rm") return remove(session, networks, names);
    return tell(session, [networks.create({ name, ...given })]);
  },
);

async function networksOf(session: Session, make = false): Promise<Networks> {
  const repository = await openRepository(session, { make });
  // What killed commands left is cleared when containers are looked at.
  repository.containers.list();
  return openNetworks(repository);
}

function refuseOptions(action: string, { subnet, gateway, internal }: OptionValues<typeof options>): void {
  const option = subnet !== undefined ? "--subnet" : gateway !== undefined ? "--gateway" : internal ? "--internal" : undefined;
  if (option === undefined) return;
  throw new VarveError("USAGE", `Cannot use ${option} with varve network ${action}: it is for varve network create`);
}

function unknownAction(action: string): VarveError {
  return new VarveError("USAGE", `Cannot run varve network "${action}": there is no such action`, {
    hint: `The form is: varve network ${FORM.form}`,
  });
}

/** All are looked up before the first goes. */
function remove(session: Session, networks: Networks, names: readonly string[]): void {
  const distinct = [...new Set(names.map((name) => networks.find(name).record.name))];
  tell(
    session,
    distinct.map((name) => networks.remove(name)),
  );
}

function tell({ terminal, json }: Session, records: readonly NetworkRecord[]): void {
  if (json) for (const record of records) printJson(terminal, recordJson(record));
  else terminal.print(records.map(({ name }) => `${name}\n`).join(""));
}

function list({ terminal, json }: Session, statuses: readonly NetworkStatus[]): Promise<void> | void {
  if (json) return printJsonArray(terminal, statuses.map(statusJson));
  if (statuses.length === 0) return terminal.say("There is no network. Make one with: varve network create NAME");
  const rows = statuses.map(({ record: { name, subnet, internal }, members }) => [
    name,
    subnet,
    internal ? "yes" : "no",
    members.map((member) => member.name).join(" "),
  ]);
  terminal.print(textTable([["NAME", "SUBNET", "INTERNAL", "CONTAINERS"], ...rows]));
}

function recordJson({
  name,
  id,
  subnet,
  gateway,
  interfaceName,
  internal,
  dns,
  created,
}: NetworkRecord): Record<string, unknown> {
  return { name, id, subnet, gateway, interface: interfaceName, internal, dns, created };
}

function statusJson({ record, members }: NetworkStatus): Record<string, unknown> {
  return { ...recordJson(record), containers: members.map(({ id, name, address }) => ({ id, name, address })) };
}
