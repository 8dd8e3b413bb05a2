import { HARDWARE_ADDRESS, type Endpoint } from "../../core/ports/endpoints.js";
import { addressOf, aliasesOf, portsOf } from "./stored-attachment.js";
import { matching, objectOf } from "./stored-network.js";

/** The part of a container's record that is about its network, read as hostile text. @throws TypeError. */
export function endpointOf(value: unknown): Endpoint {
  const { ports, address, aliases, hardwareAddress } = objectOf(value, "endpoint");
  return {
    ...(ports === undefined ? {} : { ports: portsOf(ports) }),
    ...(address === undefined ? {} : { address: addressOf(address) }),
    ...(aliases === undefined ? {} : { aliases: aliasesOf(aliases) }),
    ...(hardwareAddress === undefined ? {} : { hardwareAddress: matching(hardwareAddress, "hardwareAddress", HARDWARE_ADDRESS) }),
  };
}
