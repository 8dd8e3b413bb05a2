import { VarveError } from "../../core/errors.js";
import { command, type Command } from "../command.js";
import { openRepository } from "../open-repository.js";
import { printJsonArray } from "../render/json-array.js";
import { hostPlace, portJson, portLine } from "../render/port-text.js";

export const portCommand: Command = command(
  {
    name: "port",
    form: "CONTAINER [PORT[/udp]]",
    summary: "List a container's published ports",
    description: `Lists the ports of a running container that ports of this machine lead to, and these; or the places that lead to PORT alone.`,
    words: [
      { name: "CONTAINER", required: true },
      { name: "PORT[/udp]", required: false },
    ],
    options: {},
    examples: [
      ["varve port web", "80/tcp -> 0.0.0.0:8080"],
      ["curl http://$(varve port web 80)/", "wherever a free port was chosen"],
    ],
    statuses: [
      ["24", "no such container, or nothing leads to PORT"],
      ["33", "it does not run"],
    ],
  },
  async ({ words: [name = "", wanted], session: { terminal, json, ...session } }) => {
    const { containers } = await openRepository({ ...session, terminal, json });
    const { record, pid, attachment } = containers.find(name);
    if (pid === undefined) {
      throw new VarveError("CONTAINER_STOPPED", `Cannot list the ports of container "${record.name}": it does not run`, {
        hint: `Start it with "varve start ${record.name}".`,
      });
    }
    const filter = wanted === undefined ? () => true : portFilter(wanted);
    const ports = (attachment?.ports ?? []).filter(filter);
    if (wanted !== undefined && ports.length === 0)
      throw new VarveError("TARGET_UNKNOWN", `Cannot find port ${wanted} of container "${record.name}": nothing leads to it`, {
        hint: `"varve port ${record.name}" lists those that are published.`,
      });
    if (json) return printJsonArray(terminal, ports.map(portJson));
    terminal.print(ports.map((port) => `${wanted === undefined ? portLine(port) : hostPlace(port)}\n`).join(""));
  },
);

function portFilter(text: string): (port: { readonly containerPort: number; readonly protocol: string }) => boolean {
  const [, number, protocol = "tcp"] = /^(\d{1,5})(?:\/(tcp|udp))?$/.exec(text) ?? [];
  if (number === undefined) throw new VarveError("USAGE", `Cannot read port "${text}": wanted a number, such as 80 or 53/udp`);
  return (port) => port.containerPort === Number(number) && port.protocol === protocol;
}
