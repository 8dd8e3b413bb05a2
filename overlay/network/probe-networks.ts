import { enterPrivateMountNamespace } from "../../linux/namespaces.js";
import { isInUserNamespace } from "../../linux/user-namespace.js";
import { USER_NETWORKS, type UserNetwork } from "../../core/ports/networks.js";
import { withProbeFolder } from "../probe-folder.js";
import { networkToolVersions } from "./netavark.js";
import { tryUserNetwork } from "./user-network.js";

interface NetworkProbe {
  readonly name: string;
  /** @returns What was found. @throws VarveError with a hint. */
  readonly find: () => string;
}

/** What the networks of this user's containers need: an ordinary user's are tried out; a bridge would change this machine. */
export function networkProbes(): readonly NetworkProbe[] {
  if (!isInUserNamespace()) return [{ name: "networks", find: networkToolVersions }];
  return USER_NETWORKS.map((tool) => ({ name: `network ${tool}`, find: () => tried(tool) }));
}

function tried(tool: UserNetwork): string {
  enterPrivateMountNamespace();
  return `${withProbeFolder(({ path }) => tryUserNetwork(path, tool))} ties a namespace to this machine's network`;
}
