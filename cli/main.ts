import { giveBackCertificates } from "../core/held-certificates.js";
import { VERSION } from "./version.js";

giveBackCertificates(process.env);
const words = process.argv.slice(2);
// Before anything else is loaded: scripts ask for the version often, and it must cost what `node -e 0` costs.
if (words.length === 1 && ["--version", "-V", "version"].includes(words[0] ?? "")) {
  process.stdout.write(`varve ${VERSION}\n`);
} else {
  void run();
}

async function run(): Promise<void> {
  const { endProcess, runCommandLine } = await import("./command-line.js");
  await endProcess(await runCommandLine());
}
